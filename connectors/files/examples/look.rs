//! x
use kernel_model::*;
struct S(usize,usize);
impl Sink for S { fn change(&mut self,c:Change)->Result<(),SinkError>{ self.0+=c.row_count(); Ok(()) } fn refused(&mut self,r:Rejection){ self.1+=1; if self.1<=std::env::var("N").ok().and_then(|n|n.parse().ok()).unwrap_or(5) { println!("{} | {} | {}", r.place,r.reason,r.sample); } } }
fn main(){ let mut a=std::env::args().skip(1); let p=a.next().unwrap(); let o=connectors_files::Options{crs:a.next(),..Default::default()}; let mut s=S(0,0); let t=std::time::Instant::now(); let r=connectors_files::read_file(p.as_ref(),&o,&mut s); println!("{r:?} rows {} refused {} {:?}", s.0,s.1,t.elapsed()); if let Err(e)=r {println!("{e}")} }

//! Times of what the pilot promises, on a file and on made assemblies. `cargo run --profile quick -p pilots-assembly
//! --example figures -- FILE`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures")]

use std::path::Path;
use std::time::Instant;

use pilots_assembly::{Checker, Limits, Relation, Unit, check, read_file, sequence};

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let begun = Instant::now();
    let assembly = read_file(Path::new(&file), Some(Unit::Mm)).unwrap();
    println!("read {} parts, {} triangles in {:?}", assembly.parts.len(), assembly.triangle_count(), begun.elapsed());
    let limits = Limits { tolerance_mm: 0.1, clearance_mm: 1.0, pairs: Vec::new() };
    let begun = Instant::now();
    let mut checker = Checker::new(&assembly, limits).unwrap();
    let found = checker.all();
    println!("all pairs {:?}", begun.elapsed());
    for relation in [Relation::Clash, Relation::Contact, Relation::Near] {
        println!("  {relation:?} {}", found.iter().filter(|f| f.relation == relation).count());
    }
    for f in found.iter().filter(|f| f.relation == Relation::Clash) {
        let id = |n: usize| &assembly.parts[n].id;
        println!("  {} {} {:.3}..{:.3} at {:.1}", id(f.a), id(f.b), f.depth_mm, f.depth_at_most_mm, f.at_mm);
    }
    println!("open: {:?}", assembly.parts.iter().filter(|p| !p.mesh.is_closed()).map(|p| &p.id).collect::<Vec<_>>());
    let mut slowest = (std::time::Duration::ZERO, 0);
    for part in 0..assembly.parts.len() {
        let pose = assembly.parts[part].pose;
        let begun = Instant::now();
        checker.moved(part, pose).unwrap();
        slowest = slowest.max((begun.elapsed(), part));
    }
    println!("moved: slowest {:?} {}", slowest.0, assembly.parts[slowest.1].id);
    let begun = Instant::now();
    let plan = sequence(&assembly, 0.1).unwrap();
    println!(
        "sequence {:?}: {} steps, {} stay, {} stuck",
        begun.elapsed(),
        plan.steps.len(),
        plan.stay.len(),
        plan.stuck.len()
    );
    for a in &plan.allowances {
        println!(
            "  allowed {} {} depth {:.3} allowed {:?}",
            assembly.parts[a.a].id, assembly.parts[a.b].id, a.depth_mm, a.allowed_mm
        );
    }
    let begun = Instant::now();
    let checked = check(&assembly, &plan, 0.5);
    println!("checked {:?}", begun.elapsed());
    for (step, checked) in plan.steps.iter().zip(&checked) {
        let ids: Vec<&String> = step.parts.iter().map(|p| &assembly.parts[*p].id).collect();
        println!("  {ids:?} {:.1?} {} {} {:?}", step.path, checked.is_free(), checked.crossings, checked.deepest);
    }
    for stuck in &plan.stuck {
        let by: Vec<String> =
            stuck.blocked.iter().map(|(d, other)| format!("{d:.2}:{}", assembly.parts[*other].id)).collect();
        println!("  stuck {} by {}", assembly.parts[stuck.part].id, by.join(" "));
    }
}

//! The frame of our pages: one style, nothing from elsewhere.

/// Text made safe for HTML.
pub(super) fn safe(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;color:#1d2129;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{margin:.3rem 0}\
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #dde1e7}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
tr.clash td:first-child{color:#b3261e;font-weight:600}\
section{display:grid;grid-template-columns:34rem 1fr;gap:1rem;border-top:1px solid #dde1e7;padding:.8rem 0;break-inside:avoid}\
section img{width:34rem;max-width:100%}section h2{margin-top:0}.q{color:#5b6472;font-size:.9rem}\
@media(max-width:60rem){section{grid-template-columns:1fr}}\
@media print{body{margin:0;max-width:none;font-size:12px}section{grid-template-columns:11cm 1fr}section img{width:11cm}}";

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        safe(title)
    )
}

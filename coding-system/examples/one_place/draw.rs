//! A panel of a picture: degrees come in, SVG goes out. Plate carrée, stretched by the cosine of the latitude in the middle, so that a
//! kilometre is as long in both directions there.

use std::fmt::Write;

use coding_system::LonLatBox;

use crate::map::{Line, Map, closed};

pub(crate) const WIDE: f64 = 300.0;
pub(crate) const HIGH: f64 = 240.0;
const GAP: f64 = 16.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 40.0;

const STYLE: &str = "text{font-family:'Noto Sans','Noto Sans CJK SC',sans-serif;font-size:12px;fill:#333}\
.title{font-size:17px;font-weight:600;fill:#222}.code{font-family:'Noto Sans Mono',monospace;font-size:12px}\
.paper{fill:#faf8f3;stroke:#bbb}.water{fill:none;stroke:#4a90c2;stroke-width:1.6}.road{fill:none;stroke:#c8bfae;stroke-width:2.4}\
.cell{fill:none;stroke:#8a5a2b;stroke-width:.6}.inner{fill:#3a9d5d;fill-opacity:.38;stroke:#24693d;stroke-width:.6}\
.outer{fill:#e08a1e;fill-opacity:.28;stroke:#a4600d;stroke-width:.6}.here{fill:#c0392b;fill-opacity:.28;stroke:#c0392b;stroke-width:1.4}\
.area{fill:none;stroke:#1d2b53;stroke-width:1.6}.place{fill:#c0392b;stroke:#fff;stroke-width:1}";

/// One map of a picture.
pub(crate) struct Panel {
    view: LonLatBox,
    body: String,
    captions: [String; 2],
}

impl Panel {
    /// A map around a place, so many degrees of longitude wide.
    pub(crate) fn around(map: &Map, (lon, lat): (f64, f64), wide_deg: f64) -> Self {
        let high_deg = wide_deg * HIGH / WIDE * lat.to_radians().cos();
        let (west, east) = ((lon - wide_deg / 2.0).max(-180.0), (lon + wide_deg / 2.0).min(180.0));
        let (south, north) = ((lat - high_deg / 2.0).max(-90.0), (lat + high_deg / 2.0).min(90.0));
        // The sides are in range because they are cut there.
        let view = LonLatBox::new(west, south, east, north).unwrap_or_else(|_| whole_earth());
        let mut panel = Self { view, body: String::new(), captions: [String::new(), String::new()] };
        for (class, line) in &map.lines {
            panel.line(class, line);
        }
        panel
    }

    pub(crate) fn captions(mut self, above: impl Into<String>, code: impl Into<String>) -> Self {
        self.captions = [above.into(), code.into()];
        self
    }

    fn at(&self, (lon, lat): (f64, f64)) -> (f64, f64) {
        let x = (lon - self.view.west_deg()) / (self.view.east_deg() - self.view.west_deg()) * WIDE;
        let y = (self.view.north_deg() - lat) / (self.view.north_deg() - self.view.south_deg()) * HIGH;
        (x, y)
    }

    pub(crate) fn line(&mut self, class: &str, line: &[(f64, f64)]) {
        let path = self.path(&[line.to_vec()]);
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    pub(crate) fn rings(&mut self, class: &str, rings: &[Line]) {
        let path = self.path(&rings.iter().map(|ring| closed(ring)).collect::<Vec<_>>());
        let _ = writeln!(self.body, "<path class=\"{class}\" fill-rule=\"evenodd\" d=\"{path}\"/>");
    }

    pub(crate) fn cell(&mut self, class: &str, area: &LonLatBox) {
        self.rings(class, &[corners(area)]);
    }

    pub(crate) fn place(&mut self, place: (f64, f64)) {
        let (x, y) = self.at(place);
        let _ = writeln!(self.body, "<circle class=\"place\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }

    fn path(&self, lines: &[Line]) -> String {
        let mut path = String::new();
        for line in lines {
            for (i, p) in line.iter().enumerate() {
                let (x, y) = self.at(*p);
                // Far corners of large cells are cut, well outside the panel.
                let (x, y) = (x.clamp(-2e4, 2e4), y.clamp(-2e4, 2e4));
                let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
            }
        }
        path
    }
}

fn whole_earth() -> LonLatBox {
    LonLatBox::new(-180.0, -90.0, 180.0, 90.0).unwrap_or_else(|_| unreachable!("the whole Earth is a box"))
}

fn corners(b: &LonLatBox) -> Line {
    vec![
        (b.west_deg(), b.south_deg()),
        (b.east_deg(), b.south_deg()),
        (b.east_deg(), b.north_deg()),
        (b.west_deg(), b.north_deg()),
    ]
}

/// A picture of panels, so many in a row, under a title.
pub(crate) fn picture(title: &str, note: &str, panels: &[Panel], columns: usize) -> String {
    let rows = panels.len().div_ceil(columns);
    let (wide, high) = (GAP + columns as f64 * (WIDE + GAP), HEAD + rows as f64 * (HIGH + FOOT + GAP) + 18.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <clipPath id=\"panel\"><rect width=\"{WIDE}\" height=\"{HIGH}\"/></clipPath>\n\
         <text class=\"title\" x=\"{GAP}\" y=\"28\">{title}</text>\n"
    );
    for (i, panel) in panels.iter().enumerate() {
        let (x, y) = (GAP + (i % columns) as f64 * (WIDE + GAP), HEAD + (i / columns) as f64 * (HIGH + FOOT + GAP));
        let [above, code] = &panel.captions;
        let _ = write!(
            svg,
            "<g transform=\"translate({x} {y})\">\n<g clip-path=\"url(#panel)\">\n<rect class=\"paper\" width=\"{WIDE}\" height=\"{HIGH}\"/>\n\
             {}</g>\n<rect class=\"paper\" style=\"fill:none\" width=\"{WIDE}\" height=\"{HIGH}\"/>\n\
             <text x=\"0\" y=\"{}\">{above}</text>\n<text class=\"code\" x=\"0\" y=\"{}\">{code}</text>\n</g>\n",
            panel.body,
            HIGH + 16.0,
            HIGH + 33.0,
        );
    }
    let _ = write!(svg, "<text x=\"{GAP}\" y=\"{}\" style=\"fill:#777\">{note}</text>\n</svg>\n", high - 8.0);
    svg
}

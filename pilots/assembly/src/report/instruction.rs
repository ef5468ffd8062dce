//! The work instruction: a page with a picture of each step, forwards (taking apart) or backwards (putting together). The
//! parts that move are orange and drawn some way along their path, with an arrow; what stays is pale.

use std::fmt::Write as _;

use base64::Engine as _;
use glam::{DAffine3, DVec3};

use super::html::{page, safe};
use super::steps::{SequenceReport, StepRow};
use crate::error::Error;
use crate::parallel::each;
use crate::part::{Assembly, Part};
use crate::picture::{Canvas, Item, View};
use crate::sequence::{Plan, Step};
use crate::tree::Aabb;

const WIDTH: usize = 640;
const HEIGHT: usize = 460;
const MOVING: [u8; 3] = [245, 140, 30];
const ARROW: [u8; 3] = [200, 30, 40];

/// Which way the instruction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first step takes the first part off.
    Disassembly,
    /// The first step puts the last two parts together.
    Assembly,
}

/// The page.
///
/// # Errors
/// [`Error::Picture`].
pub fn instruction(assembly: &Assembly, plan: &Plan, report: &SequenceReport, order: Order) -> Result<String, Error> {
    let pictures = each(plan.steps.len(), |i| picture(assembly, &plan.steps[i], order));
    let title = match order {
        Order::Disassembly => "Taking apart",
        Order::Assembly => "Putting together",
    };
    let mut body =
        format!("<h1>{title}: {}</h1>\n<p class=\"q\">{}</p>\n", safe(report.file()), safe(&report.summary()));
    let mut steps: Vec<_> = report.steps.iter().zip(pictures).collect();
    if order == Order::Assembly {
        steps.reverse();
    }
    let count = steps.len();
    let number = |step: usize| if order == Order::Assembly { count + 1 - step } else { step };
    for (step, picture) in steps {
        let image = base64::engine::general_purpose::STANDARD.encode(picture?);
        let words = words(step, order, &number);
        let _ = writeln!(
            body,
            "<section><img src=\"data:image/png;base64,{image}\" alt=\"step {0}\"><div><h2>Step {0}</h2>{words}</div></section>",
            number(step.step)
        );
    }
    body.push_str(&allowances(report));
    Ok(page(&format!("{title}: {}", report.file()), &body))
}

fn words(step: &StepRow, order: Order, number: &impl Fn(usize) -> usize) -> String {
    let mut out =
        format!("<p><b>{}</b></p>", step.parts.iter().map(|part| safe(part)).collect::<Vec<_>>().join("<br>"));
    let mut path = step.path_mm.clone();
    if order == Order::Assembly {
        path.reverse();
        path.iter_mut().flatten().for_each(|v| *v = -*v + 0.0);
    }
    for shift in &path {
        let [x, y, z] = *shift;
        let length = DVec3::from(*shift).length();
        let _ = write!(out, "<p>{length:.0} mm along x {x:.1}, y {y:.1}, z {z:.1}</p>");
    }
    if !step.after.is_empty() {
        let (word, steps): (_, Vec<String>) = match order {
            Order::Disassembly => ("after", step.after.iter().map(|n| number(*n).to_string()).collect()),
            Order::Assembly => ("before", step.after.iter().rev().map(|n| number(*n).to_string()).collect()),
        };
        let _ = write!(out, "<p class=\"q\">{word} step {}</p>", steps.join(", "));
    }
    let free = if step.check.free { "free at" } else { "<b>NOT free</b> at one of" };
    let _ = write!(out, "<p class=\"q\">checked: {free} {} positions", step.check.positions);
    if let Some(one) = step.check.deepest.as_ref().filter(|one| one.depth_mm > 0.0) {
        let (part, other) = (safe(&one.part), safe(&one.other));
        let _ = write!(
            out,
            "; the deepest found: {part} {:.3} mm in {other}, allowed {:.3} mm",
            one.depth_mm, one.allowed_mm
        );
    }
    out.push_str("</p>");
    out
}

fn allowances(report: &SequenceReport) -> String {
    let mut rows = String::new();
    for (a, b, depth, allowed) in report.allowance_rows() {
        let allowed = allowed.map_or_else(|| "not tested".to_owned(), |mm| format!("{mm:.3}"));
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{depth:.3}</td><td class=\"n\">{allowed}</td></tr>",
            safe(a),
            safe(b)
        );
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<h2>Pairs that are in each other in the model</h2><table><thead><tr><th>part</th><th>part</th><th class=\"n\">deep in the \
         model, mm</th><th class=\"n\">allowed, mm</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
    )
}

fn item(part: &Part, shift: DVec3, colour: [u8; 3]) -> Item<'_> {
    Item { mesh: &part.mesh, pose: DAffine3::from_translation(shift) * part.pose, colour }
}

fn picture(assembly: &Assembly, step: &Step, order: Order) -> Result<Vec<u8>, Error> {
    let parts = &assembly.parts;
    let bounds = |all: &[usize]| all.iter().map(|i| parts[*i].bounds()).fold(Aabb::EMPTY, Aabb::union);
    let (moving, staying) = (bounds(&step.parts), bounds(&step.against));
    let size = (moving.union(staying).hi - moving.union(staying).lo).length();
    let stops = stops(&step.path, 0.35 * size);
    let shift = stops.last().copied().unwrap_or(DVec3::ZERO);
    let pale = |colour: [u8; 3]| colour.map(|c| (u16::from(c) / 3 + 160) as u8);
    let mut items: Vec<Item<'_>> = step.parts.iter().map(|i| item(&parts[*i], shift, MOVING)).collect();
    items.extend(step.against.iter().map(|i| item(&parts[*i], DVec3::ZERO, pale(parts[*i].colour))));
    let everything = staying.union(moving).union(Aabb { lo: moving.lo + shift, hi: moving.hi + shift });
    let view = best_view(&items[..], step.parts.len(), shift, everything);
    let mut canvas = Canvas::new(view);
    canvas.draw(&items);
    let mut from = moving.centre();
    for stop in stops {
        let to = moving.centre() + stop;
        match order {
            Order::Disassembly => canvas.arrow(from, to, ARROW),
            Order::Assembly => canvas.arrow(to, from, ARROW),
        }
        from = to;
    }
    canvas.png()
}

/// The ends of the lines of a path, of which the last is drawn no longer than `most`.
fn stops(path: &[DVec3], most: f64) -> Vec<DVec3> {
    let mut at = DVec3::ZERO;
    let mut out = Vec::new();
    for (i, travel) in path.iter().enumerate() {
        at += if i + 1 == path.len() { travel.clamp_length_max(most) } else { *travel };
        out.push(at);
    }
    out
}

/// Of eight corners the one from which most of what moves is seen, and its path not end on.
fn best_view(items: &[Item<'_>], moving: usize, shift: DVec3, bounds: Aabb) -> View {
    let toward = |corner: usize| {
        let side = |bit: usize| if corner >> bit & 1 == 0 { 1.0 } else { -1.0 };
        DVec3::new(side(0), side(2) * 0.8, side(1) * 1.3)
    };
    let worth = |corner: usize| {
        let view = View::of(toward(corner), bounds, WIDTH / 8, HEIGHT / 8);
        let mut canvas = Canvas::new(view);
        canvas.draw_faces(items);
        let shown: usize = (0..moving).map(|number| canvas.shown(number)).sum();
        let aside = 1.0 - shift.normalize_or_zero().dot(view.toward).powi(2);
        let above = if corner < 4 { 1.5 } else { 1.0 };
        shown as f64 * (0.2 + aside) * above
    };
    let worths: Vec<f64> = (0..8).map(worth).collect();
    let best = (0..8).fold(0, |best, corner| if worths[corner] > worths[best] { corner } else { best });
    View::of(toward(best), bounds, WIDTH, HEIGHT)
}

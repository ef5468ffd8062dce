//! CityJSON 1.0, 1.1 and 2.0 (OGC 20-072) and CityJSONSeq into entity drafts. A document is held whole, since its
//! vertices may stand anywhere in it; a sequence is read line by line and only one line is held. An object that cannot be
//! built is refused and its siblings go in; a sequence's line that is no JSON is refused and the next one is read.

mod document;
mod geometry;
mod lenient;
mod nested;
mod object;
mod written;

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use crate::Used;
use crate::crs::AxisOrder;
use crate::error::Error;
use crate::intake::Intake;
use crate::options::{Ground, Options};

use document::{Appearance, Document, Templates, Transform, reference_system};
use geometry::Builder;
use object::Object;

/// A line of a sequence longer than this is refused whole.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// Reads one document.
pub(crate) fn read_document(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let bytes = intake.input.whole()?;
    let document: Document =
        serde_json::from_slice(without_mark(&bytes)).map_err(|e| Error::from_json(intake.file(), "", e))?;
    drop(bytes);
    let ground = ground(intake, options, &document)?;
    let transform = document.transform.unwrap_or_default();
    count_appearance(intake, &document.appearance);
    write_objects(intake, &ground, document.city_objects, &document.vertices, &transform, &document.templates)?;
    Ok(ground.used())
}

/// Reads a sequence: the first line carries the reference system, the transform and the templates.
pub(crate) fn read_sequence(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let mut lines = Lines { reader: intake.input.open()?, number: 0 };
    let Some(first) = lines.next(intake)? else {
        return Err(Error::Truncated { file: intake.file().to_owned(), detail: "no first line".to_owned() });
    };
    let header: Document =
        serde_json::from_slice(without_mark(&first)).map_err(|e| Error::from_json(intake.file(), "line 1, ", e))?;
    let ground = ground(intake, options, &header)?;
    let transform = header.transform.unwrap_or_default();
    count_appearance(intake, &header.appearance);
    write_objects(intake, &ground, header.city_objects, &header.vertices, &transform, &header.templates)?;
    while let Some(line) = lines.next(intake)? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Document>(&line) {
            Ok(feature) => {
                count_appearance(intake, &feature.appearance);
                let own = feature.transform.unwrap_or(transform);
                write_objects(intake, &ground, feature.city_objects, &feature.vertices, &own, &header.templates)?;
            }
            Err(error) if error.is_eof() && !line.ends_with(b"\n") => {
                return Err(Error::from_json(intake.file(), &format!("line {}, ", lines.number), error));
            }
            Err(error) => {
                intake.count_record();
                let sample = String::from_utf8_lossy(&line[..line.len().min(400)]).into_owned();
                intake.refuse(format!("line {}", lines.number), format!("no CityJSONFeature: {error}"), &sample);
            }
        }
    }
    Ok(ground.used())
}

fn count_appearance(intake: &mut Intake<'_>, appearance: &Appearance) {
    for (name, count) in [("materials", appearance.materials), ("textures", appearance.textures)] {
        if count > 0 {
            *intake.left_out.entry(name.to_owned()).or_default() += count;
        }
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn ground(intake: &Intake<'_>, options: &Options, document: &Document) -> Result<Ground, Error> {
    let stated = reference_system(document);
    let crs = options.crs_or(intake.file(), stated.as_deref(), AxisOrder::Register)?;
    let ground = Ground::new(intake.file(), &crs, options)?;
    if ground.frame.knows_height_unit() {
        Ok(ground)
    } else {
        let reason = format!("{0} is in feet and says nothing of heights; name both, such as {0}+6360", crs.name());
        Err(Error::Option { option: "--crs", reason })
    }
}

struct Lines {
    reader: Box<dyn BufRead + Send>,
    number: u64,
}

impl Lines {
    fn next(&mut self, intake: &Intake<'_>) -> Result<Option<Vec<u8>>, Error> {
        let mut line = Vec::new();
        let mut limited = std::io::Read::take(&mut self.reader, MAX_LINE_BYTES);
        let read = limited.read_until(b'\n', &mut line).map_err(|e| Error::from_io(intake.file(), e))?;
        self.number += 1;
        if read as u64 == MAX_LINE_BYTES {
            return Err(Error::Malformed {
                file: intake.file().to_owned(),
                place: format!("line {}", self.number),
                reason: "longer than 256 MiB".to_owned(),
            });
        }
        Ok((read > 0).then_some(line))
    }
}

/// Writes objects, parents before their parts. A part whose parent was refused or is not there goes in without one and
/// keeps the parent's name in the property `parent_missing`.
fn write_objects(
    intake: &mut Intake<'_>,
    ground: &Ground,
    mut objects: Vec<(String, Object)>,
    vertices: &[Option<[f64; 3]>],
    transform: &Transform,
    templates: &Templates,
) -> Result<(), Error> {
    let builder = Builder::new(&ground.frame, vertices, transform, templates);
    let mut written: HashSet<String> = HashSet::new();
    for at in parents_first(&objects) {
        let Some((id, object)) = objects.get_mut(at) else { continue };
        let built = if written.contains(id) {
            Err("an earlier object of the file has its id".to_owned())
        } else {
            object.city_object(id, &builder)
        };
        let draft = built.map(|object| {
            let parent_known = object.parent.as_ref().is_some_and(|parent| written.contains(parent));
            let mut draft = object.draft(intake, parent_known);
            ground.stamp(&mut draft);
            draft
        });
        let sample = if draft.is_err() { object.sample() } else { String::new() };
        if intake.settle(Some(id), format!("CityObjects/{id}"), &sample, draft)? {
            written.insert(std::mem::take(id));
        }
    }
    Ok(())
}

/// The objects' places in an order in which every parent that is there stands before its parts. Circles end where they
/// begin.
fn parents_first(objects: &[(String, Object)]) -> Vec<usize> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(objects.len());
    for (at, (id, _)) in objects.iter().enumerate() {
        places.entry(id).or_insert(at);
    }
    let mut order = Vec::with_capacity(objects.len());
    let mut seen = vec![false; objects.len()];
    for at in 0..objects.len() {
        let mut chain = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next.filter(|at| !std::mem::replace(&mut seen[*at], true)) {
            chain.push(at);
            next = objects[at].1.parent().and_then(|parent| places.get(parent).copied());
        }
        order.extend(chain.into_iter().rev());
    }
    order
}

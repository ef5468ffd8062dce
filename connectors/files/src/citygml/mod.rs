//! CityGML 1.0, 2.0 and 3.0 (OGC 08-007r1, 12-019, 20-010) into entity drafts, one `cityObjectMember` at a time: only that
//! one is held, within a limit. Objects inside an object come out as entities with it as their parent. An object that
//! cannot be built is refused and its neighbours go in. What an ADE adds is left out and counted; of PLATEAU's Urban
//! Object ADE the attributes are kept.
//!
//! Where objects share surfaces the file is gone through again: once to find what links point at, once for the objects
//! that have such links. Where it has textures, once more: an object with images on it also comes as a binary glTF.

mod feature;
mod geometry;
mod grounds;
mod located;
mod paint;
mod positions;
mod source;
mod textures;
mod tree;
mod types;
mod values;

use std::collections::HashSet;

use serde_json::Value;

use crate::Used;
use crate::city::CityObject;
use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::Options;

use feature::Feature;
use geometry::{Assembler, Shared};
use grounds::Grounds;
use located::Located;
use paint::Paints;
use source::{MAX_TREE_BYTES, Source};
use tree::{Element, Space};
use types::{Role, role};

/// Ids that links between objects may ask for, and vertices kept of what they point at.
const MAX_WANTED: usize = 1 << 18;
const MAX_SHARED_VERTICES: usize = 4 << 20;

/// Reads one file.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    read_within(intake, options, MAX_TREE_BYTES)
}

/// Reads one file whose members take at most so many bytes each.
fn read_within(intake: &mut Intake<'_>, options: &Options, limit: usize) -> Result<Used, Error> {
    let mut run = Run {
        limit,
        grounds: Grounds::new(intake.file(), options),
        located: Located::default(),
        shared: Shared::default(),
        wanted: HashSet::new(),
        waiting: HashSet::new(),
        pass: Pass::First,
        located_any: false,
        only_unlocated: false,
        paints: Paints::default(),
        painted_inside: false,
        content_bytes: 0,
    };
    run.pass(intake, Run::objects)?;
    if !run.waiting.is_empty() {
        run.pass = Pass::Targets;
        run.pass(intake, |run, _, member, _| {
            run.targets(member);
            Ok(())
        })?;
        run.pass = Pass::Waiting;
        run.pass(intake, Run::objects)?;
    }
    run.pass = Pass::Textures;
    if run.painted_inside || !run.paints.is_empty() {
        run.pass(intake, Run::textures)?;
    }
    match run.grounds.failed.take() {
        Some(error) if run.only_unlocated && !run.located_any => Err(error),
        _ => Ok(run.grounds.used()),
    }
}

/// What the file is gone through for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// All objects.
    First,
    /// What links between objects point at.
    Targets,
    /// The objects that have such links.
    Waiting,
    /// Images on faces.
    Textures,
}

/// What is known while a file is read.
struct Run<'o> {
    /// Bytes that a member may take.
    limit: usize,
    grounds: Grounds<'o>,
    located: Located,
    shared: Shared,
    /// Ids that links point at and their objects do not have.
    wanted: HashSet<String>,
    /// Members that have such links, by number.
    waiting: HashSet<u64>,
    pass: Pass,
    /// Whether anything was located.
    located_any: bool,
    /// Whether an object was refused for its reference system alone.
    only_unlocated: bool,
    /// The textures that the model has for all its objects.
    paints: Paints,
    /// Whether an object has some of its own.
    painted_inside: bool,
    /// Bytes of the textured meshes made.
    content_bytes: usize,
}

/// An object as it comes out of its member: where it stands and what became of it.
struct Outcome {
    id: String,
    place: String,
    sample: String,
    object: Result<(CityObject, Option<usize>), Refusal>,
    /// Refused for its reference system alone.
    unlocated: bool,
}

impl Run<'_> {
    /// Goes through the file's members with their numbers.
    fn pass(
        &mut self,
        intake: &mut Intake<'_>,
        mut each: impl FnMut(&mut Self, &mut Intake<'_>, Element<'_>, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut source = Source::open(intake.input, self.limit)?;
        let mut number = 0;
        while let Some(tree) = source.next(is_wanted)? {
            let Some(top) = tree.root(source.names()) else { continue };
            match top.local() {
                "boundedBy" => {
                    let envelope = top.child("Envelope").and_then(|e| e.attribute("srsName"));
                    self.grounds.of_model = envelope.map(str::to_owned);
                }
                local if is_member(local) && !tree.too_large => {
                    for member in top.children() {
                        number += 1;
                        each(self, intake, member, number)?;
                    }
                    if let (None, Some(href)) = (top.children().next(), top.attribute("href"))
                        && self.pass == Pass::First
                    {
                        intake.count_record();
                        intake.refuse(local, "the object is not here but where its link points: give that file", href);
                    }
                }
                local if is_member(local) => {
                    number += 1;
                    if self.pass == Pass::First {
                        refuse_large(intake, self.limit, top);
                    }
                }
                "appearanceMember" if self.pass == Pass::First => self.paints.read(top, &mut intake.left_out),
                _ if top.space() == Space::Foreign && self.pass == Pass::First => left_out(intake, top.label()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes one member in, or puts it off where it has links to others.
    fn objects(&mut self, intake: &mut Intake<'_>, member: Element<'_>, number: u64) -> Result<(), Error> {
        if self.pass == Pass::Waiting && !self.waiting.contains(&number) {
            return Ok(());
        }
        let object_type = match (role(member.local()), member.space()) {
            (Role::Object(object_type), Space::City) => object_type,
            (Role::LeftOut, _) | (_, Space::Foreign | Space::Uro) => {
                left_out(intake, member.label());
                return Ok(());
            }
            _ => {
                intake.count_record();
                let id = member.attribute("id").unwrap_or_default();
                let reason = format!("`{}` is no city object that is read", member.label());
                intake.refuse(format!("{} {id}", member.local()), reason, id);
                return Ok(());
            }
        };
        let mut counted = feature::LeftOut::new();
        let unnamed = format!("{}/{number}", object_type.trim_start_matches('+'));
        let feature = feature::read(member, object_type, &unnamed, &mut counted);
        self.painted_inside |= textures::has_own(&feature);
        let mut outcomes = Vec::new();
        let mut assembler = Assembler::new(member, &mut self.grounds, &mut self.located, &self.shared);
        assemble(&mut assembler, feature, None, None, &mut outcomes);
        let missing = assembler.missing;
        if !missing.is_empty() && self.pass == Pass::First && self.wanted.len() + missing.len() <= MAX_WANTED {
            self.wanted.extend(missing);
            self.waiting.insert(number);
            return Ok(());
        }
        for (label, count) in counted {
            *intake.left_out.entry(label).or_default() += count;
        }
        self.write(intake, outcomes)
    }

    fn write(&mut self, intake: &mut Intake<'_>, outcomes: Vec<Outcome>) -> Result<(), Error> {
        let mut written: HashSet<String> = HashSet::new();
        for Outcome { id, place, sample, object, unlocated } in outcomes {
            self.only_unlocated |= unlocated;
            let draft = object.map(|(object, ground)| {
                let id = object.id.clone();
                let parent_known = object.parent.as_ref().is_some_and(|parent| written.contains(parent));
                let mut draft = object.draft(intake, parent_known);
                if let Some(ground) = ground.and_then(|number| self.grounds.get(number)) {
                    ground.stamp(&mut draft);
                    self.located_any = true;
                }
                written.insert(id);
                draft
            });
            intake.settle(Some(&id), place, &sample, draft)?;
        }
        Ok(())
    }

    /// Keeps of one member the surfaces that links of others point at.
    fn targets(&mut self, member: Element<'_>) {
        let srs_name = member.child("boundedBy").and_then(|b| b.child("Envelope")?.attribute("srsName"));
        let found: Vec<_> = member.identified().filter(|(id, _)| self.wanted.contains(*id)).collect();
        for (id, element) in found {
            let none = Shared::default();
            let mut assembler = Assembler::new(member, &mut self.grounds, &mut self.located, &none);
            let Some(faces) = assembler.faces(element, srs_name) else { continue };
            let vertices: usize = faces.faces.iter().flatten().map(Vec::len).sum();
            if self.shared.vertices + vertices <= MAX_SHARED_VERTICES {
                self.shared.vertices += vertices;
                self.shared.faces.insert(id.to_owned(), faces);
            }
        }
    }
}

/// An object and what is inside it, parents first.
fn assemble<'t>(
    assembler: &mut Assembler<'_, '_, 't>,
    mut feature: Feature<'t>,
    parent: Option<&str>,
    srs_name: Option<&'t str>,
    outcomes: &mut Vec<Outcome>,
) {
    let srs_name = feature.srs_name.or(srs_name);
    let inside = std::mem::take(&mut feature.inside);
    let id = feature.id.clone();
    let place = format!("{} {id}", feature.object_type);
    assembler.unlocated = false;
    let built = assembler.build(&mut feature, srs_name);
    let sample = || Value::Object(feature.attributes.clone()).to_string();
    let mut faults = std::mem::take(&mut feature.faults);
    let unlocated = faults.is_empty() && assembler.unlocated;
    let object = match built {
        Ok(built) if faults.is_empty() => Ok(built),
        Ok(_) => Err(faults.join("; ")),
        Err(reason) => {
            faults.push(reason);
            Err(faults.join("; "))
        }
    };
    let sample = if object.is_err() { sample() } else { String::new() };
    let object = object.map(|(built, ground)| {
        let mut addresses = Vec::new();
        for (mut fields, place) in std::mem::take(&mut feature.addresses).into_iter().zip(feature.places) {
            if let Some(location) = place.and_then(|element| assembler.places(element, srs_name)) {
                fields.insert("location".to_owned(), location);
            }
            addresses.push(Value::Object(fields));
        }
        let address = if addresses.is_empty() { Value::Null } else { addresses.into() };
        let object = CityObject {
            id: feature.id,
            object_type: feature.object_type.to_owned(),
            parent: parent.map(str::to_owned),
            attributes: feature.attributes,
            address,
            built,
        };
        (object, ground)
    });
    outcomes.push(Outcome { id: id.clone(), place, sample, object, unlocated });
    for child in inside {
        assemble(assembler, child, Some(&id), srs_name, outcomes);
    }
}

fn is_member(local: &str) -> bool {
    matches!(local, "cityObjectMember" | "featureMember" | "featureMembers")
}

fn is_wanted(local: &str) -> bool {
    is_member(local) || matches!(local, "boundedBy" | "appearanceMember")
}

fn left_out(intake: &mut Intake<'_>, label: &str) {
    *intake.left_out.entry(label.to_owned()).or_default() += 1;
}

/// What is inside it is not known: it may be any thing of the file.
fn refuse_large(intake: &mut Intake<'_>, limit: usize, top: Element<'_>) {
    intake.count_record();
    let object = top.children().next();
    let id = object.and_then(|o| o.attribute("id")).unwrap_or_default();
    let local = object.map_or("object", |o| o.local());
    let reason = format!("the object takes more than {limit} bytes of memory: give it in parts");
    intake.refuse(format!("{local} {id}"), reason, id);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernel_model::{Change, Rejection, Sink, SinkError};

    use super::*;
    use crate::input::Input;

    #[derive(Default)]
    struct Kept(Vec<String>, Vec<Rejection>);

    impl Sink for Kept {
        fn change(&mut self, change: Change) -> Result<(), SinkError> {
            if let Change::Entity(draft) = change {
                self.0.push(draft.source.id.to_string());
            }
            Ok(())
        }

        fn refused(&mut self, rejection: Rejection) {
            self.1.push(rejection);
        }
    }

    #[test]
    fn an_object_larger_than_the_limit_is_refused_by_name_and_the_next_goes_in() {
        let building = |id: &str, name: &str| {
            format!(
                "<cityObjectMember><b:Building gml:id='{id}'><gml:name>{name}</gml:name></b:Building></cityObjectMember>"
            )
        };
        let namespaces = "xmlns='http://www.opengis.net/citygml/2.0' xmlns:b='http://www.opengis.net/citygml/building/2.0' xmlns:gml='http://www.opengis.net/gml'";
        let members = [building("big", &"x".repeat(5000)), building("small", "y")].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gml");
        std::fs::write(&path, format!("<CityModel {namespaces}>{members}</CityModel>")).unwrap();
        let mut kept = Kept::default();
        let input = Input::new(&path);
        let mut intake = Intake::new(&input, Arc::from("m"), &mut kept);
        read_within(&mut intake, &Options::default(), 2000).unwrap();
        assert_eq!((intake.read, intake.refused), (2, 1));
        assert_eq!(kept.0, ["small"]);
        assert_eq!(kept.1[0].place, "Building big");
        assert!(kept.1[0].reason.contains("takes more than 2000 bytes of memory"), "{}", kept.1[0].reason);
    }
}

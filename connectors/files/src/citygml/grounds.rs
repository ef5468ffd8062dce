//! The reference systems that a file names: each looked up once. A name that says nothing of the order of two geographic
//! coordinates, and a system that cannot be used, refuse what is in it, not the file.

use crate::Used;
use crate::crs::AxisOrder;
use crate::error::Error;
use crate::intake::Refusal;
use crate::options::{Ground, Options};

/// Systems of one file; more are refused.
const MAX_SYSTEMS: usize = 64;

/// What every geometry of the file is located with.
pub(super) struct Grounds<'o> {
    file: String,
    options: &'o Options,
    /// Of the model's envelope.
    pub(super) of_model: Option<String>,
    known: Vec<(String, Result<Ground, Refusal>)>,
    /// The first failure, for where nothing at all can be located.
    pub(super) failed: Option<Error>,
}

impl<'o> Grounds<'o> {
    pub(super) fn new(file: &str, options: &'o Options) -> Self {
        Self { file: file.to_owned(), options, of_model: None, known: Vec::new(), failed: None }
    }

    /// The number of the system of this name, the model's without one. What the caller states counts before all.
    pub(super) fn number(&mut self, srs_name: Option<&str>) -> Result<usize, Refusal> {
        let named = self.options.crs.as_deref().or(srs_name).or(self.of_model.as_deref());
        let Some(name) = named.map(str::to_owned) else {
            let error = Error::NoCrs { file: self.file.clone() };
            self.failed.get_or_insert(error);
            return Err("neither it nor the file states a coordinate reference system; pass --crs".to_owned());
        };
        let at = match self.known.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None if self.known.len() == MAX_SYSTEMS => {
                return Err("the file names more than 64 reference systems".to_owned());
            }
            None => {
                let ground = self.look_up(&name).map_err(|error| {
                    let reason = error.to_string();
                    self.failed.get_or_insert(error);
                    reason.strip_prefix(&format!("{}: ", self.file)).map_or(reason.clone(), str::to_owned)
                });
                self.known.push((name, ground));
                self.known.len() - 1
            }
        };
        self.known[at].1.as_ref().map(|_| at).map_err(Clone::clone)
    }

    fn look_up(&self, name: &str) -> Result<Ground, Error> {
        let crs = self.options.crs_or(&self.file, Some(name), AxisOrder::Register)?;
        let lower = name.to_ascii_lowercase();
        let by_register = lower.starts_with("urn:") || lower.contains("/def/crs/") || self.options.crs.is_some();
        if crs.is_latitude_first() && !by_register {
            let reason = format!(
                "the file says `{name}`, which does not tell whether latitude or longitude comes first; pass \
                 urn:ogc:def:crs:{} for latitude or OGC:CRS84 for longitude first",
                crs.name().replace(':', "::")
            );
            return Err(Error::Option { option: "--crs", reason });
        }
        let ground = Ground::new(&self.file, &crs, self.options)?;
        if ground.frame.knows_height_unit() {
            Ok(ground)
        } else {
            let reason = format!("{0} is in feet and says nothing of heights; name both, such as {0}+6360", crs.name());
            Err(Error::Option { option: "--crs", reason })
        }
    }

    /// A system by its number.
    pub(super) fn get(&self, number: usize) -> Option<&Ground> {
        self.known.get(number)?.1.as_ref().ok()
    }

    /// All that were used.
    pub(super) fn used(&self) -> Used {
        let mut used = self.known.iter().filter_map(|(_, ground)| ground.as_ref().ok()).map(Ground::used);
        let Some(mut all) = used.next() else { return Used { crs: "none stated".to_owned(), lineage: String::new() } };
        for Used { crs, lineage } in used {
            if !all.crs.split(", ").any(|there| there == crs) {
                all = Used { crs: format!("{}, {crs}", all.crs), lineage: format!("{}; {lineage}", all.lineage) };
            }
        }
        all
    }
}

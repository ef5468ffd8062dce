//! x
use crate::{Used, Error, intake::Intake, Options};
#[derive(Debug,Clone)]
/// x
pub struct Mapping;
#[derive(Debug,thiserror::Error)]
#[error("x")]
/// x
pub struct MappingError;
pub(crate) fn read(i: &mut Intake<'_>, _o: &Options) -> Result<Used, Error> { Err(Error::NoCrs{file:i.file().to_owned()}) }

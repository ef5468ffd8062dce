//! x
use crate::{Used, Error, intake::Intake, Options};
pub(crate) fn read(i: &mut Intake<'_>, _o: &Options) -> Result<Used, Error> { Err(Error::NoCrs{file:i.file().to_owned()}) }

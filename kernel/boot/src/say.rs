//! Lines on standard output. Where nobody reads it any more (`urbis check | head -1`, a server whose terminal is gone) the
//! program goes on: its work does not depend on being watched.

use std::fmt::Arguments;
use std::io::Write;

/// One line.
pub(crate) fn say(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    // A reader that has left is no failure of ours.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

//! Lines on standard output and standard error. Where nobody reads them any more (`urbis check | head -1`, a server whose
//! terminal is gone) or they cannot be kept (standard error is a file on a full disk) the program goes on: its work does not
//! depend on being watched.

use std::fmt::Arguments;
use std::io::Write;

/// One line on standard output.
pub(crate) fn say(line: Arguments<'_>) {
    write(&mut std::io::stdout().lock(), line);
}

/// One line on standard error, after the program's name.
pub(crate) fn warn(line: Arguments<'_>) {
    write(&mut std::io::stderr().lock(), format_args!("urbis: {line}"));
}

fn write(out: &mut dyn Write, line: Arguments<'_>) {
    // A reader that has left is no failure of ours.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

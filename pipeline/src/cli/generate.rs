//! Not there yet.

use std::io;

use super::arguments::GenArgs;
use super::{Exit, Io};

pub(super) fn run(_args: &GenArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    writeln!(io.err, "error: not there yet")?;
    Ok(Exit::Outside)
}

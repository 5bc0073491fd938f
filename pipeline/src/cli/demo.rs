//! Not there yet.

use std::io;

use super::arguments::DemoArgs;
use super::{Exit, Io};

pub(super) fn run(_args: &DemoArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    writeln!(io.err, "error: not there yet")?;
    Ok(Exit::Outside)
}

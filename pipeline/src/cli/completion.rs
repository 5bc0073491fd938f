//! `tollgate completion`: a script that teaches a shell the command line.

use std::io;

use clap::CommandFactory;

use super::{Cli, Exit, Io};

pub(super) fn run(shell: clap_complete::Shell, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tollgate", &mut script);
    io.out.write_all(&script)?;
    Ok(Exit::Ok)
}

//! The commands of `tollgate`: one file and one variant of [`Command`] each.
//!
//! The idea: a command gets its arguments and an [`Io`] to write to and returns an [`Exit`]; nothing below prints by
//! itself or ends the process. The invariant: exit codes mean the same for every command, and a reader that goes away
//! (`| head`) is no error.

mod arguments;
mod audit;
pub mod check;
mod completion;
mod demo;
mod explain;
mod features;
mod generate;
mod list;
mod logging;
mod progress;
pub mod render;
mod replay;
mod rule_bench;
mod rule_test;
mod run;
mod start;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

pub use self::arguments::{Cli, Command, LogFormat, Report, RuleCommand};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As wished.
    Ok,
    /// Something was found, or failed.
    Findings,
    /// A pack or a rule is wrong, or one of its tests failed.
    Rule,
    /// The configuration or the command line is wrong.
    Config,
    /// A system outside cannot be reached: brokers, disks, ports.
    Outside,
    /// Another process with this application id has taken over.
    Fenced,
    /// Ctrl-c.
    Interrupted,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Exit; 7] = [
        Exit::Ok,
        Exit::Findings,
        Exit::Rule,
        Exit::Config,
        Exit::Outside,
        Exit::Fenced,
        Exit::Interrupted,
    ];

    /// The code the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Findings => 1,
            Exit::Rule => 2,
            Exit::Config => 3,
            Exit::Outside => 4,
            Exit::Fenced => 75,
            Exit::Interrupted => 130,
        }
    }
}

/// Where a command writes.
pub struct Io<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Everything else: progress, complaints.
    pub err: &'a mut dyn Write,
    /// Whether `out` may be coloured.
    pub color: bool,
}

impl std::fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io")
            .field("color", &self.color)
            .finish_non_exhaustive()
    }
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    abort_on_panic();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what was asked for; anything else is a wrong command line.
            let exit = if error.use_stderr() {
                Exit::Config
            } else {
                Exit::Ok
            };
            let _shown = error.print();
            return ExitCode::from(exit.code());
        }
    };
    logging::start(cli.log_format, &cli.command);
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    let color = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let mut io = Io {
        out: &mut out,
        err: &mut err,
        color,
    };
    let done = dispatch(cli.command, &mut io).and_then(|exit| io.out.flush().map(|()| exit));
    let exit = match done {
        Ok(exit) => exit,
        // The reader has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            let _told = writeln!(err, "error: write the result: {error}");
            Exit::Outside
        }
    };
    ExitCode::from(exit.code())
}

/// Does one command.
///
/// # Errors
/// When nothing more can be written to `io`.
pub fn dispatch(command: Command, io: &mut Io<'_>) -> io::Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(&args, io),
        Command::Run(args) => run::run(&args, io),
        Command::Check(args) => check::run(&args, io),
        Command::Audit(args) => audit::run(&args, io),
        Command::Rule {
            command: RuleCommand::Test(args),
        } => rule_test::run(&args, io),
        Command::Rule {
            command: RuleCommand::Bench(args),
        } => rule_bench::run(&args, io),
        Command::Features(args) => features::run(&args, io),
        Command::Gen(args) => generate::run(&args, io),
        Command::List { what } => list::run(what, io),
        Command::Explain { code } => explain::run(&code, io),
        Command::Completion { shell } => completion::run(shell, io),
    }
}

/// A thread that panicked leaves a process that only seems to run; better none at all, and recovery.
fn abort_on_panic() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        std::process::abort();
    }));
}

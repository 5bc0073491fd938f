//! `tollgate demo`: made-up card traffic with planted fraud through the real worker, on the terminal.
//!
//! The idea: everything is as in a real run (a durable log, the sample pack, commits, metrics) but that the log lies in
//! a temporary directory and a thread of this process fills it ([`traffic`]). What happens is shown by an observer
//! ([`terminal`]). The invariant: nothing is left behind when it ends.

mod terminal;
mod traffic;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use connectors::embedded::{Durability, EmbeddedError, EmbeddedLog, Options};

use self::terminal::{Look, Terminal};
use super::arguments::DemoArgs;
use super::check::{Found, compile};
use super::run::{failed, report_to_err};
use super::{Exit, Io, start};
use crate::clock::{Clock, SystemClock};
use crate::config::{AUDIT_EVERY, Config, Delivery, Mode, Sink, Sinks, Source, Start, State};
use crate::console::{Console, ConsoleError, Health};
use crate::metrics::Metrics;
use crate::pack::builtin;
use crate::shutdown::Shutdown;

/// Where /metrics listens when nothing is said.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9900);

/// The topic the traffic goes to.
const TOPIC: &str = "swipes";

/// Short, so that somebody who looks for a minute sees some.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);

/// The application.
const NAME: &str = "demo";

pub(super) fn run(args: &DemoArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let Some(rules) = compile(&builtin::card_core(), &mut found).map(Arc::new) else {
        report_to_err(&found, io)?;
        return Ok(Exit::Rule);
    };
    let clock = SystemClock::shared();
    let dir = match tempfile::Builder::new().prefix("tollgate-demo-").tempdir() {
        Ok(dir) => dir,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    let config = config(dir.path());
    let log = match open(&config, &clock) {
        Ok(log) => log,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    let (shutdown, health) = (Shutdown::new(), Health::new());
    let metrics = match Metrics::new() {
        Ok(metrics) => metrics,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    if let Err(error) = shutdown.on_signals() {
        return failed(&error, Exit::Outside, io);
    }
    let console = match listen(args.listen, &metrics, &health, io)? {
        Ok(console) => console,
        Err(exit) => return Ok(exit),
    };
    writeln!(
        io.out,
        "swipes from a made-up world (seed {}), decided by the pack {}",
        args.seed, rules.pack
    )?;
    writeln!(
        io.out,
        "metrics: http://{}/metrics   ctrl-c ends it",
        console.address()
    )?;
    io.out.flush()?;
    let look = if args.plain {
        Look::Plain
    } else {
        Look::of_this_terminal()
    };
    let begin = clock.wall_us();
    let observer = Terminal::new(look, begin, args.for_, Arc::clone(&clock), shutdown.clone());
    let tally = observer.tally();
    let feeding = traffic::start(
        log.clone(),
        args.seed,
        begin,
        Arc::clone(&clock),
        shutdown.clone(),
    );
    let feeding = match feeding {
        Ok(feeding) => feeding,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    let around = start::Surroundings {
        clock,
        metrics,
        health,
        shutdown: shutdown.clone(),
        observer: Box::new(observer),
    };
    let ended = start::run_on(&config, rules, around, log);
    shutdown.request(crate::shutdown::Reason::Finished);
    // A thread that panicked has ended the process already.
    let fed = feeding.join();
    match (ended, fed) {
        (Ok(_), Ok(Ok(()))) => {
            terminal::summary(&tally, io.out)?;
            Ok(Exit::Ok)
        }
        (Ok(_), Ok(Err(error))) => failed(&error, Exit::Outside, io),
        (Ok(_), Err(_)) => Ok(Exit::Outside),
        (Err(failure), _) => {
            writeln!(io.err, "error: {}", failure.message)?;
            Ok(failure.exit)
        }
    }
}

/// The address that was asked for, or the usual one, or a free one.
fn listen(
    wanted: Option<SocketAddr>,
    metrics: &Arc<Metrics>,
    health: &Health,
    io: &mut Io<'_>,
) -> io::Result<Result<Console, Exit>> {
    let start = |address| Console::start(address, Arc::clone(metrics), health.clone());
    let console = match (start(wanted.unwrap_or(LISTEN)), wanted) {
        (Err(ConsoleError::Bind { .. }), None) => {
            writeln!(io.err, "note: {LISTEN} is taken, so a free port is used")?;
            start(SocketAddr::new(LISTEN.ip(), 0))
        }
        (console, _) => console,
    };
    match console {
        Ok(console) => Ok(Ok(console)),
        Err(error @ ConsoleError::NotLoopback(_)) => failed(&error, Exit::Config, io).map(Err),
        Err(error) => failed(&error, Exit::Outside, io).map(Err),
    }
}

fn open(config: &Config, clock: &Arc<dyn Clock>) -> Result<EmbeddedLog, EmbeddedError> {
    let now = Arc::clone(clock);
    // The directory is gone after the demo, so nothing need survive a power cut.
    let options = Options {
        application: config.name.clone(),
        durability: Durability::Process,
        clock: Arc::new(move || now.wall_us()),
    };
    let log = EmbeddedLog::open(&config.state.dir, options)?;
    log.create_topic(TOPIC, 1)?;
    Ok(log)
}

fn config(dir: &Path) -> Config {
    let sink = |topic: &str| {
        vec![Sink::Embedded {
            topic: topic.to_owned(),
        }]
    };
    Config {
        name: NAME.to_owned(),
        pack: "card-core".into(),
        source: Source::Embedded {
            topic: TOPIC.to_owned(),
            key: None,
        },
        sinks: Sinks {
            decisions: sink("decisions"),
            packing: Vec::new(),
            alerts: sink("alerts"),
            dead_letters: sink("dead_letters"),
        },
        delivery: Delivery {
            mode: Mode::ExactlyOnce,
            commit_every: Duration::from_millis(50),
            commit_records: 10_000,
            merge_wait: Duration::from_millis(200),
            hang_after: Duration::from_secs(90),
        },
        state: State {
            dir: dir.join(NAME),
            snapshots: None,
            snapshot_every: SNAPSHOT_EVERY,
            audit_every: Some(AUDIT_EVERY),
        },
        http: None,
        start: Start::Earliest,
        workers: 1,
    }
}

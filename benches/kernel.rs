//! Processor time per event of the job "12 windows" over the state alone, and the memory it takes; see `twelve.rs`.
//!
//! ```text
//! cargo build --release --workspace --bin kernel
//! target/release/kernel [KEYS=1000000] [LIVE=16] [LATE=0.05] [HOT=0.9] [DISTINCT=10000000] [STEP=256] [EVENTS=4000000]
//! ```
//!
//! KEYS of each kind with LIVE events each in the longest window, LATE of the events up to 1,000 positions late, HOT of
//! them on one key; or so many DISTINCT keys in a minute of event time, one event each. The windows are filled first; then
//! EVENTS are timed in rounds. Making events is not in the time. The kernel adds up this time at its ticks, so rounds
//! of less than a tenth of a second would say little.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "benches"
)]

use std::fs;

use benches::processor_time;
use benches::twelve::{Job, Kernel, Source};

/// As in the binary that is measured by it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events made, then taken, at a time.
const CHUNK: usize = 1 << 17;

const ROUNDS: u64 = 4;

fn main() {
    let (job, events) = arguments();
    println!("{job:?}");
    println!(
        "windows of {} s, an event every {} us",
        job.windows()
            .map(|window| (window as f64 / 1e6).to_string())
            .join(", "),
        job.pace()
    );
    let (mut source, mut kernel) = (Source::new(&job), Kernel::new(&job));
    timed(&mut source, &mut kernel, job.warm());
    let rounds = (0..ROUNDS).map(|_| timed(&mut source, &mut kernel, events / ROUNDS));
    let rounds: Vec<f64> = rounds.collect();
    let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = rounds.iter().sum::<f64>() / ROUNDS as f64;
    let shown: Vec<String> = rounds.iter().map(|ns| format!("{ns:.0}")).collect();
    println!(
        "CPU per event: {mean:.0} ns, least {least:.0} ns (rounds {})",
        shown.join(" ")
    );
    report(&kernel);
}

/// Nanoseconds of processor time per event.
fn timed(source: &mut Source, kernel: &mut Kernel, events: u64) -> f64 {
    let (mut spent, mut left) = (0, events as usize);
    while left > 0 {
        let chunk = source.take(left.min(CHUNK));
        let begun = processor_time();
        kernel.run(&chunk);
        spent += processor_time() - begun;
        left -= left.min(CHUNK);
    }
    spent as f64 / events as f64
}

fn report(kernel: &Kernel) {
    let size = kernel.size();
    println!(
        "held: {} keys, {} events ({:.1} a key), {} bytes: {:.1} a key",
        size.keys,
        size.events,
        size.events as f64 / size.keys as f64,
        size.bytes,
        size.bytes as f64 / size.keys as f64
    );
    println!(
        "evicted: {} keys, {} events; {} answers approximate; checksum {:016x}",
        size.evicted_keys, size.evicted_events, kernel.approximate, kernel.checksum
    );
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or("no VmHWM"));
}

fn arguments() -> (Job, u64) {
    let (mut job, mut events) = (Job::default(), 4_000_000);
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').expect("NAME=VALUE");
        let number: f64 = value.parse().expect("a number");
        match name {
            "KEYS" => job.keys = number as u64,
            "LIVE" => job.live = number,
            "LATE" => job.late = number,
            "HOT" => job.hot = number,
            "DISTINCT" => (job.distinct, events) = (number as u64, number as u64),
            "STEP" => job.step = number as usize,
            "EVENTS" => events = number as u64,
            _ => panic!("unknown: {name}"),
        }
    }
    (job, events)
}

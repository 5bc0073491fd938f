//! What the scripts of this folder measure with: one program, one subcommand per measurement.
//!
//! The idea: a script says what is run beside what; this makes the load, reads what comes out and keeps the figures. The
//! invariant: all chance has a fixed seed, and no figure is written that was not measured in the call that writes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench: it ends with what went wrong, and prints what it found"
)]

mod client;
mod engine;
mod forward;
mod gaps;
mod latency;
mod snapshot;
mod swipes;
mod visible;

use std::path::Path;
use std::time::Duration;

use swipes::Swipes;

/// How each subcommand is called.
const USAGE: &str = "\
measure latency PACK EVENTS.ndjson [SECONDS]      engine latency at half the sustainable rate, open loop
measure wait BROKER                               until the broker answers
measure load BROKER EVENTS.ndjson COUNT TOPIC     makes a topic and fills it
measure fill BROKER TOPIC PARTITIONS KEYS LIVE COUNT
                                                  the same with so many events of so many keys, so many of each in an hour
measure drain BROKER TOPIC COUNT                  reads a topic until it has brought so many decisions
measure loop BROKER IN OUT COUNT BYTES            reads so many records, writes packs of so many bytes per record
measure forward BROKER IN OUT MODE EVERY_MS       reads, writes, commits; MODE: exactly_once, at_least_once
measure visible BROKER IN OUT KEYS LIVE FIRST RATE SECONDS
                                                  sends events from a number on, tells when their decisions can be read
measure snapshot DIR [KEYS] [LIVE]               a snapshot of a large state, its pauses, and the way back
measure record ID COMMAND FIGURE...               keeps figures in results/raw
measure page                                      makes results/README.md and its plots from results/raw";

// The allocator of `tollgate` itself, so that the bare loop differs from it in what it does only.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    match arguments.as_slice() {
        ["latency", pack, events] => latency::run(pack, events, 20),
        ["latency", pack, events, seconds] => latency::run(pack, events, number(seconds)),
        ["wait", broker] => client::wait(broker),
        ["load", broker, file, count, topic] => client::load(broker, file, number(count), topic),
        ["drain", broker, topic, count] => client::drain(broker, topic, number(count)),
        ["loop", broker, input, output, count, bytes] => {
            let bytes = usize::try_from(number(bytes)).unwrap();
            client::bare_loop(broker, input, output, number(count), bytes);
        }
        ["fill", broker, topic, partitions, keys, live, count] => {
            let partitions = u32::try_from(number(partitions)).unwrap();
            client::fill(broker, topic, partitions, swipes(keys, live), number(count));
        }
        ["forward", broker, input, output, mode, every] => {
            let every = Duration::from_millis(number(every));
            forward::run(broker, input, output, mode, every);
        }
        [
            "visible",
            broker,
            input,
            output,
            keys,
            live,
            first,
            rate,
            seconds,
        ] => {
            let load = visible::Load {
                swipes: swipes(keys, live),
                first: number(first),
                rate: number(rate),
                seconds: number(seconds),
            };
            visible::run(broker, input, output, load);
        }
        ["snapshot", dir] => snapshot::run(4_000_000, 16, dir),
        ["snapshot", dir, keys, live] => snapshot::run(number(keys), number(live), dir),
        ["record", id, command, figures @ ..] => {
            let figures: Vec<f64> = figures.iter().map(|f| f.parse().unwrap()).collect();
            benches::page::record::keep(&results, id, command, &figures);
        }
        ["page"] => benches::page::write(&results),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(3);
        }
    }
}

fn swipes(keys: &str, live: &str) -> Swipes {
    Swipes {
        keys: number(keys),
        live: number(live),
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

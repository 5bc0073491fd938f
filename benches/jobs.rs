//! Five fixed jobs whose instructions are counted: `jobs NAME` does one, `jobs` alone lists them.
//!
//! The idea: times on a shared machine say nothing about a change of five per cent, the number of instructions does. So
//! `benches/instructions.sh` runs each job under callgrind, which counts only inside [`measured_job`], and compares with
//! `benches/instructions.txt`. The invariant: a job does the same on every run. Seeds of hash tables are fixed, and the
//! allocator is the system's, because mimalloc asks a clock when to give memory back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "benches"
)]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{Array, BinaryArray};
use benches::twelve::{Job, Kernel, Source};
use benches::{Stream, many};
use connectors::format::Decoder;
use rules::decision::Renderer;
use rules::evaluate::{Engine, RulesApart, StepOutput, Taken};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

/// A job that is set up and ready to be done.
type Ready = Box<dyn FnMut()>;

/// A job's name, and what sets it up.
type Named = (&'static str, fn() -> Ready);

const STEP: usize = 256;

/// By name; each line of `instructions.txt` is one of them.
const JOBS: [Named; 5] = [
    ("windows-small", windows_small),
    ("windows-large", windows_large),
    ("decode-json", decode_json),
    ("rules", rules_together),
    ("whole", whole),
];

fn main() {
    let Some(name) = std::env::args().nth(1) else {
        JOBS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let job = JOBS.iter().find(|(known, _)| *known == name);
    let (_, set_up) = job.expect("the name of a job");
    measured_job(&mut *set_up());
}

/// The name callgrind is told. Something is done after the job, so that this is no jump but a call.
#[inline(never)]
fn measured_job(job: &mut dyn FnMut()) {
    job();
    black_box(());
}

/// Twelve windows, 6 live events a key: scanned.
fn windows_small() -> Ready {
    windows(4_000, 6.0)
}

/// Twelve windows, 200 live events a key: running values.
fn windows_large() -> Ready {
    windows(100, 200.0)
}

fn windows(keys: u64, live: f64) -> Ready {
    let job = Job {
        keys,
        live,
        late: 0.02,
        ..Job::default()
    };
    let (mut source, mut kernel) = (Source::new(&job), Kernel::new(&job));
    kernel.run(&source.take(job.warm() as usize));
    let events = source.take(10_000);
    Box::new(move || kernel.run(&events))
}

/// Swipes as JSON into the columns of card-core.
fn decode_json() -> Ready {
    let swipes = benches::swipes(8 * STEP);
    let mut decoder = benches::decoder(&benches::card_core());
    black_box(decoder.decode(&swipes));
    Box::new(move || {
        black_box(decoder.decode(&swipes));
    })
}

/// The conditions of 50, then of 1,000 rules, over the features of an hour.
fn rules_together() -> Ready {
    let rules = many::pack(1_000, many::conjunction);
    let taken = taken(&rules, 8 * STEP);
    let sets = [50, 1_000].map(|count| RulesApart::new(&rules, 0..count));
    let mut sets = sets.map(|mut set| {
        set.run(&taken[0]);
        set
    });
    Box::new(move || {
        for set in &mut sets {
            let hits: usize = taken.iter().map(|step| set.run(step)).sum();
            black_box(hits);
        }
    })
}

fn taken(rules: &Arc<RuleSet>, events: usize) -> Vec<Taken> {
    let stream = Stream::new(rules, events);
    let mut engine = Engine::new(Arc::clone(rules), "bench", HashSeed::FIXED);
    let mut out = StepOutput::default();
    let steps = (0..events).step_by(STEP).map(|from| {
        stream.step(&mut engine, from..from + STEP, &mut out);
        Taken::new(&stream.events().slice(from, STEP), &out)
    });
    steps.collect()
}

/// From bytes to bytes: JSON, card-core, decisions.
fn whole() -> Ready {
    let rules = benches::card_core();
    let swipes = benches::swipes(16 * STEP);
    let mut engine = Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED);
    let mut decoder = benches::decoder(&rules);
    let renderer = Renderer::new(Arc::clone(&rules), "bench", "swipes");
    let mut decide = move |swipes: &BinaryArray| {
        let stream = Stream::of(&rules, decoder.decode(swipes).rows);
        let (mut out, mut bytes) = (StepOutput::default(), Vec::new());
        stream.step(&mut engine, 0..swipes.len(), &mut out);
        let view = renderer.view(stream.events(), &out);
        (0..out.decisions.len()).for_each(|row| view.write_decision(row, &mut bytes));
        black_box(bytes);
    };
    decide(&swipes.slice(0, STEP));
    Box::new(move || {
        for from in (STEP..swipes.len()).step_by(STEP) {
            decide(&swipes.slice(from, STEP));
        }
    })
}

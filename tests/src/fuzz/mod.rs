//! A plain fuzzer: a small corpus in the repository, mutated from a seed, and one check per target.
//!
//! The idea: a target is a file here and a line in [`TARGETS`]: a name, its corpus in `tests/corpus/<name>/`, words
//! worth planting, and a check that says what is wrong with an input, or panics. `cargo test` gives each target a short run;
//! a long one is asked for by the environment:
//!
//! ```text
//! TOLLGATE_FUZZ=json TOLLGATE_FUZZ_SECONDS=3600 TOLLGATE_FUZZ_SEED=7 \
//!   cargo test --release --workspace --test fuzz -- --nocapture
//! ```
//!
//! for each of `json`, `expression`, `pack`, `ring` and `snapshot`. Without `--release` it is slower and overflows are panics.
//!
//! The invariant: an input follows from the seed and the number of its round alone, so that a failure, which prints
//! both and the input, is there again on every machine. What it found belongs into the corpus.

mod expression;
mod json;
mod mutate;
mod pack;
mod ring;
mod snapshot;

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::place;

/// What a check says about an input: nothing, or what is wrong.
pub type Check = fn(&[u8]) -> Result<(), String>;

/// Something that takes bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its directory in the corpus.
    pub name: &'static str,
    /// Inputs of a short run: a few seconds of a debug build.
    pub short: u64,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
    /// Whether an input came out as it must.
    pub check: Check,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    json::TARGET,
    expression::TARGET,
    pack::TARGET,
    ring::TARGET,
    snapshot::TARGET,
];

/// How long a run is.
#[derive(Clone, Copy, Debug)]
pub enum Length {
    /// So many inputs.
    Rounds(u64),
    /// Until this much time has gone by.
    Time(Duration),
}

impl Length {
    /// What the environment asks for, or else a short run.
    #[must_use]
    pub fn from_environment(target: &Target) -> Length {
        match number("TOLLGATE_FUZZ_SECONDS") {
            Some(seconds) => Length::Time(Duration::from_secs(seconds)),
            None => Length::Rounds(number("TOLLGATE_FUZZ_ROUNDS").unwrap_or(target.short)),
        }
    }
}

/// The seed the environment asks for, or else this one.
#[must_use]
pub fn seed_from_environment(seed: u64) -> u64 {
    number("TOLLGATE_FUZZ_SEED").unwrap_or(seed)
}

/// Whether the environment asks for this target, or for none in particular.
#[must_use]
pub fn wanted(target: &Target) -> bool {
    std::env::var("TOLLGATE_FUZZ").map_or(true, |name| name == target.name)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}: {text:?} is no number")),
    )
}

/// Runs a target from a seed; gives how many inputs it was given.
///
/// # Panics
/// At the first input that is not taken as it must be, with the seed, the round and the input.
#[track_caller]
pub fn run(target: &Target, seed: u64, length: Length) -> u64 {
    let corpus = corpus(target);
    println!(
        "fuzz {}: seed {seed}, {length:?}, {} inputs to begin with",
        target.name,
        corpus.len()
    );
    for (name, input) in &corpus {
        if let Err(what) = checked(target, input) {
            panic!("fuzz {}: {name} of the corpus: {what}", target.name);
        }
    }
    let begun = Instant::now();
    let goes_on = |round: u64| match length {
        Length::Rounds(rounds) => round < rounds,
        Length::Time(time) => begun.elapsed() < time,
    };
    let mut round = 0;
    while goes_on(round) {
        let input = input(target, &corpus, seed, round);
        if let Err(what) = checked(target, &input) {
            panic!(
                "fuzz {}: seed {seed}, round {round}: {what}\ninput: b\"{}\"",
                target.name,
                input.escape_ascii()
            );
        }
        round += 1;
    }
    println!("fuzz {}: {round} inputs taken as they must be", target.name);
    round
}

/// The input of a round.
fn input(target: &Target, corpus: &[(String, Vec<u8>)], seed: u64, round: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own per round: a failure needs none of the rounds before it.
    rng.set_stream(round);
    mutate::input(corpus, target.words, &mut rng)
}

/// The check, a panic being as wrong as anything.
fn checked(target: &Target, input: &[u8]) -> Result<(), String> {
    panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input)))
        .unwrap_or_else(|panic| Err(format!("a panic: {}", message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let plain = || panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(plain)
        .unwrap_or_else(|| "of another kind".to_owned())
}

/// The corpus of a target, by name.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let directory = place::root().join("tests/corpus").join(target.name);
    let entries =
        fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no corpus", directory.display());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: Target = Target {
        name: "json",
        short: 0,
        words: &["\"bug\""],
        check: |input| match input.windows(5).any(|window| window == b"\"bug\"") {
            true => panic!("planted"),
            false => Ok(()),
        },
    };

    #[test]
    fn a_planted_bug_is_found_and_found_again() {
        let fails = |seed: u64| {
            let ran = panic::catch_unwind(|| run(&PLANTED, seed, Length::Rounds(20_000)));
            message(&*ran.expect_err("the planted bug was not found"))
        };
        let found = fails(3);
        assert!(
            found.contains("seed 3") && found.contains("planted"),
            "{found}"
        );
        assert_eq!(found, fails(3));
        assert_ne!(found, fails(4));
    }
}

//! Runs with several workers: whatever their number, and whenever it changes, the decisions are those of one.

use std::sync::Mutex;
use std::thread;

use arrow::array::BinaryArray;
use connectors::format::{Decoded, Decoder};

use super::*;
use crate::crew::WORKERS_MAX;

/// Enough that steps are large enough to be shared ([`rules::evaluate::exchange::ROWS_MIN`]).
const EVENTS: u64 = 8_000;

fn wide(log: &MemoryLog, faults: &Faults, workers: u16) -> Parts {
    let mut parts = parts(log, faults);
    parts.workers = workers;
    parts.limits.step_rows = 700;
    parts.limits.buffered_rows = 2_000;
    parts.delivery.commit_records = 1_500;
    parts
}

fn both(log: &MemoryLog) -> (Vec<String>, Vec<String>) {
    (lines(log, "decisions"), lines(log, "dead"))
}

fn of_one() -> (Vec<String>, Vec<String>) {
    let log = filled_with(EVENTS);
    run(wide(&log, &Faults::default(), 1), around()).unwrap();
    both(&log)
}

/// A decoder that notes which threads it decoded on, and breaks on those whose name begins so.
struct Noting {
    inner: Box<dyn Decoder>,
    threads: Arc<Mutex<Vec<String>>>,
    breaks_on: &'static str,
}

impl Decoder for Noting {
    fn decode(&mut self, values: &BinaryArray) -> Decoded {
        let name = thread::current().name().unwrap_or_default().to_owned();
        let breaks = !self.breaks_on.is_empty() && name.starts_with(self.breaks_on);
        self.threads.lock().unwrap().push(name);
        assert!(!breaks, "a planted fault");
        self.inner.decode(values)
    }

    fn another(&self) -> Box<dyn Decoder> {
        Box::new(Noting {
            inner: self.inner.another(),
            threads: Arc::clone(&self.threads),
            breaks_on: self.breaks_on,
        })
    }
}

/// Parts whose decoder is a [`Noting`], and its notes.
fn noting(
    log: &MemoryLog,
    workers: u16,
    breaks_on: &'static str,
) -> (Parts, Arc<Mutex<Vec<String>>>) {
    let faults = Faults {
        batch_records_max: 300,
        ..Faults::default()
    };
    let mut parts = wide(log, &faults, workers);
    let threads = Arc::default();
    let wanted = wanted::columns(&parts.rules.schema);
    let decoder = Noting {
        inner: Box::new(JsonDecoder::new(wanted.clone(), Limits::DEFAULT).unwrap()),
        threads: Arc::clone(&threads),
        breaks_on,
    };
    let schema = Arc::new(parts.rules.schema.clone());
    let caster = Box::new(ColumnCaster::new(wanted).unwrap());
    parts.decode = Decode::new(schema, Some(Box::new(decoder)), caster);
    (parts, threads)
}

#[test]
fn however_many_workers_decide_the_bytes_are_the_same() {
    let expected = of_one();
    assert_eq!(expected.0.len() + expected.1.len(), EVENTS as usize);
    for workers in [2, 3, 4, WORKERS_MAX] {
        for seed in 0..3 {
            let log = filled_with(EVENTS);
            let faults = Faults {
                seed,
                batch_records_max: [0, 40, 900][seed as usize],
                poll_error_one_in: 7,
                idle_one_in: 5,
                caught_up_again_one_in: 4,
                uneven: seed == 1,
                write_error_one_in: 9,
                ..Faults::default()
            };
            let summary = run(wide(&log, &faults, workers), around()).unwrap();
            assert!(both(&log) == expected, "{workers} workers, seed {seed}");
            assert_eq!(summary.decisions, expected.0.len() as u64);
        }
    }
}

#[test]
fn a_run_that_breaks_off_goes_on_with_another_number_of_workers() {
    let expected = of_one();
    let mut refolded = 0;
    for seed in 0..4u64 {
        let log = filled_with(EVENTS);
        for (round, workers) in [3, 1, 4, 2].into_iter().enumerate() {
            let round = round as u64;
            let faults = Faults {
                seed: seed * 10 + round,
                batch_records_max: 90,
                uneven: true,
                poll_fatal_at: (round < 3).then_some(40 + round * 30 + seed),
                ..Faults::default()
            };
            match run(wide(&log, &faults, workers), around()) {
                Ok(summary) => {
                    refolded += summary.refolded;
                    break;
                }
                Err(error) => assert!(matches!(error, RunError::Source(_)), "{error}"),
            }
        }
        assert!(both(&log) == expected, "seed {seed}");
    }
    assert!(
        refolded > 1_000,
        "{refolded} folded again: the test proves little"
    );
}

#[test]
fn a_stop_with_workers_commits_what_was_decided() {
    let expected = of_one();
    let log = filled_with(EVENTS);
    let mut around = around();
    around.observer = Box::new(StopAfter(4, around.shutdown.clone()));
    let first = run(wide(&log, &Faults::default(), 3), around).unwrap();
    assert!(first.decisions > 0 && first.decisions < EVENTS / 2);
    let second = run(wide(&log, &Faults::default(), 2), self::around()).unwrap();
    assert_eq!(second.refolded, first.decisions);
    assert!(both(&log) == expected);
}

#[test]
fn evicted_with_workers_nothing_is_lost() {
    let expected = of_one();
    for commit in [0, 2] {
        let log = filled_with(EVENTS);
        let faults = Faults {
            seed: commit,
            batch_records_max: 90,
            uneven: true,
            commits: BTreeMap::from([(commit, CommitFault::Evicted)]),
            ..Faults::default()
        };
        run(wide(&log, &faults, 3), around()).unwrap();
        assert!(both(&log) == expected, "commit {commit}");
    }
}

#[test]
fn batches_are_decoded_by_the_crew_and_only_where_there_is_one() {
    let log = filled_with(EVENTS);
    let (parts, threads) = noting(&log, 1, "worker-");
    run(parts, around()).unwrap();
    let own = thread::current().name().unwrap_or_default().to_owned();
    assert!(threads.lock().unwrap().iter().all(|name| *name == own));
    // Who is quicker is chance; that nobody but the worker ever is would be a fault.
    let helped = (0..50).any(|_| {
        let log = filled_with(EVENTS);
        let (parts, threads) = noting(&log, 3, "");
        run(parts, around()).unwrap();
        let threads = threads.lock().unwrap();
        threads.iter().any(|name| name.starts_with("worker-"))
    });
    assert!(helped);
}

#[test]
fn a_worker_that_breaks_ends_the_run_by_its_name() {
    let broken = (0..50).find_map(|_| {
        let log = filled_with(EVENTS);
        let (parts, _) = noting(&log, 2, "worker-");
        run(parts, around()).err()
    });
    let error = broken.expect("no thread of the crew ever decoded a batch");
    assert_eq!(error.to_string(), "worker-2 broke: a planted fault");
}

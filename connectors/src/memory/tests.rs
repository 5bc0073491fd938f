//! The suite over the log in memory, and that its faults change no record.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use super::*;
use crate::conformance::{self, log::LogRig, sink::SinkRig, source::Seen, source::SourceRig};
use crate::log::CommitLog;
use crate::sink::Sink;
use crate::source::Source;

fn numbered(number: usize) -> OutRecord {
    OutRecord {
        key: None,
        value: Some(number.to_string().into_bytes()),
        headers: Vec::new(),
    }
}

struct Rig {
    log: MemoryLog,
    faults: Faults,
    bounded: bool,
    commits: Option<MemoryCommitLog>,
}

impl Rig {
    fn new(faults: Faults, bounded: bool) -> Self {
        Self {
            log: MemoryLog::new(),
            faults,
            bounded,
            commits: None,
        }
    }
}

impl SourceRig for Rig {
    fn create(&mut self, records: usize) -> conformance::Outcome {
        self.log.create_topic("in", 3);
        for number in 0..records * 3 {
            self.log.append(
                "in",
                u32::try_from(number % 3).unwrap(),
                numbered(number),
                7,
            );
        }
        Ok(())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        let source = MemorySource::new(&self.log, "in", self.faults.clone());
        Ok(Box::new(if self.bounded {
            source.bounded()
        } else {
            source
        }))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        let seen = |(offset, stored): (usize, Stored)| Seen {
            offset: i64::try_from(offset).unwrap(),
            value: stored.record.value,
        };
        let of = |partition| {
            self.log
                .read("in", partition, 0)
                .into_iter()
                .enumerate()
                .map(seen)
                .collect()
        };
        (0..3).map(|partition| (partition, of(partition))).collect()
    }

    fn append(&mut self, records: usize) -> Result<bool, String> {
        if !self.bounded {
            for number in 0..records * 3 {
                self.log.append(
                    "in",
                    u32::try_from(number % 3).unwrap(),
                    numbered(number),
                    8,
                );
            }
        }
        Ok(!self.bounded)
    }
}

impl SinkRig for Rig {
    fn open(&mut self) -> Result<Box<dyn Sink>, String> {
        Ok(Box::new(MemorySink::new(&self.log, "out", &self.faults)))
    }

    fn read(&mut self) -> Result<Vec<OutRecord>, String> {
        Ok(self
            .log
            .read("out", 0, 0)
            .into_iter()
            .map(|stored| stored.record)
            .collect())
    }
}

impl LogRig for Rig {
    fn open(&mut self) -> Result<(Box<dyn CommitLog>, Box<dyn Sink>), String> {
        let log = MemoryCommitLog::new(&self.log, "app", self.faults.clone());
        let sink = log.sink("out");
        self.commits = None;
        Ok((Box::new(log), Box::new(sink)))
    }

    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(self
            .log
            .read("out", 0, 0)
            .into_iter()
            .filter_map(|stored| stored.record.value)
            .collect())
    }
}

fn rigged(seed: u64) -> Faults {
    Faults {
        seed,
        batch_records_max: 17,
        poll_error_one_in: 5,
        idle_one_in: 4,
        caught_up_again_one_in: 3,
        uneven: true,
        ..Faults::default()
    }
}

#[test]
fn the_source_conforms_with_and_without_faults() {
    for bounded in [false, true] {
        let plain = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
            Box::new(Rig::new(Faults::default(), bounded))
        });
        assert_eq!(plain, Vec::<String>::new(), "bounded {bounded}");
        for seed in 0..20 {
            let failures =
                conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
                    Box::new(Rig::new(rigged(seed), bounded))
                });
            assert_eq!(
                failures,
                Vec::<String>::new(),
                "seed {seed}, bounded {bounded}"
            );
        }
    }
}

#[test]
fn the_sink_conforms() {
    let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
        Box::new(Rig::new(Faults::default(), false))
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_conforms_also_when_answers_are_lost() {
    let commits = [
        (0, CommitFault::Retry),
        (1, CommitFault::AnswerLost),
        (3, CommitFault::AnswerLost),
    ];
    for commits in [BTreeMap::new(), BTreeMap::from(commits)] {
        let failures = conformance::run_all(conformance::log::ALL, || -> Box<dyn LogRig> {
            Box::new(Rig::new(
                Faults {
                    commits: commits.clone(),
                    ..Faults::default()
                },
                false,
            ))
        });
        assert_eq!(failures, Vec::<String>::new());
    }
}

#[test]
fn a_planned_halt_stands_still_at_its_offset() {
    let mut rig = Rig::new(
        Faults {
            halt: Some((1, 4)),
            ..Faults::default()
        },
        false,
    );
    rig.create(10).unwrap();
    let mut source = SourceRig::open(&mut rig).unwrap();
    source.poll(std::time::Duration::ZERO).unwrap();
    source.start(&[(1, 0)]).unwrap();
    let mut seen = Vec::new();
    for _ in 0..10 {
        match source.poll(std::time::Duration::ZERO).unwrap() {
            crate::source::SourceEvent::Batch(crate::record::Batch::Raw(batch)) => {
                seen.extend(batch.offsets)
            }
            crate::source::SourceEvent::Halted { offset, .. } => seen.push(offset * 100),
            _ => {}
        }
    }
    assert_eq!(seen, vec![0, 1, 2, 3, 400]);
}

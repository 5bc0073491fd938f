//! The suite must be able to fail: planted bugs, each caught by the check that asks for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::source::{ALL, Seen, SourceRig};
use super::{Outcome, run_all};
use crate::memory::{Faults, MemoryLog, MemorySource};
use crate::record::{Batch, OutRecord};
use crate::source::{Source, SourceError, SourceEvent};

#[derive(Clone, Copy, Debug)]
enum Bug {
    DropsOne,
    IgnoresPause,
    IgnoresOffset,
    NeverCaughtUp,
    TakesAnyOffset,
}

struct Buggy(MemorySource, Bug);

impl Source for Buggy {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError> {
        match (self.0.poll(wait)?, self.1) {
            (SourceEvent::Batch(Batch::Raw(batch)), Bug::DropsOne)
                if batch.offsets.contains(&20) =>
            {
                Ok(SourceEvent::Idle)
            }
            (SourceEvent::CaughtUp { .. }, Bug::NeverCaughtUp) => Ok(SourceEvent::Idle),
            (event, _) => Ok(event),
        }
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        match self.1 {
            Bug::IgnoresOffset => {
                let zero: Vec<(u32, i64)> = offsets
                    .iter()
                    .map(|(partition, _)| (*partition, 0))
                    .collect();
                self.0.start(&zero)
            }
            Bug::TakesAnyOffset => {
                let _ = self.0.start(offsets);
                Ok(())
            }
            _ => self.0.start(offsets),
        }
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        if matches!(self.1, Bug::IgnoresPause) {
            Ok(())
        } else {
            self.0.pause(partitions)
        }
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.0.resume(partitions)
    }

    fn topic(&self) -> &str {
        self.0.topic()
    }
}

struct Rig(MemoryLog, Bug);

impl SourceRig for Rig {
    fn create(&mut self, records: usize) -> Outcome {
        self.0.create_topic("in", 1);
        self.append(records).map(|_| ())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        let faults = Faults {
            seed: 1,
            batch_records_max: 8,
            ..Faults::default()
        };
        Ok(Box::new(Buggy(
            MemorySource::new(&self.0, "in", faults),
            self.1,
        )))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        let records = self.0.read("in", 0, 0).into_iter().zip(0..);
        BTreeMap::from([(
            0,
            records
                .map(|(stored, offset)| Seen {
                    offset,
                    value: stored.record.value,
                })
                .collect(),
        )])
    }

    fn append(&mut self, records: usize) -> Result<bool, String> {
        for number in 0..records {
            let value = Some(number.to_string().into_bytes());
            self.0.append(
                "in",
                0,
                OutRecord {
                    value,
                    ..OutRecord::default()
                },
                0,
            );
        }
        Ok(true)
    }
}

#[test]
fn planted_bugs_are_caught() {
    let cases = [
        (Bug::DropsOne, "each_record_once_in_order"),
        (Bug::IgnoresPause, "pause_holds_back_and_loses_nothing"),
        (Bug::IgnoresOffset, "starts_at_the_offset_named"),
        (Bug::NeverCaughtUp, "tells_the_end"),
        (Bug::TakesAnyOffset, "offset_outside_the_log_is_refused"),
    ];
    for (bug, check) in cases {
        let failures = run_all(ALL, || -> Box<dyn SourceRig> {
            Box::new(Rig(MemoryLog::new(), bug))
        });
        assert!(
            failures.iter().any(|failure| failure.starts_with(check)),
            "{bug:?}: {failures:?}"
        );
    }
}

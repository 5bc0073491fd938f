//! Reads a source for the checks of [`super::source`]: gathers what it says, and says what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::Array;

use super::source::{Rig, Seen};
use super::{Outcome, ensure};
use crate::record::Batch;
use crate::source::{Source, SourceEvent};

const WAIT: Duration = Duration::from_millis(20);

/// What a source said, gathered.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) assigned: BTreeMap<u32, (i64, i64)>,
    pub(super) seen: BTreeMap<u32, Vec<Seen>>,
    pub(super) caught_up: BTreeMap<u32, i64>,
    pub(super) finished: usize,
}

impl Reader {
    /// Polls once; `Ok(true)` when there was an event.
    pub(super) fn poll(&mut self, source: &mut dyn Source) -> Result<bool, String> {
        match source.poll(WAIT) {
            Ok(SourceEvent::Idle) => return Ok(false),
            Ok(SourceEvent::Assigned(partitions)) => {
                for partition in partitions {
                    self.assigned.insert(
                        partition.partition,
                        (partition.log_start, partition.log_end),
                    );
                }
            }
            Ok(SourceEvent::Revoked(partitions) | SourceEvent::Lost(partitions)) => {
                return Err(format!("revoked {partitions:?}"));
            }
            Ok(SourceEvent::Batch(batch)) => self.take(&batch)?,
            Ok(SourceEvent::CaughtUp {
                partition,
                next_offset,
            }) => {
                self.caught_up.insert(partition, next_offset);
            }
            Ok(SourceEvent::Halted {
                partition,
                offset,
                cause,
            }) => {
                return Err(format!("partition {partition} halted at {offset}: {cause}"));
            }
            Ok(SourceEvent::Finished) => self.finished += 1,
            Err(error) if error.retry => {}
            Err(error) => return Err(error.to_string()),
        }
        Ok(true)
    }

    fn take(&mut self, batch: &Batch) -> Outcome {
        let (partition, records) = records_of(batch);
        ensure(!records.is_empty(), || {
            format!("an empty batch of partition {partition}")
        })?;
        ensure(self.assigned.contains_key(&partition), || {
            format!("records of partition {partition} before it was assigned")
        })?;
        self.seen.entry(partition).or_default().extend(records);
        Ok(())
    }

    /// Polls until `done`, at most `patience` polls in a row without an event.
    pub(super) fn until(
        &mut self,
        source: &mut dyn Source,
        patience: usize,
        done: impl Fn(&Self) -> bool,
    ) -> Outcome {
        let mut quiet = 0;
        while !done(self) {
            if self.poll(source)? {
                quiet = 0;
            } else {
                quiet += 1;
            }
            if quiet > patience {
                return Err(format!(
                    "nothing more came; assigned {:?}, records {:?}, caught up {:?}, finished {}",
                    self.assigned,
                    self.seen
                        .iter()
                        .map(|(p, records)| (*p, records.len()))
                        .collect::<Vec<_>>(),
                    self.caught_up,
                    self.finished
                ));
            }
        }
        Ok(())
    }

    pub(super) fn starts(&self) -> Vec<(u32, i64)> {
        self.assigned
            .iter()
            .map(|(partition, (start, _))| (*partition, *start))
            .collect()
    }

    pub(super) fn same(&self, expected: &BTreeMap<u32, Vec<Seen>>) -> Outcome {
        for (partition, expected) in expected {
            let seen = self
                .seen
                .get(partition)
                .map(Vec::as_slice)
                .unwrap_or_default();
            ensure(seen == expected, || difference(*partition, expected, seen))?;
        }
        Ok(())
    }
}

fn difference(partition: u32, expected: &[Seen], seen: &[Seen]) -> String {
    let at = expected
        .iter()
        .zip(seen)
        .take_while(|(a, b)| a == b)
        .count();
    format!(
        "partition {partition}: expected {} records, got {}; first difference at index {at}: expected {:?}, got {:?}",
        expected.len(),
        seen.len(),
        expected.get(at),
        seen.get(at)
    )
}

fn records_of(batch: &Batch) -> (u32, Vec<Seen>) {
    match batch {
        Batch::Raw(raw) => {
            let value = |row: usize| {
                raw.values
                    .is_valid(row)
                    .then(|| raw.values.value(row).to_vec())
            };
            let records = raw.offsets.iter().enumerate().map(|(row, offset)| Seen {
                offset: *offset,
                value: value(row),
            });
            (raw.partition, records.collect())
        }
        Batch::Columns(columns) => {
            let rows = i64::try_from(columns.rows.num_rows()).unwrap_or(i64::MAX);
            let offset = |row| columns.first_offset + row;
            (
                columns.partition,
                (0..rows)
                    .map(|row| Seen {
                        offset: offset(row),
                        value: None,
                    })
                    .collect(),
            )
        }
    }
}

/// Opens a source over a new log and waits until every partition is assigned.
pub(super) fn opened(rig: &mut Rig, records: usize) -> Result<(Box<dyn Source>, Reader), String> {
    rig.create(records)?;
    let expected: BTreeSet<u32> = rig.expected().keys().copied().collect();
    let mut source = rig.open()?;
    let mut reader = Reader::default();
    reader.until(&mut *source, rig.patience(), |reader| {
        expected.iter().all(|p| reader.assigned.contains_key(p))
    })?;
    Ok((source, reader))
}

pub(super) fn read_all(rig: &Rig, source: &mut dyn Source, reader: &mut Reader) -> Outcome {
    let wanted: BTreeMap<u32, usize> = rig
        .expected()
        .iter()
        .map(|(p, records)| (*p, records.len()))
        .collect();
    reader.until(source, rig.patience(), |reader| {
        wanted
            .iter()
            .all(|(p, count)| reader.seen.get(p).map_or(0, Vec::len) >= *count)
    })
}

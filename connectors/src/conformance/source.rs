//! What every [`Source`] must do, as checks over a [`SourceRig`]; the numbers in the docs are the points of the
//! contract in [`crate::source`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::Array;

use super::{Check, Outcome, ensure};
use crate::record::Batch;
use crate::source::{Source, SourceEvent};

/// A record as seen by a reader: its offset, and its value when the batch carries raw bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Offset in its partition.
    pub offset: i64,
    /// Value; `None` for a tombstone, and for columns, which have no bytes.
    pub value: Option<Vec<u8>>,
}

/// How the suite handles one kind of source.
pub trait SourceRig {
    /// Makes a new log with this many records in each of its partitions (at least one partition, more where the
    /// kind has them).
    ///
    /// # Errors
    /// In words, when it cannot.
    fn create(&mut self, records: usize) -> Outcome;

    /// Opens a source over that log. At most one is open at a time.
    ///
    /// # Errors
    /// In words, when it cannot.
    fn open(&mut self) -> Result<Box<dyn Source>, String>;

    /// What the log holds, by partition. For a source of columns the values are `None`.
    fn expected(&self) -> BTreeMap<u32, Vec<Seen>>;

    /// Adds records to every partition while a source may be open; `false` when the kind is bounded.
    ///
    /// # Errors
    /// In words, when it cannot.
    fn append(&mut self, records: usize) -> Result<bool, String>;

    /// How many polls without any event mean that no more will come: a source over a network needs more.
    fn patience(&self) -> usize {
        50
    }
}

/// Any rig, owning what it uses.
pub type Rig = dyn SourceRig;

/// Every check.
pub const ALL: &[Check<Rig>] = &[
    Check {
        name: "assigned_before_records",
        run: assigned_before_records,
    },
    Check {
        name: "nothing_before_start",
        run: nothing_before_start,
    },
    Check {
        name: "each_record_once_in_order",
        run: each_record_once_in_order,
    },
    Check {
        name: "starts_at_the_offset_named",
        run: starts_at_the_offset_named,
    },
    Check {
        name: "begins_anew",
        run: begins_anew,
    },
    Check {
        name: "tells_the_end",
        run: tells_the_end,
    },
    Check {
        name: "goes_on_after_the_end",
        run: goes_on_after_the_end,
    },
    Check {
        name: "pause_holds_back_and_loses_nothing",
        run: pause_holds_back_and_loses_nothing,
    },
    Check {
        name: "unknown_partition_is_refused",
        run: unknown_partition_is_refused,
    },
    Check {
        name: "offset_outside_the_log_is_refused",
        run: offset_outside_the_log_is_refused,
    },
    Check {
        name: "an_empty_log_is_no_error",
        run: an_empty_log_is_no_error,
    },
    Check {
        name: "has_a_name",
        run: has_a_name,
    },
];

const WAIT: Duration = Duration::from_millis(20);

/// What a source said, gathered.
#[derive(Default)]
struct Reader {
    assigned: BTreeMap<u32, (i64, i64)>,
    seen: BTreeMap<u32, Vec<Seen>>,
    caught_up: BTreeMap<u32, i64>,
    finished: usize,
}

impl Reader {
    /// Polls once; `Ok(true)` when there was an event.
    fn poll(&mut self, source: &mut dyn Source) -> Result<bool, String> {
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
            Ok(SourceEvent::Revoked(partitions)) => return Err(format!("revoked {partitions:?}")),
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
    fn until(
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

    fn starts(&self) -> Vec<(u32, i64)> {
        self.assigned
            .iter()
            .map(|(partition, (start, _))| (*partition, *start))
            .collect()
    }

    fn same(&self, expected: &BTreeMap<u32, Vec<Seen>>) -> Outcome {
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
fn opened(rig: &mut Rig, records: usize) -> Result<(Box<dyn Source>, Reader), String> {
    rig.create(records)?;
    let expected: BTreeSet<u32> = rig.expected().keys().copied().collect();
    let mut source = rig.open()?;
    let mut reader = Reader::default();
    reader.until(&mut *source, rig.patience(), |reader| {
        expected.iter().all(|p| reader.assigned.contains_key(p))
    })?;
    Ok((source, reader))
}

fn read_all(rig: &Rig, source: &mut dyn Source, reader: &mut Reader) -> Outcome {
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

/// Point 1.
fn assigned_before_records(rig: &mut Rig) -> Outcome {
    let (_source, reader) = opened(rig, 10)?;
    for (partition, records) in rig.expected() {
        let (start, end) = reader.assigned.get(&partition).copied().unwrap_or_default();
        let first = records.first().map_or(start, |record| record.offset);
        let last = records.last().map_or(start, |record| record.offset + 1);
        // A log may end in places that are no records (transaction markers), never before its last record.
        ensure(start <= first && end >= last, || {
            format!(
                "partition {partition} assigned as [{start}, {end}), it holds [{first}, {last})"
            )
        })?;
    }
    Ok(())
}

/// Point 2, first half.
fn nothing_before_start(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 10)?;
    for _ in 0..10 {
        reader.poll(&mut *source)?;
    }
    ensure(reader.seen.is_empty(), || {
        "records were handed over before start".to_owned()
    })?;
    ensure(reader.finished == 0, || "finished before start".to_owned())
}

/// Point 2, second half.
fn each_record_once_in_order(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 1_000)?;
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    read_all(rig, &mut *source, &mut reader)?;
    for _ in 0..5 {
        reader.poll(&mut *source)?;
    }
    reader.same(&rig.expected())
}

/// Point 2: any offset, not only the first.
fn starts_at_the_offset_named(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 100)?;
    let mut expected = rig.expected();
    let mut offsets = Vec::new();
    for (partition, records) in &mut expected {
        records.drain(..37);
        offsets.extend(records.first().map(|record| (*partition, record.offset)));
    }
    source.start(&offsets).map_err(|error| error.to_string())?;
    let wanted = expected.clone();
    reader.until(&mut *source, rig.patience(), |reader| {
        wanted
            .iter()
            .all(|(p, records)| reader.seen.get(p).map_or(0, Vec::len) >= records.len())
    })?;
    reader.same(&expected)
}

/// `start` may come again: reading begins anew there, and nothing of the reading before it leaks in.
fn begins_anew(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 200)?;
    let starts = reader.starts();
    source.start(&starts).map_err(|error| error.to_string())?;
    reader.until(&mut *source, rig.patience(), |reader| {
        !reader.seen.is_empty()
    })?;
    source.start(&starts).map_err(|error| error.to_string())?;
    reader.seen.clear();
    read_all(rig, &mut *source, &mut reader)?;
    reader.same(&rig.expected())
}

/// Point 3: the end is told, with the offset after the last record, and a bounded source finishes once.
fn tells_the_end(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 50)?;
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    let expected = rig.expected();
    let bounded = !rig.append(0)?;
    reader.until(&mut *source, rig.patience(), |reader| {
        if bounded {
            reader.finished > 0
        } else {
            expected.keys().all(|p| at_end(reader, &expected, *p))
        }
    })?;
    if bounded {
        for _ in 0..5 {
            reader.poll(&mut *source)?;
        }
        ensure(reader.finished == 1, || {
            format!("finished {} times", reader.finished)
        })?;
    }
    reader.same(&expected)
}

fn at_end(reader: &Reader, expected: &BTreeMap<u32, Vec<Seen>>, partition: u32) -> bool {
    let last = expected
        .get(&partition)
        .and_then(|records| records.last())
        .map_or(0, |record| record.offset + 1);
    reader
        .caught_up
        .get(&partition)
        .is_some_and(|next| *next >= last)
}

/// Point 3: after new records the end is told again.
fn goes_on_after_the_end(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 20)?;
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    for _ in 0..3 {
        if !rig.append(15)? {
            return Ok(());
        }
        let expected = rig.expected();
        read_all(rig, &mut *source, &mut reader)?;
        reader.until(&mut *source, rig.patience(), |reader| {
            expected.keys().all(|p| at_end(reader, &expected, *p))
        })?;
    }
    reader.same(&rig.expected())
}

/// Point 4.
fn pause_holds_back_and_loses_nothing(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 400)?;
    let partitions: Vec<u32> = reader.assigned.keys().copied().collect();
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    for _ in 0..3 {
        source
            .pause(&partitions)
            .map_err(|error| error.to_string())?;
        let before: usize = reader.seen.values().map(Vec::len).sum();
        for _ in 0..3 {
            reader.poll(&mut *source)?;
        }
        let after: usize = reader.seen.values().map(Vec::len).sum();
        ensure(after == before, || {
            format!("{} records while paused", after - before)
        })?;
        source
            .resume(&partitions)
            .map_err(|error| error.to_string())?;
        let all: usize = rig.expected().values().map(Vec::len).sum();
        reader.until(&mut *source, rig.patience(), |reader| {
            let seen: usize = reader.seen.values().map(Vec::len).sum();
            seen > before || seen == all
        })?;
    }
    read_all(rig, &mut *source, &mut reader)?;
    reader.same(&rig.expected())
}

/// `start`, `pause` and `resume` of a partition that is not assigned are errors.
fn unknown_partition_is_refused(rig: &mut Rig) -> Outcome {
    let (mut source, reader) = opened(rig, 5)?;
    let none = reader
        .assigned
        .keys()
        .max()
        .map_or(0, |partition| partition + 1);
    ensure(source.start(&[(none, 0)]).is_err(), || {
        format!("started partition {none}")
    })?;
    ensure(source.pause(&[none]).is_err(), || {
        format!("paused partition {none}")
    })?;
    ensure(source.resume(&[none]).is_err(), || {
        format!("resumed partition {none}")
    })
}

/// An offset before the first or after the next record is an error; the next offset itself is not.
fn offset_outside_the_log_is_refused(rig: &mut Rig) -> Outcome {
    let (mut source, reader) = opened(rig, 5)?;
    for (partition, (start, end)) in &reader.assigned {
        for offset in [*start - 1, *end + 1] {
            ensure(source.start(&[(*partition, offset)]).is_err(), || {
                format!("started partition {partition} at {offset}, it holds [{start}, {end})")
            })?;
        }
    }
    let ends: Vec<(u32, i64)> = reader
        .assigned
        .iter()
        .map(|(partition, (_, end))| (*partition, *end))
        .collect();
    source
        .start(&ends)
        .map_err(|error| format!("at the end: {error}"))
}

/// A log without records assigns its partitions, and tells its end.
fn an_empty_log_is_no_error(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 0)?;
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    let partitions: Vec<u32> = reader.assigned.keys().copied().collect();
    reader.until(&mut *source, rig.patience(), |reader| {
        reader.finished == 1
            || (!partitions.is_empty()
                && partitions.iter().all(|p| reader.caught_up.contains_key(p)))
    })
}

/// The name that positions carry is not empty.
fn has_a_name(rig: &mut Rig) -> Outcome {
    let (source, _reader) = opened(rig, 1)?;
    ensure(!source.topic().is_empty(), || "no topic".to_owned())
}

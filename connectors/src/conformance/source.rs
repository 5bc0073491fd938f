//! What every [`Source`] must do, as checks over a [`SourceRig`]; the numbers in the docs are the points of the
//! contract in [`crate::source`].

use std::collections::BTreeMap;

use super::reader::{Reader, opened, read_all};
use super::{Check, Outcome, ensure};
use crate::source::Source;

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
        name: "pause_at_the_end_loses_nothing",
        run: pause_at_the_end_loses_nothing,
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

/// The same where the end has just been told, and more comes while the source is paused.
fn pause_at_the_end_loses_nothing(rig: &mut Rig) -> Outcome {
    let (mut source, mut reader) = opened(rig, 20)?;
    let partitions: Vec<u32> = reader.assigned.keys().copied().collect();
    source
        .start(&reader.starts())
        .map_err(|error| error.to_string())?;
    for _ in 0..3 {
        let expected = rig.expected();
        reader.until(&mut *source, rig.patience(), |reader| {
            expected.keys().all(|p| at_end(reader, &expected, *p))
        })?;
        source
            .pause(&partitions)
            .map_err(|error| error.to_string())?;
        if !rig.append(2)? {
            break;
        }
        source
            .resume(&partitions)
            .map_err(|error| error.to_string())?;
    }
    source
        .resume(&partitions)
        .map_err(|error| error.to_string())?;
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

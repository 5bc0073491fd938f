//! What every [`Sink`] must do, as checks over a [`SinkRig`]; the numbers in the docs are the points of the contract in
//! [`crate::sink`].

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Check, Outcome, ensure};
use crate::record::OutRecord;
use crate::sink::{Payload, Sink, Takes};

/// How the suite handles one kind of sink.
pub trait SinkRig {
    /// Opens the sink over an empty target.
    ///
    /// # Errors
    /// In words, when it cannot.
    fn open(&mut self) -> Result<Box<dyn Sink>, String>;

    /// What a reader finds after the sink's last flush (and, where it is part of a log, that log's commit; the rig
    /// commits here). Records come grouped by partition; a sink of columns returns one record per row, whose
    /// value is the decimal text of its first column. Where `closes_to_read`, it is called after the close only.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn read(&mut self) -> Result<Vec<OutRecord>, String>;

    /// Whether keys, tombstones and headers come back as they were written.
    fn keeps_all(&self) -> bool {
        true
    }

    /// Whether a reader sees anything only after [`Sink::close`].
    fn closes_to_read(&self) -> bool {
        false
    }
}

/// Any rig, owning what it uses.
pub type Rig = dyn SinkRig;

/// Every check.
pub const ALL: &[Check<Rig>] = &[
    Check {
        name: "flushed_records_are_there",
        run: flushed_records_are_there,
    },
    Check {
        name: "order_is_kept_by_key",
        run: order_is_kept_by_key,
    },
    Check {
        name: "many_flushes_add_up",
        run: many_flushes_add_up,
    },
    Check {
        name: "keys_tombstones_and_headers_are_kept",
        run: keys_tombstones_and_headers_are_kept,
    },
    Check {
        name: "an_empty_write_is_nothing",
        run: an_empty_write_is_nothing,
    },
    Check {
        name: "the_wrong_payload_is_refused",
        run: the_wrong_payload_is_refused,
    },
];

/// A record whose value is a number.
fn numbered(number: i64) -> OutRecord {
    OutRecord {
        key: Some(format!("k{}", number % 7).into_bytes()),
        value: Some(number.to_string().into_bytes()),
        headers: Vec::new(),
    }
}

fn columns(numbers: std::ops::Range<i64>) -> Result<RecordBatch, String> {
    let schema = Arc::new(Schema::new(vec![Field::new(
        "number",
        DataType::Int64,
        false,
    )]));
    let values = Arc::new(Int64Array::from_iter_values(numbers));
    RecordBatch::try_new(schema, vec![values]).map_err(|error| error.to_string())
}

fn write(sink: &mut dyn Sink, numbers: std::ops::Range<i64>) -> Outcome {
    match sink.takes() {
        Takes::Records => {
            let records: Vec<OutRecord> = numbers.map(numbered).collect();
            sink.write(Payload::Records(&records))
                .map_err(|error| error.to_string())
        }
        Takes::Columns => sink
            .write(Payload::Columns(&columns(numbers)?))
            .map_err(|error| error.to_string()),
    }
}

fn flush(sink: &mut dyn Sink) -> Outcome {
    sink.flush().map_err(|error| error.to_string())
}

fn finished(rig: &mut Rig, mut sink: Box<dyn Sink>) -> Result<Vec<OutRecord>, String> {
    if rig.closes_to_read() {
        sink.close().map_err(|error| error.to_string())?;
        return rig.read();
    }
    let read = rig.read()?;
    sink.close().map_err(|error| error.to_string())?;
    Ok(read)
}

fn numbers(records: &[OutRecord]) -> Result<Vec<i64>, String> {
    let number = |record: &OutRecord| {
        let value = record.value.as_deref().ok_or("a record without value")?;
        let text = std::str::from_utf8(value).map_err(|error| error.to_string())?;
        text.trim()
            .parse::<i64>()
            .map_err(|error| format!("{text}: {error}"))
    };
    records.iter().map(number).collect()
}

fn all_there(records: &[OutRecord], count: i64) -> Outcome {
    let mut found = numbers(records)?;
    found.sort_unstable();
    let wanted: Vec<i64> = (0..count).collect();
    ensure(found == wanted, || {
        format!(
            "expected 0..{count} each once, got {} records: {found:?}",
            found.len()
        )
    })
}

/// Point 4.
fn flushed_records_are_there(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    write(&mut *sink, 0..100)?;
    flush(&mut *sink)?;
    all_there(&finished(rig, sink)?, 100)
}

/// Point 2.
fn order_is_kept_by_key(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    for first in (0..500).step_by(50) {
        write(&mut *sink, first..first + 50)?;
    }
    flush(&mut *sink)?;
    let records = finished(rig, sink)?;
    all_there(&records, 500)?;
    for remainder in 0..7 {
        let of_key: Vec<i64> = numbers(&records)?
            .into_iter()
            .filter(|number| number % 7 == remainder)
            .collect();
        ensure(of_key.is_sorted(), || {
            format!("key k{remainder} came out of order: {of_key:?}")
        })?;
    }
    Ok(())
}

/// Point 4, again and again.
fn many_flushes_add_up(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    for number in 0..20 {
        write(&mut *sink, number..number + 1)?;
        flush(&mut *sink)?;
        flush(&mut *sink)?;
    }
    all_there(&finished(rig, sink)?, 20)
}

/// Bytes are passed through untouched, also those that are no text.
fn keys_tombstones_and_headers_are_kept(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    if !rig.keeps_all() || sink.takes() != Takes::Records {
        return Ok(());
    }
    let record = |value: Option<&[u8]>, headers| OutRecord {
        key: Some(b"k\xff\0".to_vec()),
        value: value.map(<[u8]>::to_vec),
        headers,
    };
    let written = vec![
        record(
            Some(b"\xff\0\n"),
            vec![
                (b"a".to_vec(), Some(b"\xfe".to_vec())),
                (b"a".to_vec(), None),
            ],
        ),
        record(Some(b""), Vec::new()),
        record(None, Vec::new()),
    ];
    sink.write(Payload::Records(&written))
        .map_err(|error| error.to_string())?;
    flush(&mut *sink)?;
    let read = finished(rig, sink)?;
    ensure(read == written, || {
        format!("wrote {written:?}, read {read:?}")
    })
}

/// Nothing in, nothing out.
fn an_empty_write_is_nothing(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    write(&mut *sink, 0..0)?;
    flush(&mut *sink)?;
    write(&mut *sink, 0..3)?;
    flush(&mut *sink)?;
    all_there(&finished(rig, sink)?, 3)
}

/// Point 1: a payload of the other kind is an error, not a loss.
fn the_wrong_payload_is_refused(rig: &mut Rig) -> Outcome {
    let mut sink = rig.open()?;
    let refused = match sink.takes() {
        Takes::Records => sink.write(Payload::Columns(&columns(0..3)?)).is_err(),
        Takes::Columns => sink.write(Payload::Records(&[numbered(1)])).is_err(),
    };
    ensure(refused, || {
        "a payload it does not take was taken".to_owned()
    })
}

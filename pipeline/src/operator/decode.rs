//! Decode: what a source hands over becomes a [`Segment`]: typed rows of one partition, the times they count with,
//! and the records that could not become events.
//!
//! The invariant: every record of the batch is in the segment exactly once, as a row or as a dead letter, in offset
//! order; a time from the future never leaves here, so it can move no watermark and hold back no other partition.

mod future;
mod key;

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use connectors::format::{Caster, Decoded, Decoder};
use connectors::record::{Batch, ColumnBatch, Headers, NO_APPEND_TIME, RawBatch};
use connectors::reject::{Reject, RejectCode};
use rules::schema::Schema;
use rules::time::EventTime;

use self::future::Found;
pub(crate) use self::key::can_be_key;

/// Where a dead letter was found out.
pub const STAGE_DECODE: &str = "decode";
/// Where a record with the key of another was found out.
pub const STAGE_KEY: &str = "key";
/// Where an event that claims to come from the future was found out.
pub const STAGE_TIME: &str = "time";

/// A record that did not become an event, with its bytes untouched.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Where it stood in its partition.
    pub offset: i64,
    /// The original key.
    pub key: Option<Vec<u8>>,
    /// The original value.
    pub value: Option<Vec<u8>>,
    /// The original headers.
    pub headers: Arc<Headers>,
    /// Which stage rejected it.
    pub stage: &'static str,
    /// Why.
    pub code: RejectCode,
    /// What was found.
    pub detail: String,
}

/// Decoded records of one partition.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The partition.
    pub partition: u32,
    /// Offset of each row, ascending.
    pub offsets: Vec<i64>,
    /// The time each row counts with.
    pub times: Vec<EventTime>,
    /// Rows whose time was clamped because it came from the future, ascending.
    pub clamped: Vec<usize>,
    /// The rows, in the columns of the schema.
    pub rows: RecordBatch,
    /// The key each record came with; `None` when the source has no keys.
    pub keys: Option<BinaryArray>,
    /// Dead letters, ascending by offset.
    pub dead: Vec<DeadLetter>,
    /// The offset behind the last record of the batch.
    pub next_offset: i64,
    /// When the batch was taken from the source, on the worker's clock, in microseconds.
    pub taken_at: i64,
}

/// The operator: one decoder for bytes, one caster for columns.
pub struct Decode {
    time_column: usize,
    /// The column the key of each record must be equal to.
    key_column: Option<usize>,
    schema: Arc<Schema>,
    decoder: Option<Box<dyn Decoder>>,
    caster: Box<dyn Caster>,
}

impl std::fmt::Debug for Decode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decode")
            .field("time_column", &self.time_column)
            .finish_non_exhaustive()
    }
}

impl Decode {
    /// An operator that makes rows of this schema. Without a decoder the source must hand over columns.
    #[must_use]
    pub fn new(
        schema: Arc<Schema>,
        decoder: Option<Box<dyn Decoder>>,
        caster: Box<dyn Caster>,
    ) -> Decode {
        Decode {
            time_column: schema.time,
            key_column: None,
            schema,
            decoder,
            caster,
        }
    }

    /// Another one that makes the same of the same batches, for another thread.
    #[must_use]
    pub fn another(&self) -> Decode {
        Decode {
            time_column: self.time_column,
            key_column: self.key_column,
            schema: Arc::clone(&self.schema),
            decoder: self.decoder.as_ref().map(|decoder| decoder.another()),
            caster: self.caster.another(),
        }
    }

    /// From here on a record's key must be the text of this column.
    #[must_use]
    pub fn with_key(mut self, column: Option<usize>) -> Decode {
        self.key_column = column;
        self
    }

    /// Decodes a batch.
    ///
    /// # Errors
    /// When the source hands over bytes and there is no decoder, or an Arrow kernel refuses: broken invariants both.
    pub fn run(&mut self, batch: Batch, taken_at: i64) -> Result<Segment, ArrowError> {
        match batch {
            Batch::Raw(raw) => self.raw(&raw, taken_at),
            Batch::Columns(columns) => self.columns(&columns, taken_at),
        }
    }

    fn raw(&mut self, raw: &RawBatch, taken_at: i64) -> Result<Segment, ArrowError> {
        let decoder = self.decoder.as_mut().ok_or_else(|| {
            ArrowError::InvalidArgumentError("decode: bytes from a source of columns".to_owned())
        })?;
        let decoded = decoder.decode(&raw.values);
        let offset = |row: usize| raw.offsets.get(row).copied().unwrap_or_default();
        let key = |row: usize| raw.keys.is_valid(row).then(|| raw.keys.value(row));
        let appended = |row: usize| raw.append_times.get(row).copied().unwrap_or(NO_APPEND_TIME);
        let letter =
            |row: usize, stage: &'static str, code: RejectCode, detail: String| DeadLetter {
                offset: offset(row),
                key: key(row).map(<[u8]>::to_vec),
                value: raw
                    .values
                    .is_valid(row)
                    .then(|| raw.values.value(row).to_vec()),
                headers: raw.headers.get(row).cloned().unwrap_or_default(),
                stage,
                code,
                detail,
            };
        let parts = self.admit(decoded, &offset, &appended, &key, &letter)?;
        let keys = keys_of(&raw.keys, &parts.taken);
        Ok(parts.into_segment(
            raw.partition,
            raw.offsets.last().map_or(0, |o| o + 1),
            keys,
            taken_at,
        ))
    }

    fn columns(&mut self, columns: &ColumnBatch, taken_at: i64) -> Result<Segment, ArrowError> {
        let decoded = self.caster.cast(&columns.rows);
        let first = columns.first_offset;
        let offset = |row: usize| first + i64::try_from(row).unwrap_or(i64::MAX);
        let letter =
            |row: usize, stage: &'static str, code: RejectCode, detail: String| DeadLetter {
                offset: offset(row),
                key: None,
                value: Some(row_as_json(&columns.rows, row)),
                headers: Arc::default(),
                stage,
                code,
                detail,
            };
        let next = offset(columns.rows.num_rows());
        let parts = self.admit(decoded, &offset, &|_| NO_APPEND_TIME, &|_| None, &letter)?;
        Ok(parts.into_segment(columns.partition, next, None, taken_at))
    }

    /// Gives each good row the time it counts with, and turns rejects into dead letters.
    fn admit<'a>(
        &self,
        decoded: Decoded,
        offset: &dyn Fn(usize) -> i64,
        appended: &dyn Fn(usize) -> i64,
        key: &dyn Fn(usize) -> Option<&'a [u8]>,
        letter: &dyn Fn(usize, &'static str, RejectCode, String) -> DeadLetter,
    ) -> Result<Parts, ArrowError> {
        let Decoded {
            mut rows,
            mut taken,
            rejects,
        } = decoded;
        let mut dead: Vec<DeadLetter> = rejects
            .into_iter()
            .map(|Reject { row, code, detail }| letter(row, STAGE_DECODE, code, detail))
            .collect();
        let mut refuse = |stage, code, taken: &[u32], refused: Vec<(usize, String)>| {
            let mut keep = vec![true; taken.len()];
            for (row, detail) in refused {
                if let (Some(keep), Some(at)) = (keep.get_mut(row), taken.get(row)) {
                    *keep = false;
                    dead.push(letter(place(*at), stage, code, detail));
                }
            }
            keep
        };
        if let Some(column) = self.key_column {
            let field = self.schema.fields.get(column);
            let field = field.map_or("the field", |field| field.name.as_str());
            let key_of = |row: usize| taken.get(row).and_then(|at| key(place(*at)));
            let refused = key::mismatches(rows.column(column), field, key_of);
            if !refused.is_empty() {
                let keep = refuse(STAGE_KEY, RejectCode::KeyMismatch, &taken, refused);
                taken = kept(taken, &keep);
                rows = filter_record_batch(&rows, &keep.into())?;
            }
        }
        let column = rows
            .column(self.time_column)
            .as_primitive::<TimestampMicrosecondType>();
        let mut times: Vec<EventTime> = column.values().iter().map(|t| EventTime(*t)).collect();
        let mut found = Found::default();
        if let Some(max_future) = self.schema.max_future {
            let of_row = |row: usize| {
                taken
                    .get(row)
                    .map_or(NO_APPEND_TIME, |at| appended(place(*at)))
            };
            found = future::bound(&mut times, of_row, max_future, self.schema.future_policy);
        }
        if !found.rejected.is_empty() {
            let keep = refuse(
                STAGE_TIME,
                RejectCode::FromTheFuture,
                &taken,
                found.rejected,
            );
            times = kept(times, &keep);
            taken = kept(taken, &keep);
            rows = filter_record_batch(&rows, &keep.into())?;
        }
        // Each stage tells its own in order; between them they alternate.
        dead.sort_by_key(|letter| letter.offset);
        let offsets = taken.iter().map(|at| offset(place(*at))).collect();
        Ok(Parts {
            rows,
            taken,
            offsets,
            times,
            clamped: found.clamped,
            dead,
        })
    }
}

/// What stays of a list when some of its rows go.
fn kept<T>(all: Vec<T>, keep: &[bool]) -> Vec<T> {
    let staying = all.into_iter().zip(keep).filter(|(_, keep)| **keep);
    staying.map(|(one, _)| one).collect()
}

/// A row of the source's batch as an index.
fn place(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// A segment before it knows its partition.
struct Parts {
    rows: RecordBatch,
    taken: Vec<u32>,
    offsets: Vec<i64>,
    times: Vec<EventTime>,
    clamped: Vec<usize>,
    dead: Vec<DeadLetter>,
}

impl Parts {
    fn into_segment(
        self,
        partition: u32,
        next_offset: i64,
        keys: Option<BinaryArray>,
        taken_at: i64,
    ) -> Segment {
        let Parts {
            rows,
            offsets,
            times,
            clamped,
            dead,
            ..
        } = self;
        Segment {
            partition,
            offsets,
            times,
            clamped,
            rows,
            keys,
            dead,
            next_offset,
            taken_at,
        }
    }
}

/// Keys of the rows taken, or `None` when no record has one.
fn keys_of(keys: &BinaryArray, taken: &[u32]) -> Option<BinaryArray> {
    if keys.null_count() == keys.len() {
        return None;
    }
    if taken.len() == keys.len() {
        return Some(keys.clone());
    }
    let rows = taken
        .iter()
        .map(|row| usize::try_from(*row).unwrap_or(usize::MAX));
    Some(
        rows.map(|row| keys.is_valid(row).then(|| keys.value(row)))
            .collect(),
    )
}

/// A row of columns as a JSON object of texts: what a dead letter of a source without bytes carries.
fn row_as_json(rows: &RecordBatch, row: usize) -> Vec<u8> {
    let options = FormatOptions::default().with_null("");
    let mut object = serde_json::Map::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let text =
            ArrayFormatter::try_new(column.as_ref(), &options).map(|f| f.value(row).to_string());
        let value = match text {
            Ok(text) if column.is_valid(row) => serde_json::Value::String(text),
            _ => serde_json::Value::Null,
        };
        object.insert(field.name().clone(), value);
    }
    serde_json::to_vec(&object).unwrap_or_default()
}

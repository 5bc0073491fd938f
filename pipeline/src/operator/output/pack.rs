//! Several decisions in one record: what a sink of decisions may ask for.
//!
//! The idea: producing a record costs more than making the decision in it, and readers that take everything (a lake, a
//! dashboard) do not need one each. A pack holds consecutive decisions of one partition and one step, up to a bound in
//! rows and bytes. The invariant: unpacked, a topic of packs holds what it would have held unpacked, in the same order
//! within each partition of the input; all packs of a partition have one key, so they stay in one partition of the
//! output; headers say how the value is framed and how many decisions it holds.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use connectors::record::OutRecord;
use rules::decision::View;

use crate::delivery::digest::Digest;
use crate::operator::merge::Merged;

/// The header that names the framing.
pub const CONTENT_TYPE: &[u8] = b"content-type";
/// The header that tells how many decisions a pack holds, in digits.
pub const COUNT: &[u8] = b"tollgate-count";

/// Most buffers kept for packs to come: the usual commit has no more of them.
const SPARE_MAX: usize = 64;

/// How decisions share a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// They do not: one JSON object each, under the key of its event.
    #[default]
    None,
    /// JSON objects, each ended by a line feed.
    Ndjson(Bounds),
    /// An Arrow IPC stream of one batch, in the columns of a Parquet sink.
    Arrow(Bounds),
}

/// What one pack may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most decisions.
    pub rows: usize,
    /// Most bytes, unless a single decision is longer.
    pub bytes: usize,
}

impl Bounds {
    /// 256 decisions, which is a whole step under load, and 256 KiB, a quarter of what a broker takes. With packs of 64
    /// the client's own threads took more of the processor in each of two profiles.
    pub const DEFAULT: Bounds = Bounds {
        rows: 256,
        bytes: 1 << 18,
    };
}

/// The decisions of a step in packs, partition by partition; with `told` and where they are JSON, their digest, too.
pub(super) fn packed(
    packing: Packing,
    view: &View<'_>,
    step: &Merged,
    topic: &str,
    told: bool,
    spare: &mut Spare,
) -> Result<(Vec<OutRecord>, Option<Digest>), ArrowError> {
    let mut packs = Packs {
        topic,
        spare,
        records: Vec::new(),
        digest: (told && matches!(packing, Packing::Ndjson(_))).then(Digest::default),
    };
    match packing {
        Packing::None => {}
        Packing::Ndjson(bounds) => {
            for (partition, rows) in by_partition(step) {
                packs.lines(view, partition, &rows, bounds);
            }
        }
        Packing::Arrow(bounds) => {
            let all = view.decision_columns()?;
            for (partition, rows) in by_partition(step) {
                let rows = take_record_batch(&all, &UInt32Array::from(rows))?;
                packs.columns(partition, &rows, bounds)?;
            }
        }
    }
    Ok((packs.records, packs.digest))
}

/// The rows of each partition, ascending.
fn by_partition(step: &Merged) -> BTreeMap<u32, Vec<u32>> {
    let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, partition) in (0..).zip(&step.partitions) {
        rows.entry(*partition).or_default().push(row);
    }
    rows
}

/// Buffers of packs that were written. Packs are large, and memory that is given back and had again may cost the system
/// more than what is written into it.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// Takes the buffers of packs nobody needs any more, up to so many.
    pub(super) fn keep(&mut self, packing: Packing, records: Vec<OutRecord>) {
        if matches!(packing, Packing::Ndjson(_)) {
            let values = records.into_iter().filter_map(|record| record.value);
            self.0.extend(values.take(SPARE_MAX - self.0.len()));
        }
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.0.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }
}

/// Packs so far.
struct Packs<'a> {
    topic: &'a str,
    spare: &'a mut Spare,
    records: Vec<OutRecord>,
    /// Of the decisions so far, if it is wanted.
    digest: Option<Digest>,
}

impl Packs<'_> {
    fn lines(&mut self, view: &View<'_>, partition: u32, rows: &[u32], bounds: Bounds) {
        let (mut value, mut count) = (self.spare.buffer(), 0);
        for row in rows {
            let start = value.len();
            view.write_decision(usize::try_from(*row).unwrap_or(usize::MAX), &mut value);
            if let Some(digest) = &mut self.digest {
                digest.add(&value[start..]);
            }
            value.push(b'\n');
            if start == 0 {
                // The others are about as long; a buffer that grows by doubling is copied over and over.
                let likely = value.len().saturating_mul(rows.len().min(bounds.rows));
                value.reserve((likely + likely / 8).min(bounds.bytes + value.len()));
            }
            if count == bounds.rows || (count > 0 && value.len() > bounds.bytes) {
                let next = value.split_off(start);
                let full = std::mem::replace(&mut value, next);
                self.push(partition, b"application/x-ndjson", full, count);
                count = 0;
            }
            count += 1;
        }
        if count > 0 {
            self.push(partition, b"application/x-ndjson", value, count);
        }
    }

    fn columns(
        &mut self,
        partition: u32,
        rows: &RecordBatch,
        bounds: Bounds,
    ) -> Result<(), ArrowError> {
        let count = rows.num_rows();
        if count > bounds.rows {
            let first = bounds.rows.max(1);
            self.columns(partition, &rows.slice(0, first), bounds)?;
            return self.columns(partition, &rows.slice(first, count - first), bounds);
        }
        let value = stream(rows)?;
        if value.len() > bounds.bytes && count > 1 {
            // How long rows are is known only once they are written; halves of a step of 256 are soon short enough.
            let first = count / 2;
            self.columns(partition, &rows.slice(0, first), bounds)?;
            return self.columns(partition, &rows.slice(first, count - first), bounds);
        }
        self.push(
            partition,
            b"application/vnd.apache.arrow.stream",
            value,
            count,
        );
        Ok(())
    }

    fn push(&mut self, partition: u32, content_type: &[u8], value: Vec<u8>, count: usize) {
        let header = |name: &[u8], value: &[u8]| (name.to_vec(), Some(value.to_vec()));
        self.records.push(OutRecord {
            key: Some(format!("{}/{partition}", self.topic).into_bytes()),
            value: Some(value),
            headers: vec![
                header(CONTENT_TYPE, content_type),
                header(COUNT, count.to_string().as_bytes()),
            ],
        });
    }
}

/// The rows as an Arrow IPC stream.
fn stream(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), rows.schema_ref())?;
    writer.write(rows)?;
    writer.finish()?;
    writer.into_inner()
}

//! What lies among the outputs of an application, read for an audit: JSON, packs of it, columns, dead letters.
//!
//! The invariant: whatever bytes lie there, each record is an output with the place of its event, or a stranger with the
//! reason why.

use arrow::array::{Array, Int32Array, Int64Array, RecordBatch, StructArray};
use arrow::ipc::reader::StreamReader;
use connectors::record::{Headers, RawBatch};
use serde::Deserialize;

use crate::delivery::audit::{Audit, Found, Stream, digest_of};
use crate::delivery::digest::Digest;
use crate::operator::output::CONTENT_TYPE;

/// What an output says of itself.
#[derive(Deserialize)]
struct Said<'a> {
    position: Place,
    #[serde(borrow)]
    alert_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct Place {
    partition: u32,
    offset: i64,
}

/// Takes the outputs of some records.
pub(super) fn take(part: &RawBatch, topic: &str, stream: Stream, audit: &mut Audit) {
    for row in 0..part.len() {
        let outputs = match outputs(part, row, stream) {
            Ok(outputs) => outputs,
            Err(cause) => {
                let offset = part.offsets.get(row).copied().unwrap_or_default();
                audit.stranger(stream, (topic, part.partition, offset), &cause);
                continue;
            }
        };
        for (of, digest, id) in outputs {
            let lies = (topic, part.partition);
            let found = Found {
                lies,
                of,
                digest,
                id,
            };
            audit.take(stream, &found);
        }
    }
}

/// Place, digest and id of an output.
type Output = ((u32, i64), Option<Digest>, Option<u128>);

/// What a record holds: one output, or a pack of them.
fn outputs(part: &RawBatch, row: usize, stream: Stream) -> Result<Vec<Output>, String> {
    let none = Headers::new();
    let headers = part.headers.get(row).map_or(&none, AsRef::as_ref);
    let value = part.values.is_valid(row).then(|| part.values.value(row));
    if stream == Stream::DeadLetters {
        let of = place_of_letter(headers).ok_or("no dead letter")?;
        let key = part.keys.is_valid(row).then(|| part.keys.value(row));
        let mut digest = Digest::default();
        digest.add_parts(key, value, headers);
        return Ok(vec![(of, Some(digest), None)]);
    }
    let value = value.unwrap_or_default();
    if header(headers, CONTENT_TYPE) == Some(b"application/vnd.apache.arrow.stream") {
        let places = places_in_columns(value)?;
        return Ok(places.into_iter().map(|of| (of, None, None)).collect());
    }
    // A JSON object has no raw line feed in it; a pack of them has one behind each.
    let objects = value.split(|byte| *byte == b'\n');
    objects.filter(|json| !json.is_empty()).map(said).collect()
}

/// Of a decision or an alert.
fn said(json: &[u8]) -> Result<Output, String> {
    let said: Said<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let id = said.alert_id.map(|id| u128::from_str_radix(id, 16));
    let id = id.transpose().map_err(|error| error.to_string())?;
    let Place { partition, offset } = said.position;
    Ok(((partition, offset), Some(digest_of(json)), id))
}

fn header<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    // Ours stand behind those that came with the record.
    let mut found = headers.iter().rev();
    found.find(|(known, _)| known == name)?.1.as_deref()
}

fn place_of_letter(headers: &Headers) -> Option<(u32, i64)> {
    let text = |name: &[u8]| std::str::from_utf8(header(headers, name)?).ok();
    let partition = text(b"tollgate-partition")?.parse().ok()?;
    Some((partition, text(b"tollgate-offset")?.parse().ok()?))
}

/// The places of the decisions in an Arrow IPC stream.
fn places_in_columns(bytes: &[u8]) -> Result<Vec<(u32, i64)>, String> {
    let batches = StreamReader::try_new(bytes, None).map_err(|error| error.to_string())?;
    let mut places = Vec::new();
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        places.extend(places_of(&batch).ok_or("no column `position`")?);
    }
    Ok(places)
}

fn places_of(batch: &RecordBatch) -> Option<Vec<(u32, i64)>> {
    let position = batch.column_by_name("position")?;
    let position = position.as_any().downcast_ref::<StructArray>()?;
    let partitions = position.column_by_name("partition")?;
    let offsets = position.column_by_name("offset")?;
    let partitions = partitions.as_any().downcast_ref::<Int32Array>()?;
    let offsets = offsets.as_any().downcast_ref::<Int64Array>()?;
    let pairs = partitions.values().iter().zip(offsets.values());
    let place = |(partition, offset): (&i32, &i64)| (partition.cast_unsigned(), *offset);
    Some(pairs.map(place).collect())
}

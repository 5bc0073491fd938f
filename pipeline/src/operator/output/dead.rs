//! A dead letter as a record: the original, with why it was rejected in headers behind its own.
//!
//! The invariant: key, value and headers are the bytes that came, whatever they are.

use connectors::record::OutRecord;
use siphasher::sip128::SipHasher13;

use crate::operator::decode::DeadLetter;

/// Longer values are not carried along: a log would refuse them (Kafka's own limit is 1 MB for all of a record), and a
/// dead letter that cannot be written would stop the run at the same record again and again.
const VALUE_BYTES_MAX: usize = 900_000;

/// Makes the record of a dead letter of a partition of `topic`. A value beyond the limit is told of by length and hash.
pub(super) fn record(topic: &str, partition: u32, letter: &DeadLetter) -> OutRecord {
    let reasons = [
        ("tollgate-code", letter.code.id().to_owned()),
        ("tollgate-stage", letter.stage.to_owned()),
        ("tollgate-detail", letter.detail.clone()),
        ("tollgate-topic", topic.to_owned()),
        ("tollgate-partition", partition.to_string()),
        ("tollgate-offset", letter.offset.to_string()),
    ];
    let mut headers = letter.headers.as_ref().clone();
    let header =
        |(name, value): (&str, String)| (name.as_bytes().to_vec(), Some(value.into_bytes()));
    headers.extend(reasons.into_iter().map(header));
    let mut value = letter.value.clone();
    if let Some(long) = value.take_if(|value| value.len() > VALUE_BYTES_MAX) {
        let hash = format!("{:032x}", SipHasher13::new().hash(&long).as_u128());
        let told = [
            ("tollgate-value-bytes", long.len().to_string()),
            ("tollgate-value-siphash13-128", hash),
        ];
        headers.extend(told.into_iter().map(header));
    }
    OutRecord {
        key: letter.key.clone(),
        value,
        headers,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use std::sync::Arc;

    use connectors::reject::RejectCode;

    use super::*;

    #[test]
    fn a_value_no_log_would_take_is_told_of_by_length_and_hash() {
        let mut letter = DeadLetter {
            offset: 7,
            key: Some(b"k".to_vec()),
            value: Some(vec![b'x'; VALUE_BYTES_MAX]),
            headers: Arc::default(),
            stage: "decode",
            code: RejectCode::TooLarge,
            detail: String::new(),
        };
        assert_eq!(record("swipes", 0, &letter).value, letter.value);
        letter.value = Some(vec![b'x'; VALUE_BYTES_MAX + 1]);
        let out = record("swipes", 0, &letter);
        assert_eq!((out.key, out.value), (letter.key, None));
        let bytes = (b"tollgate-value-bytes".to_vec(), Some(b"900001".to_vec()));
        assert!(out.headers.contains(&bytes), "{:?}", out.headers);
    }

    #[test]
    fn a_record_keeps_its_bytes_and_headers_and_gains_ours() {
        let letter = DeadLetter {
            offset: 7,
            key: None,
            value: Some(vec![b'{', 0xff, b'"']),
            headers: Arc::new(vec![
                (vec![0xfe], Some(b"x".to_vec())),
                (b"tollgate-code".to_vec(), None),
            ]),
            stage: "decode",
            code: RejectCode::Malformed,
            detail: "column 2: \"".to_owned(),
        };
        let out = record("swipes", 3, &letter);
        assert_eq!((out.key, out.value), (None, Some(vec![b'{', 0xff, b'"'])));
        assert_eq!(out.headers[..2], letter.headers[..]);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ours = out.headers[2..]
            .iter()
            .map(|(name, value)| format!("{}={}", text(name), text(value.as_ref().unwrap())));
        let expected = [
            "tollgate-code=E2002",
            "tollgate-stage=decode",
            "tollgate-detail=column 2: \"",
            "tollgate-topic=swipes",
            "tollgate-partition=3",
            "tollgate-offset=7",
        ];
        assert_eq!(ours.collect::<Vec<_>>(), expected);
    }
}

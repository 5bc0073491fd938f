//! A dead letter as a record: the original, with why it was rejected in headers behind its own.
//!
//! The invariant: key, value and headers are the bytes that came, whatever they are.

use connectors::record::OutRecord;

use crate::operator::decode::DeadLetter;

/// Makes the record of a dead letter of a partition of `topic`.
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
    OutRecord {
        key: letter.key.clone(),
        value: letter.value.clone(),
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

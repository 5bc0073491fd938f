//! A dead letter as a log keeps it and as a line of JSON shows it.
//!
//! The invariant: the original bytes can be had back from either, whatever they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::record::OutRecord;
use serde_json::{Map, Value, json};

use super::DeadForm;
use crate::operator::decode::DeadLetter;

/// Renders a dead letter of a partition of `topic`.
pub(super) fn render(
    form: DeadForm,
    topic: &str,
    partition: u32,
    letter: &DeadLetter,
) -> OutRecord {
    match form {
        DeadForm::Record => record(topic, partition, letter),
        DeadForm::Line => line(topic, partition, letter),
    }
}

/// The original record; ours are behind its own headers.
fn record(topic: &str, partition: u32, letter: &DeadLetter) -> OutRecord {
    let mut headers = letter.headers.as_ref().clone();
    headers.extend(
        reasons(topic, partition, letter)
            .into_iter()
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.as_bytes().to_vec(), Some(text.into_bytes()))
            }),
    );
    OutRecord {
        key: letter.key.clone(),
        value: letter.value.clone(),
        headers,
    }
}

fn line(topic: &str, partition: u32, letter: &DeadLetter) -> OutRecord {
    let base64 = |bytes: &Option<Vec<u8>>| {
        bytes
            .as_ref()
            .map_or(Value::Null, |bytes| STANDARD.encode(bytes).into())
    };
    let mut object = Map::new();
    for (name, value) in reasons(topic, partition, letter) {
        object.insert(name.to_owned(), value);
    }
    object.insert("key".to_owned(), base64(&letter.key));
    object.insert("value".to_owned(), base64(&letter.value));
    let header =
        |(name, value): &(Vec<u8>, Option<Vec<u8>>)| json!([STANDARD.encode(name), base64(value)]);
    object.insert(
        "headers".to_owned(),
        letter.headers.iter().map(header).collect(),
    );
    OutRecord {
        key: None,
        value: Some(Value::Object(object).to_string().into_bytes()),
        headers: Vec::new(),
    }
}

fn reasons(topic: &str, partition: u32, letter: &DeadLetter) -> [(&'static str, Value); 6] {
    [
        ("tollgate-code", letter.code.id().into()),
        ("tollgate-stage", letter.stage.into()),
        ("tollgate-detail", letter.detail.clone().into()),
        ("tollgate-topic", topic.into()),
        ("tollgate-partition", partition.into()),
        ("tollgate-offset", letter.offset.into()),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use connectors::reject::RejectCode;

    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
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
        }
    }

    #[test]
    fn a_record_keeps_its_bytes_and_headers_and_gains_ours() {
        let out = render(DeadForm::Record, "swipes", 3, &letter());
        assert_eq!((out.key, out.value), (None, Some(vec![b'{', 0xff, b'"'])));
        assert_eq!(out.headers[..2], letter().headers[..]);
        let ours: Vec<String> = out.headers[2..]
            .iter()
            .map(|(n, v)| {
                format!(
                    "{}={}",
                    String::from_utf8_lossy(n),
                    String::from_utf8_lossy(v.as_ref().unwrap())
                )
            })
            .collect();
        assert_eq!(
            ours,
            [
                "tollgate-code=E2002",
                "tollgate-stage=decode",
                "tollgate-detail=column 2: \"",
                "tollgate-topic=swipes",
                "tollgate-partition=3",
                "tollgate-offset=7",
            ]
        );
    }

    #[test]
    fn a_line_gives_the_bytes_back() {
        let out = render(DeadForm::Line, "swipes", 3, &letter());
        let line: Value = serde_json::from_slice(&out.value.unwrap()).unwrap();
        assert_eq!(line["tollgate-offset"], 7);
        assert_eq!(
            STANDARD.decode(line["value"].as_str().unwrap()).unwrap(),
            [b'{', 0xff, b'"']
        );
        assert_eq!(
            STANDARD
                .decode(line["headers"][0][0].as_str().unwrap())
                .unwrap(),
            [0xfe]
        );
        assert_eq!(line["key"], Value::Null);
    }
}

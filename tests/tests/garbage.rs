//! A file with 5 % garbage: every good line is decided as if the others were not there, every bad one is a dead letter
//! with its bytes intact, a code and a reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::decisions::{self, Decision};
use tests::{place, process};

const DEADLINE: Duration = Duration::from_secs(120);
const GOOD: usize = 4_000;

/// Garbage of many kinds, and the code each must get.
fn garbage() -> Vec<(Vec<u8>, &'static str)> {
    let swipe = |rest: &str| {
        format!(
            r#"{{"swipe_id":"g","ts":"2026-01-01T00:00:00Z","card_id":"c","merchant_id":"m",{rest}}}"#
        )
    };
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    vec![
        (b"not json at all".to_vec(), "E2002"),
        (br#"{"swipe_id":"g","ts":"2026-01-"#.to_vec(), "E2002"),
        (br#"{"swipe_id":"g"} {"swipe_id":"h"}"#.to_vec(), "E2002"),
        (vec![0xff, 0xfe, 0x00, 0x80, b'{', b'}'], "E2002"),
        (deep, "E2002"),
        (br#"[1,2,3]"#.to_vec(), "E2006"),
        (
            br#"{"swipe_id":"g","ts":"2026-01-01T00:00:00Z"}"#.to_vec(),
            "E2005",
        ),
        (
            swipe(r#""amount_usd":1,"amount_usd":2,"card_present":true"#).into(),
            "E2004",
        ),
        (
            swipe(r#""amount_usd":"a lot","card_present":true"#).into(),
            "E2006",
        ),
        (
            swipe(r#""amount_usd":1e400,"card_present":true"#).into(),
            "E2007",
        ),
        (
            swipe(r#""amount_usd":1,"card_present":"perhaps""#).into(),
            "E2006",
        ),
        (
            swipe(r#""amount_usd":1,"card_present":true"#)
                .replace("2026-01-01T", "yesterday ")
                .into(),
            "E2008",
        ),
    ]
}

fn run(directory: &Path, input: &Path) -> (Vec<Decision>, Vec<Value>) {
    let pack = place::root().join("rules/packs/card-core");
    let config = format!(
        "name: garbage
pack: {}
source: {{ file: {{ path: {} }} }}
sinks:
  decisions:    {{ file: {{ path: decisions.ndjson }} }}
  dead_letters: {{ file: {{ path: dead.ndjson }} }}
state: {{ dir: ./state }}
",
        pack.display(),
        input.display()
    );
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("pipeline.yaml"), config).unwrap();
    let _ = process::tollgate_ends(directory, &["run", "pipeline.yaml"], DEADLINE).success();
    let dead = fs::read_to_string(directory.join("dead.ndjson")).unwrap_or_default();
    (
        decisions::read(&directory.join("decisions.ndjson")),
        dead.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

#[test]
fn every_good_line_is_decided_and_every_bad_one_kept() {
    let scratch = process::scratch();
    let clean = scratch.path().join("clean.ndjson");
    let count = GOOD.to_string();
    let arguments = [
        "gen",
        "--out",
        clean.to_str().unwrap(),
        "--seed",
        "11",
        "--count",
        &count,
        "--cards",
        "300",
    ];
    let _ = process::tollgate_ends(scratch.path(), &arguments, DEADLINE).success();
    let good = fs::read(&clean).unwrap();
    let good: Vec<&[u8]> = good
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(good.len(), GOOD);

    let kinds = garbage();
    let (mut lines, mut planted) = (Vec::new(), Vec::new());
    for (number, line) in good.iter().enumerate() {
        if number % 19 == 7 {
            let kind = &kinds[planted.len() % kinds.len()];
            planted.push((lines.len(), kind.clone()));
            lines.push(kind.0.as_slice());
        }
        lines.push(line);
    }
    assert!(planted.len() * 20 >= lines.len(), "5 % of the lines");
    let dirty = scratch.path().join("dirty.ndjson");
    fs::write(&dirty, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();

    let (expected, none) = run(&scratch.path().join("a"), &clean);
    let (found, dead) = run(&scratch.path().join("b"), &dirty);
    assert_eq!((expected.len(), none.len()), (GOOD, 0));
    let said = |all: &[Decision]| {
        all.iter()
            .map(|d| (d.event_id.clone(), d.said.clone()))
            .collect::<Vec<_>>()
    };
    assert!(
        said(&found) == said(&expected),
        "the good lines are decided as if the bad ones were not there"
    );

    assert_eq!(dead.len(), planted.len());
    for (letter, (offset, (bytes, code))) in dead.iter().zip(&planted) {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let text = |name: &str| {
            letter[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name} in {letter}"))
                .to_owned()
        };
        assert_eq!(
            text("tollgate-code"),
            *code,
            "{shown}: {}",
            text("tollgate-detail")
        );
        assert_eq!(base64(&text("value")), *bytes, "{shown}");
        assert!(
            !text("tollgate-detail").is_empty() && !text("tollgate-stage").is_empty(),
            "{shown}"
        );
        assert_eq!(
            letter["tollgate-offset"].to_string().trim_matches('"'),
            offset.to_string(),
            "{shown}"
        );
    }
}

/// Standard base64 back to bytes.
fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("not base64: {other}"),
    };
    let digits: Vec<u32> = text
        .trim_end_matches('=')
        .bytes()
        .map(|c| u32::from(value(c)))
        .collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (place, digit)| bits | digit << (18 - 6 * place));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[test]
fn base64_is_read() {
    assert_eq!(base64("aGVsbG8="), b"hello");
    assert_eq!(base64("AP8Q"), [0, 255, 16]);
    assert_eq!(base64("/w=="), [255]);
}

//! Packed decisions: unpacked they are those of a run without packing, each exactly once and in order.

use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::ipc::reader::StreamReader;

use super::*;
use crate::operator::output::{Bounds, CONTENT_TYPE, COUNT, Packing};

/// The records of a run whose decisions go to two sinks, packed and not.
fn records(packing: Packing, faults: &Faults) -> (Vec<OutRecord>, Vec<String>) {
    let log = filled();
    log.create_topic("packs", 1);
    let mut parts = parts(&log, faults);
    let commit = MemoryCommitLog::new(&log, "app", faults.clone());
    let (decisions, packs, dead) = (
        commit.sink("decisions"),
        commit.sink("packs"),
        commit.sink("dead"),
    );
    let renderer = Renderer::new(Arc::clone(&parts.rules), "app", "events");
    parts.output = Output::new(
        renderer,
        "events",
        vec![Box::new(decisions), Box::new(packs)],
        vec![],
        vec![Box::new(dead)],
        true,
    )
    .with_packing(&[Packing::None, packing]);
    parts.log = Some(Box::new(commit));
    run(parts, around()).unwrap();
    let packs = log
        .read("packs", 0, 0)
        .into_iter()
        .map(|stored| stored.record);
    (packs.collect(), lines(&log, "decisions"))
}

/// Partition, offset and line of a decision.
type Told = (u64, u64, String);

fn told(line: &str) -> Told {
    let read: serde_json::Value = serde_json::from_str(line).unwrap();
    let position = |name: &str| read["position"][name].as_u64().unwrap();
    (position("partition"), position("offset"), line.to_owned())
}

/// What a topic of packs must hold: by partition, in the order of the input.
fn by_partition(lines: &[String]) -> Vec<Told> {
    let mut told: Vec<Told> = lines.iter().map(|line| told(line)).collect();
    told.sort_by_key(|(partition, ..)| *partition);
    told
}

fn header<'a>(record: &'a OutRecord, name: &[u8]) -> &'a [u8] {
    let found = record.headers.iter().find(|(found, _)| found == name);
    found.unwrap().1.as_deref().unwrap()
}

fn count(record: &OutRecord) -> usize {
    std::str::from_utf8(header(record, COUNT))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn lines_in_packs_are_the_lines_themselves() {
    for bounds in [
        Bounds::DEFAULT,
        Bounds {
            rows: 3,
            bytes: 1 << 20,
        },
        Bounds {
            rows: 1_000,
            bytes: 900,
        },
        Bounds {
            rows: 1_000,
            bytes: 1,
        },
    ] {
        let (packs, lines) = records(Packing::Ndjson(bounds), &Faults::default());
        assert!(packs.len() < lines.len() || bounds.bytes == 1, "{bounds:?}");
        let mut unpacked = Vec::new();
        for pack in &packs {
            assert_eq!(header(pack, CONTENT_TYPE), b"application/x-ndjson");
            let text = String::from_utf8(pack.value.clone().unwrap()).unwrap();
            let inside: Vec<Told> = text.lines().map(told).collect();
            assert!(text.ends_with('\n') && inside.len() == count(pack));
            assert!(inside.len() <= bounds.rows, "{bounds:?}");
            assert!(
                text.len() <= bounds.bytes || inside.len() == 1,
                "{bounds:?}"
            );
            let key = format!("events/{}", inside[0].0).into_bytes();
            assert_eq!(pack.key.as_ref(), Some(&key));
            assert!(
                inside.iter().all(|told| told.0 == inside[0].0),
                "one partition"
            );
            unpacked.extend(inside);
        }
        unpacked.sort_by_key(|(partition, ..)| *partition);
        assert_eq!(unpacked, by_partition(&lines), "{bounds:?}");
    }
}

#[test]
fn columns_in_packs_say_what_the_lines_say() {
    for bounds in [
        Bounds::DEFAULT,
        Bounds {
            rows: 4,
            bytes: 1 << 20,
        },
        Bounds {
            rows: 1_000,
            bytes: 6_000,
        },
    ] {
        let (packs, lines) = records(Packing::Arrow(bounds), &Faults::default());
        let mut unpacked = Vec::new();
        for pack in &packs {
            assert_eq!(
                header(pack, CONTENT_TYPE),
                b"application/vnd.apache.arrow.stream"
            );
            let value = pack.value.clone().unwrap();
            let rows = count(pack);
            assert!(
                rows <= bounds.rows && (value.len() <= bounds.bytes || rows == 1),
                "{bounds:?}"
            );
            let reader = StreamReader::try_new(Cursor::new(value), None).unwrap();
            let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            assert_eq!((batches.len(), batches[0].num_rows()), (1, rows));
            unpacked.extend(places(&batches[0]));
        }
        unpacked.sort_by_key(|(partition, ..)| *partition);
        let expected: Vec<_> = by_partition(&lines)
            .into_iter()
            .map(|(partition, offset, line)| {
                let read: serde_json::Value = serde_json::from_str(&line).unwrap();
                (
                    partition,
                    offset,
                    read["decision_id"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(unpacked, expected, "{bounds:?}");
    }
}

fn places(rows: &RecordBatch) -> Vec<Told> {
    let ids = rows
        .column_by_name("decision_id")
        .unwrap()
        .as_string::<i32>()
        .clone();
    let position = rows.column_by_name("position").unwrap().as_struct().clone();
    let partitions = position.column(1).as_primitive::<Int32Type>().clone();
    let offsets = position.column(2).as_primitive::<Int64Type>().clone();
    (0..ids.len())
        .map(|row| {
            let place = (partitions.value(row), offsets.value(row));
            (
                u64::try_from(place.0).unwrap(),
                u64::try_from(place.1).unwrap(),
                ids.value(row).to_owned(),
            )
        })
        .collect()
}

#[test]
fn an_aborted_commit_writes_the_same_packs_again() {
    let undisturbed = records(Packing::Ndjson(Bounds::DEFAULT), &Faults::default());
    let faults = Faults {
        commits: BTreeMap::from([(2, CommitFault::Aborted)]),
        ..Faults::default()
    };
    assert_eq!(
        records(Packing::Ndjson(Bounds::DEFAULT), &faults),
        undisturbed
    );
}

//! The suite over the embedded log; chunks; who may open it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use arrow::array::Array;

use super::*;
use crate::conformance::log::{Bound, LogRig};
use crate::conformance::sink::SinkRig;
use crate::conformance::source::{Seen, SourceRig};
use crate::conformance::{self, Outcome};
use crate::sink::Sink;
use crate::source::Source;

pub(super) fn open(directory: &Path, application: &str) -> Result<EmbeddedLog, EmbeddedError> {
    let options = Options {
        application: application.to_owned(),
        durability: Durability::Process,
        clock: Arc::new(|| 1_700_000_000_000_000),
    };
    EmbeddedLog::open(directory, options)
}

fn all(log: &EmbeddedLog, topic: &str, partition: u32) -> Vec<OutRecord> {
    let batch = log
        .read(topic, partition, 0, usize::MAX, usize::MAX)
        .unwrap();
    let of = |array: &arrow::array::BinaryArray, row: usize| {
        array.is_valid(row).then(|| array.value(row).to_vec())
    };
    let headers = |row: usize| {
        batch
            .headers
            .get(row)
            .map(|headers| headers.to_vec())
            .unwrap_or_default()
    };
    let record = |row| OutRecord {
        key: of(&batch.keys, row),
        value: of(&batch.values, row),
        headers: headers(row),
    };
    (0..batch.len()).map(record).collect()
}

struct Rig {
    directory: tempfile::TempDir,
    log: Option<EmbeddedLog>,
}

impl Rig {
    fn boxed() -> Box<Self> {
        Box::new(Self {
            directory: tempfile::tempdir().unwrap(),
            log: None,
        })
    }

    fn log(&mut self) -> EmbeddedLog {
        let path = self.directory.path();
        self.log
            .get_or_insert_with(|| open(path, "app").unwrap())
            .clone()
    }
}

impl SourceRig for Rig {
    fn create(&mut self, records: usize) -> Outcome {
        self.log().create_topic("in", 3).unwrap();
        self.append(records).map(|_| ())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        Ok(Box::new(EmbeddedSource::new(&self.log(), "in").unwrap()))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        let log = self.log.as_ref().unwrap();
        let of = |partition| {
            all(log, "in", partition)
                .into_iter()
                .map(|record| record.value)
                .zip(0..)
        };
        let seen = |partition| {
            of(partition)
                .map(|(value, offset)| Seen { offset, value })
                .collect()
        };
        (0..3)
            .map(|partition| (partition, seen(partition)))
            .collect()
    }

    fn append(&mut self, records: usize) -> Result<bool, String> {
        // Keys found by trial, one for each partition.
        for wanted in 0..3 {
            let key = (0..100_u32)
                .map(|key| key.to_string().into_bytes())
                .find(|key| partition_of_key(key, 3) == wanted);
            let record = |number: usize| OutRecord {
                key: key.clone(),
                value: Some(number.to_string().into_bytes()),
                headers: Vec::new(),
            };
            let records: Vec<OutRecord> = (0..records).map(record).collect();
            self.log().append("in", &records).unwrap();
        }
        Ok(true)
    }
}

impl SinkRig for Rig {
    fn open(&mut self) -> Result<Box<dyn Sink>, String> {
        self.log().create_topic("out", 1).unwrap();
        Ok(Box::new(EmbeddedSink::new(&self.log(), "out")))
    }

    fn read(&mut self) -> Result<Vec<OutRecord>, String> {
        Ok(all(&self.log(), "out", 0))
    }
}

impl LogRig for Rig {
    fn open(&mut self) -> Result<Bound, String> {
        let log = self.log();
        log.create_topic("out", 1).unwrap();
        let commits = EmbeddedCommitLog::new(&log);
        let sink = commits.sink("out");
        Ok((Box::new(commits), Box::new(sink)))
    }

    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(all(&self.log(), "out", 0)
            .into_iter()
            .filter_map(|record| record.value)
            .collect())
    }
}

/// Like [`Rig`], but every holder opens the directory anew: what is remembered is what the disk says.
struct Reopening(Rig);

impl LogRig for Reopening {
    fn open(&mut self) -> Result<Bound, String> {
        self.0.log = None;
        let bound = LogRig::open(&mut self.0);
        self.0.log = None;
        bound
    }

    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String> {
        match open(self.0.directory.path(), "app") {
            Ok(log) => Ok(all(&log, "out", 0)
                .into_iter()
                .filter_map(|record| record.value)
                .collect()),
            // The check still holds the log: what it has not committed must not be seen, and nobody else can look.
            Err(EmbeddedError::Locked { .. }) => Err("held".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[test]
fn the_source_conforms() {
    let failures = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
        Rig::boxed()
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_sink_conforms() {
    let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
        Rig::boxed()
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_conforms() {
    let failures = conformance::run_all(conformance::log::ALL, || -> Box<dyn LogRig> {
        Rig::boxed()
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_remembers_over_a_close() {
    let wanted = ["control_records_keep_their_order", "a_new_log_is_empty"];
    for check in conformance::log::ALL
        .iter()
        .filter(|check| wanted.contains(&check.name))
    {
        let mut rig = Reopening(*Rig::boxed());
        assert_eq!((check.run)(&mut rig), Ok(()), "{}", check.name);
    }
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path(), "card-fraud").unwrap();
    let error = open(directory.path(), "card-fraud")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(&format!(
            "process {} of application card-fraud",
            std::process::id()
        )),
        "{error}"
    );
    drop(first);
    assert!(open(directory.path(), "card-fraud").is_ok());
}

#[test]
fn a_directory_of_another_application_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), "card-fraud").unwrap());
    let error = open(directory.path(), "orders").err().unwrap().to_string();
    assert!(
        error.ends_with("belongs to the application \"card-fraud\", not to \"orders\""),
        "{error}"
    );
}

#[test]
fn partitions_do_not_change() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path(), "app").unwrap();
    log.create_topic("t", 4).unwrap();
    log.create_topic("t", 4).unwrap();
    let error = log.create_topic("t", 8).unwrap_err().to_string();
    assert_eq!(error, "topic t: has 4 partitions, not 8; keys would move");
}

/// Reads from any offset, over chunk borders, with any limit, give the same records.
#[test]
fn reads_begin_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path(), "app").unwrap();
    log.create_topic("t", 1).unwrap();
    let record = |number: usize| OutRecord {
        key: None,
        value: Some(number.to_string().into_bytes()),
        headers: if number.is_multiple_of(5) {
            vec![(b"n".to_vec(), None)]
        } else {
            Vec::new()
        },
    };
    for first in [0_usize, 1_000, 1_003, 3_500] {
        let end = if first == 3_500 {
            3_501
        } else if first == 0 {
            1_000
        } else if first == 1_000 {
            1_003
        } else {
            3_500
        };
        log.append("t", &(first..end).map(record).collect::<Vec<_>>())
            .unwrap();
    }
    for from in [
        0_i64, 1, 999, 1_000, 1_002, 2_026, 2_027, 3_499, 3_500, 3_501,
    ] {
        for most in [1, 7, 2_000] {
            let batch = log.read("t", 0, from, most, usize::MAX).unwrap();
            let wanted: Vec<i64> = (from..3_501).take(most).collect();
            assert_eq!(batch.offsets, wanted, "from {from}, most {most}");
            for (row, offset) in wanted.iter().enumerate() {
                assert_eq!(batch.values.value(row), offset.to_string().as_bytes());
            }
        }
    }
}

/// No cut and no flipped bit of a chunk panics or reads past its end.
#[test]
fn a_damaged_chunk_is_an_error_or_other_bytes() {
    let mut writer = ChunkWriter::new(0, 5);
    for number in 0..3_u8 {
        let headers = vec![(b"name".to_vec(), Some(vec![number])), (Vec::new(), None)];
        writer.push(&OutRecord {
            key: Some(vec![number; 3]),
            value: None,
            headers,
        });
    }
    let (end, bytes) = writer.finish();
    let bytes = bytes.unwrap();
    let read = |bytes: &[u8]| {
        let mut batch = RawBatchBuilder::new(0);
        Chunk::parse(bytes, end - 1)
            .and_then(|chunk| chunk.push_into(&mut batch, 0, usize::MAX))
            .map(|()| batch.len())
    };
    assert_eq!(read(&bytes), Ok(3));
    for cut in 0..bytes.len() {
        assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = read(&flipped);
    }
}

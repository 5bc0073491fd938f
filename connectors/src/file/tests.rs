//! Files against the contracts, and against the worst that can stand in them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use tempfile::TempDir;

use super::*;
use crate::format::csv::CsvDecoder;
use crate::format::json::JsonDecoder;
use crate::format::{Decoder, Limits, TimeUnit, WantedColumn};
use crate::record::{Batch, OutRecord};
use crate::sink::{Payload, Sink};
use crate::source::{Source, SourceEvent};

pub(super) fn options() -> FileOptions {
    FileOptions {
        batch_records: 64,
        record_bytes: 100,
        ..FileOptions::default()
    }
}

/// Everything a path holds from an offset on: offsets with values, in batches.
pub(super) fn read_from(path: &str, offset: i64) -> (FileSource, Vec<Batch>) {
    let mut source = FileSource::open(path, options()).unwrap();
    let mut batches = Vec::new();
    loop {
        match source.poll(Duration::ZERO).unwrap() {
            SourceEvent::Assigned(_) => source.start(&[(0, offset)]).unwrap(),
            SourceEvent::Batch(batch) => batches.push(batch),
            SourceEvent::Finished => return (source, batches),
            _ => {}
        }
    }
}

pub(super) fn values(batches: &[Batch]) -> Vec<(i64, Vec<u8>)> {
    let mut values = Vec::new();
    for batch in batches {
        let Batch::Raw(raw) = batch else {
            panic!("columns")
        };
        for (row, offset) in raw.offsets.iter().enumerate() {
            values.push((*offset, raw.values.value(row).to_vec()));
        }
    }
    values
}

pub(super) fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn wanted(name: &str, data_type: DataType) -> WantedColumn {
    WantedColumn {
        name: name.to_owned(),
        from: name.to_owned(),
        data_type,
        time_unit: TimeUnit::Rfc3339,
        optional: false,
        default: None,
    }
}

fn limits() -> Limits {
    Limits {
        value_bytes: 100,
        depth: 128,
    }
}

#[test]
fn garbage_between_good_lines_keeps_its_bytes_and_its_place() {
    let folder = TempDir::new().unwrap();
    let long = format!("{{\"n\":3,\"x\":\"{}\"}}", "y".repeat(300_000));
    let lines: [&[u8]; 8] = [
        b"{\"n\":0}",
        b"\xff\xfe garbage \0",
        b"{\"n\":2}\r",
        long.as_bytes(),
        b"",
        b"{\"n\":5}",
        b"{\"n\":",
        b"{\"n\":7}",
    ];
    for (end, start) in [(&b""[..], &b""[..]), (b"\n", b"\xef\xbb\xbf")] {
        let bytes = [start, &lines.join(&b'\n'), end].concat();
        let (source, batches) = read_from(&write(&folder, "lines.ndjson", &bytes), 0);
        assert_eq!(source.kind(), FileKind::Ndjson);
        let got = values(&batches);
        assert_eq!(got.len(), 8);
        for (index, (offset, value)) in got.iter().enumerate() {
            assert_eq!(*offset, index as i64);
            let expected = match index {
                2 => &b"{\"n\":2}"[..],
                3 => &long.as_bytes()[..101],
                _ => lines[index],
            };
            assert_eq!(value, expected, "line {index}");
        }
        let Batch::Raw(raw) = &batches[0] else {
            panic!("columns")
        };
        let mut decoder = JsonDecoder::new(vec![wanted("n", DataType::Int64)], limits()).unwrap();
        let decoded = decoder.decode(&raw.values);
        assert_eq!(
            decoded.rows.column(0).as_primitive::<Int64Type>().values()[..],
            [0, 2, 5, 7]
        );
        let codes: Vec<_> = decoded
            .rejects
            .iter()
            .map(|r| (r.row, r.code.name()))
            .collect();
        assert_eq!(
            codes,
            [
                (1, "malformed"),
                (3, "too_large"),
                (4, "empty"),
                (6, "malformed")
            ]
        );
    }
}

#[test]
fn csv_records_end_where_their_quotes_do_and_an_open_quote_swallows_nothing() {
    let folder = TempDir::new().unwrap();
    let text = concat!(
        "name,n\r\n",
        "\"two\r\nlines\",0\r\n",
        "plain \"quotes\" inside,1\r\n",
        "\"never closed,2\r\n",
        "\"a \"\"b\"\"\",3\r\n",
        "\r\n",
        "last,5",
    );
    let path = write(&folder, "rows.csv", text.as_bytes());
    let (source, batches) = read_from(&path, 0);
    assert_eq!(source.header(), ["name", "n"]);
    let got = values(&batches);
    // The open quote would close at the next one, with something behind it: so its line is bad, and no other.
    let texts: Vec<&str> = got
        .iter()
        .map(|(_, value)| std::str::from_utf8(value).unwrap())
        .collect();
    let expected = [
        "\"two\r\nlines\",0",
        "plain \"quotes\" inside,1",
        "\"never closed,2",
        "\"a \"\"b\"\"\",3",
        "",
        "last,5",
    ];
    assert_eq!(texts, expected);
    let mut decoder = CsvDecoder::new(
        vec![wanted("n", DataType::Int64)],
        source.header(),
        limits(),
    )
    .unwrap();
    let Batch::Raw(raw) = &batches[0] else {
        panic!("columns")
    };
    let decoded = decoder.decode(&raw.values);
    assert_eq!(
        decoded.rows.column(0).as_primitive::<Int64Type>().values()[..],
        [0, 1, 3, 5]
    );
    assert_eq!(decoded.rejects.len(), 2);

    // Without a later quote, the first line alone is the bad record, also when the file is long.
    for rows in [3, 1000] {
        let rows: Vec<String> = (0..rows).map(|index| format!("x,{index}")).collect();
        let text = format!("name,n\n\"open,0\n{}\n", rows.join("\n"));
        let (_, batches) = read_from(&write(&folder, "open.csv", text.as_bytes()), 0);
        let got = values(&batches);
        assert_eq!(got.len(), rows.len() + 1);
        assert_eq!(got[0].1, b"\"open,0");
        for (row, (_, value)) in rows.iter().zip(&got[1..]) {
            assert_eq!(value, row.as_bytes());
        }
    }
}

#[test]
fn files_of_a_glob_are_one_partition_in_the_order_of_their_paths() {
    let folder = TempDir::new().unwrap();
    write(&folder, "b.csv", b"n\n2\n3\n");
    write(&folder, "a.csv", b"n\n0\n1");
    write(&folder, "c.csv", b"n\n");
    write(&folder, "d.csv", b"n\n4\n");
    let glob = format!("{}/*.csv", folder.path().display());
    for start in 0..=5 {
        let (source, batches) = read_from(&glob, start);
        let expected: Vec<_> = (start..5)
            .map(|n| (n, n.to_string().into_bytes()))
            .collect();
        assert_eq!(values(&batches), expected);
        assert_eq!(source.topic(), "*.csv");
    }
    write(&folder, "e.csv", b"m\n");
    assert!(
        FileSource::open(&glob, options()).is_err(),
        "another header"
    );
    write(&folder, "x.ndjson", b"");
    let open = |pattern: &str| {
        let path = format!("{}/{pattern}", folder.path().display());
        FileSource::open(&path, options()).unwrap_err().cause
    };
    assert!(open("*").contains("several kinds"));
    assert!(open("none.csv").contains("no such file"));
    write(&folder, "x.txt", b"");
    assert!(open("x.txt").contains("unknown ending"));
}

#[test]
fn columns_come_by_row_with_only_the_names_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.parquet");
    let column = |from: i64| Arc::new(Int64Array::from_iter_values(from..from + 300)) as ArrayRef;
    let rows = RecordBatch::try_from_iter([("n", column(0)), ("m", column(5))]).unwrap();
    let mut sink = ParquetSink::create(&path, None).unwrap();
    sink.write(Payload::Columns(&rows)).unwrap();
    sink.flush().unwrap();
    assert!(!path.exists(), "the name is that of a whole file");
    sink.close().unwrap();
    sink.close().unwrap();
    let options = FileOptions {
        columns: Some(vec!["m".to_owned(), "none".to_owned()]),
        ..options()
    };
    let mut source = FileSource::open(path.to_str().unwrap(), options).unwrap();
    source.poll(Duration::ZERO).unwrap();
    source.start(&[(0, 250)]).unwrap();
    let SourceEvent::Batch(Batch::Columns(batch)) = source.poll(Duration::ZERO).unwrap() else {
        panic!()
    };
    assert_eq!((batch.first_offset, batch.rows.num_columns()), (250, 1));
    assert_eq!(
        batch.rows.column(0).as_primitive::<Int64Type>().values()[..2],
        [255, 256]
    );
    assert!(source.poll(Duration::ZERO).is_ok());
}

#[test]
fn a_parquet_file_without_rows_has_a_schema_or_is_not_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.parquet");
    ParquetSink::create(&path, None).unwrap().close().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let rows = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])
        .unwrap();
    ParquetSink::create(&path, Some(rows.schema()))
        .unwrap()
        .close()
        .unwrap();
    assert!(read_from(path.to_str().unwrap(), 0).1.is_empty());
}

pub(super) fn record(value: &[u8]) -> OutRecord {
    OutRecord {
        value: Some(value.to_vec()),
        ..OutRecord::default()
    }
}

#[test]
fn appending_goes_on_behind_the_last_whole_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.ndjson");
    let add = |existing, value: &[u8]| -> Result<Vec<u8>, String> {
        let mut sink =
            NdjsonSink::create(&path, existing, Envelope::Value).map_err(|e| e.to_string())?;
        sink.write(Payload::Records(&[record(value)]))
            .map_err(|e| e.to_string())?;
        sink.flush().map_err(|e| e.to_string())?;
        Ok(std::fs::read(&path).unwrap())
    };
    assert_eq!(add(Existing::Append, b"1").unwrap(), b"1\n");
    assert_eq!(add(Existing::Append, b"2").unwrap(), b"1\n2\n");
    let torn = [&b"1\n2\n"[..], &[b'x'; 10_000]].concat();
    std::fs::write(&path, torn).unwrap();
    assert_eq!(add(Existing::Append, b"3").unwrap(), b"1\n2\n3\n");
    assert!(add(Existing::Refuse, b"4").is_err());
    assert_eq!(add(Existing::Truncate, b"5").unwrap(), b"5\n");
    assert!(
        add(Existing::Append, b"6\n7")
            .unwrap_err()
            .contains("line break")
    );
}

#[test]
fn dead_letters_keep_bytes_of_any_kind() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dead.ndjson");
    let mut sink = NdjsonSink::create(&path, Existing::Truncate, Envelope::Record).unwrap();
    let header = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), Some(value.to_vec()));
    let full = OutRecord {
        key: Some(b"k".to_vec()),
        value: Some(b"\xff\n\"}".to_vec()),
        headers: vec![
            header("tollgate-code", b"E2002"),
            header("trace", b"\x00"),
            header("tollgate-code", b"E2003"),
        ],
    };
    sink.write(Payload::Records(&[full, OutRecord::default()]))
        .unwrap();
    sink.close().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = concat!(
        r#"{"tollgate-code":"E2002","key":"aw==","value":"/woifQ==","#,
        r#""headers":[["trace","AA=="],["tollgate-code","RTIwMDM="]]}"#,
        "\n",
        r#"{"key":null,"value":null}"#,
        "\n"
    );
    assert_eq!(text, expected);
}

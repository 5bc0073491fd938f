//! CSV rows to columns: RFC 4180, one record per value, the header known from the source.
//!
//! The idea: the source cuts a file into records and keeps their bytes for dead letters; here one record is split and
//! its fields are read as text. An empty field is missing, quoted or not. The invariant: a record has as many fields
//! as the header, or it is malformed; fields are never shifted.

use std::collections::BTreeSet;

use arrow::array::{Array, BinaryArray};
use csv_core::{ReadRecordResult, Reader};

use super::row::{Problem, Rows};
use super::verdicts::{self, Verdicts};
use super::{Decoded, Decoder, Limits, WantedColumn, WantedError};
use crate::reject::RejectCode;

/// Where the quoting of a record stands behind some of its bytes; the states of RFC 4180.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    FieldStart,
    /// In a field without quotes; a quote in it means itself.
    Plain,
    Quoted,
    /// Behind a quote inside quotes: the end of the field, or the first half of a quote that is meant.
    QuoteInQuoted,
    /// Something stands behind the closing quote of a field.
    Broken,
}

impl Quoting {
    /// The state behind further bytes.
    pub(crate) fn after(self, bytes: &[u8]) -> Quoting {
        // Most lines have no quote at all.
        if self == Quoting::FieldStart && !bytes.contains(&b'"') {
            return Quoting::FieldStart;
        }
        let next = |state, byte: &u8| match (state, byte) {
            (Quoting::Broken, _) => Quoting::Broken,
            (Quoting::Quoted, b'"') => Quoting::QuoteInQuoted,
            (Quoting::Quoted, _) => Quoting::Quoted,
            (Quoting::FieldStart | Quoting::QuoteInQuoted, b'"') => Quoting::Quoted,
            (_, b',' | b'\n' | b'\r') => Quoting::FieldStart,
            (Quoting::QuoteInQuoted, _) => Quoting::Broken,
            (_, _) => Quoting::Plain,
        };
        bytes.iter().fold(self, next)
    }
}

/// Splits one record into fields.
#[derive(Debug)]
struct Splitter {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

/// Decodes one CSV row per value.
#[derive(Debug)]
pub struct CsvDecoder {
    rows: Rows,
    /// Per field of the header the columns that want it.
    targets: Vec<Vec<usize>>,
    splitter: Splitter,
    limits: Limits,
}

impl CsvDecoder {
    /// A decoder for these columns of rows under this header.
    ///
    /// # Errors
    /// When a column has a type that no field has, a default that is not of its type, or a name that the header has
    /// twice.
    pub fn new(
        wanted: Vec<WantedColumn>,
        header: &[String],
        limits: Limits,
    ) -> Result<CsvDecoder, WantedError> {
        let mut targets = vec![Vec::new(); header.len()];
        for (column, wanted) in wanted.iter().enumerate() {
            let mut places = header
                .iter()
                .enumerate()
                .filter(|(_, name)| **name == wanted.from);
            if let Some((place, _)) = places.next() {
                targets[place].push(column);
            }
            if places.next().is_some() {
                let cause = format!("the header has {} twice", wanted.from);
                return Err(WantedError {
                    column: wanted.name.clone(),
                    cause,
                });
            }
        }
        Ok(CsvDecoder {
            rows: Rows::new(wanted)?,
            targets,
            splitter: Splitter::new(),
            limits,
        })
    }

    fn record(&mut self, value: &[u8]) -> Result<(), Problem> {
        if value.len() > self.limits.value_bytes {
            let detail = format!("larger than {} bytes", self.limits.value_bytes);
            return Err(Problem {
                code: RejectCode::TooLarge,
                detail,
            });
        }
        if matches!(
            Quoting::FieldStart.after(value),
            Quoting::Quoted | Quoting::Broken
        ) {
            return Err(malformed(
                "a quote that does not close its field".to_owned(),
            ));
        }
        self.splitter.split(value).map_err(malformed)?;
        if self.splitter.fields != self.targets.len() {
            let (found, wanted) = (self.splitter.fields, self.targets.len());
            return Err(malformed(format!(
                "{found} fields under a header of {wanted}"
            )));
        }
        for (place, columns) in self.targets.iter().enumerate() {
            if columns.is_empty() {
                continue;
            }
            let field = std::str::from_utf8(self.splitter.field(place))
                .map_err(|_| malformed(format!("field {}: not UTF-8", place + 1)))?;
            for column in columns {
                self.rows.put_text(*column, field)?;
            }
        }
        self.rows.take()
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, values: &BinaryArray) -> Decoded {
        let mut verdicts = Verdicts::with_capacity(values.len());
        for row in 0..values.len() {
            let outcome =
                verdicts::bytes(values, row, "an empty line").and_then(|value| self.record(value));
            verdicts.note(&mut self.rows, row, outcome);
        }
        verdicts.finish(&mut self.rows)
    }

    fn another(&self) -> Box<dyn Decoder> {
        Box::new(CsvDecoder {
            rows: self.rows.another(),
            targets: self.targets.clone(),
            splitter: Splitter::new(),
            limits: self.limits,
        })
    }
}

/// The names of a header row.
///
/// # Errors
/// A sentence when it is not one row of distinct UTF-8 names.
pub fn header_names(row: &[u8]) -> Result<Vec<String>, String> {
    let mut splitter = Splitter::new();
    splitter.split(row)?;
    let names: Vec<String> = (0..splitter.fields)
        .map(|place| std::str::from_utf8(splitter.field(place)).map(str::to_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| "the header is not UTF-8".to_owned())?;
    if names.iter().all(String::is_empty) {
        return Err("there is no header".to_owned());
    }
    let distinct: BTreeSet<&String> = names.iter().collect();
    if distinct.len() < names.len() {
        return Err("the header has a name twice".to_owned());
    }
    Ok(names)
}

fn malformed(detail: String) -> Problem {
    Problem {
        code: RejectCode::Malformed,
        detail,
    }
}

impl Splitter {
    fn new() -> Splitter {
        Splitter {
            reader: Reader::new(),
            bytes: vec![0; 256],
            ends: vec![0; 32],
            fields: 0,
        }
    }

    fn field(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }

    /// Splits a record; afterwards `fields` and [`Splitter::field`] speak of it.
    fn split(&mut self, mut input: &[u8]) -> Result<(), String> {
        self.reader.reset();
        let (mut written, mut fields) = (0, 0);
        loop {
            let (result, read, wrote, ended) = self.reader.read_record(
                input,
                &mut self.bytes[written..],
                &mut self.ends[fields..],
            );
            input = &input[read..];
            written += wrote;
            fields += ended;
            match result {
                // Both grow to the largest record, which the limit bounds.
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                // At the end of the input an empty read says so to the reader, which then ends the record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record if input.is_empty() => break,
                ReadRecordResult::Record => return Err("a line break inside the row".to_owned()),
                ReadRecordResult::End => break,
            }
        }
        self.fields = fields;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Decimal128Type};

    use super::*;
    use crate::format::TimeUnit;

    fn decode(rows: &[&[u8]]) -> Decoded {
        let wanted = |name: &str, data_type, optional| WantedColumn {
            name: name.to_owned(),
            from: name.to_owned(),
            data_type,
            time_unit: TimeUnit::Seconds,
            optional,
            default: None,
        };
        let columns = vec![
            wanted("amount", DataType::Decimal128(18, 2), false),
            wanted("name", DataType::Utf8, true),
            wanted("ok", DataType::Boolean, true),
        ];
        let header = header_names(b"name,unused,amount,ok").unwrap();
        let mut decoder = CsvDecoder::new(
            columns,
            &header,
            Limits {
                value_bytes: 100,
                depth: 1,
            },
        )
        .unwrap();
        decoder.decode(&BinaryArray::from_iter_values(rows))
    }

    #[test]
    fn fields_are_read_by_name_and_bad_rows_spoil_nothing() {
        let long = [b'x'; 101];
        let decoded = decode(&[
            b"a,b,1.5,true",
            b"\"x, \"\"y\"\"\nz\",,2,",
            b"a,b,ten,true",
            b"a,b,1",
            b"a,b,1,true,5",
            b"",
            b"a,b,,true",
            b"a,b,1,yes",
            b"\xff,b,1,true",
            b"a,\xff,1,true",
            &long,
            b"4111111111111111,b,1,true",
            b"a,b,3,false",
            b"\"a,b,3,false",
            b"\"a\"x,b,3,false",
        ]);
        let codes: Vec<(usize, &str)> = decoded
            .rejects
            .iter()
            .map(|r| (r.row, r.code.name()))
            .collect();
        let expected = [
            (2, "wrong_type"),
            (3, "malformed"),
            (4, "malformed"),
            (5, "empty"),
            (6, "missing_field"),
            (7, "wrong_type"),
            (8, "malformed"),
            (10, "too_large"),
            (11, "sensitive_data"),
            (13, "malformed"),
            (14, "malformed"),
        ];
        assert_eq!(codes, expected);
        assert_eq!(decoded.taken, [0, 1, 9, 12]);
        let texts: Vec<_> = decoded
            .rows
            .column(1)
            .as_string::<i32>()
            .iter()
            .map(Option::unwrap)
            .collect();
        assert_eq!(texts, ["a", "x, \"y\"\nz", "a", "a"]);
        let amounts = decoded.rows.column(0).as_primitive::<Decimal128Type>();
        assert_eq!(amounts.values()[..], [150, 200, 100, 300]);
        let flags: Vec<_> = decoded.rows.column(2).as_boolean().iter().collect();
        assert_eq!(flags, [Some(true), None, Some(true), Some(false)]);
    }

    #[test]
    fn a_header_has_distinct_names() {
        assert_eq!(header_names(b"a,\"b,c\",d").unwrap(), ["a", "b,c", "d"]);
        for bad in [&b""[..], b",", b"a,a", b"\xff,b"] {
            assert!(header_names(bad).is_err());
        }
    }
}

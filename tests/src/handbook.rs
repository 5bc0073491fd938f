//! The Fraud Detection Handbook's simulated transactions as rows, its published windows, and our features beside them.
//!
//! The invariant: columns keep the names they were published under, rows the order of the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::process::Command;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One transaction, label included.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// `TRANSACTION_ID`: also the place in the file.
    pub id: i64,
    /// `TX_DATETIME`, microseconds since the epoch.
    pub time_us: i64,
    /// `CUSTOMER_ID`.
    pub customer: i64,
    /// `TERMINAL_ID`.
    pub terminal: i64,
    /// `TX_AMOUNT`, as published, float noise included.
    pub amount: f64,
    /// `TX_TIME_SECONDS`.
    pub seconds: i64,
    /// `TX_TIME_DAYS`.
    pub days: i64,
    /// `TX_FRAUD`.
    pub fraud: i64,
    /// `TX_FRAUD_SCENARIO`.
    pub scenario: i64,
}

impl Transaction {
    /// As one JSON object, with the names and values of the columns; the time in RFC 3339.
    ///
    /// # Panics
    /// When the time is none.
    #[must_use]
    pub fn json(&self) -> String {
        format!(
            concat!(
                "{{\"TRANSACTION_ID\":{},\"TX_DATETIME\":\"{}\",\"CUSTOMER_ID\":{},\"TERMINAL_ID\":{},\"TX_AMOUNT\":{},",
                "\"TX_TIME_SECONDS\":{},\"TX_TIME_DAYS\":{},\"TX_FRAUD\":{},\"TX_FRAUD_SCENARIO\":{}}}"
            ),
            self.id,
            rfc3339(self.time_us),
            self.customer,
            self.terminal,
            self.amount,
            self.seconds,
            self.days,
            self.fraud,
            self.scenario
        )
    }
}

/// Civil date from days, by the algorithm of Howard Hinnant (`civil_from_days`); whole seconds are enough here.
fn rfc3339(time_us: i64) -> String {
    let seconds = time_us.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads all transactions, in the order of the file.
///
/// # Panics
/// When the file is not as described.
#[must_use]
pub fn transactions(path: &Path) -> Vec<Transaction> {
    let mut all = Vec::new();
    for batch in parquet(path) {
        let int = |name: &str| integers(&batch, name);
        let (id, customer, terminal) = (
            int("TRANSACTION_ID"),
            int("CUSTOMER_ID"),
            int("TERMINAL_ID"),
        );
        let (seconds, days) = (int("TX_TIME_SECONDS"), int("TX_TIME_DAYS"));
        let (fraud, scenario) = (int("TX_FRAUD"), int("TX_FRAUD_SCENARIO"));
        let (time, amount) = (times(&batch, "TX_DATETIME"), numbers(&batch, "TX_AMOUNT"));
        all.extend((0..batch.num_rows()).map(|row| Transaction {
            id: id.value(row),
            time_us: time.value(row),
            customer: customer.value(row),
            terminal: terminal.value(row),
            amount: amount.value(row),
            seconds: seconds.value(row),
            days: days.value(row),
            fraud: fraud.value(row),
            scenario: scenario.value(row),
        }));
    }
    all
}

/// Transactions that share terminal and second with one of another card. Which of them is taken first depends on how
/// the cards lie in partitions, so a window of the terminal that counts the current event may differ for these alone.
#[must_use]
pub fn terminal_ties(transactions: &[Transaction]) -> BTreeSet<i64> {
    let mut groups: BTreeMap<(i64, i64), Vec<&Transaction>> = BTreeMap::new();
    for transaction in transactions {
        groups
            .entry((transaction.terminal, transaction.seconds))
            .or_default()
            .push(transaction);
    }
    let shared = groups.into_values().filter(|group| {
        group
            .iter()
            .any(|other| other.customer != group[0].customer)
    });
    shared.flatten().map(|transaction| transaction.id).collect()
}

/// A table with a name for each column; missing values are NaN.
#[derive(Debug, Default)]
pub struct Table {
    columns: HashMap<String, Vec<f64>>,
    rows: usize,
}

impl Table {
    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// One column.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> &[f64] {
        self.columns.get(name).unwrap_or_else(|| {
            let mut names: Vec<_> = self.columns.keys().collect();
            names.sort();
            panic!("no column {name}, there are {names:?}")
        })
    }

    /// Reads a gzipped CSV file of numbers.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn from_gzipped_csv(path: &Path) -> Self {
        let done = Command::new("gzip")
            .arg("-dc")
            .arg(path)
            .output()
            .expect("gzip runs");
        assert!(done.status.success(), "{}: not a gzip file", path.display());
        Self::from_csv(std::str::from_utf8(&done.stdout).expect("text"))
    }

    /// Reads CSV text of numbers, without quotes.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn from_csv(text: &str) -> Self {
        let mut lines = text.lines();
        let names: Vec<&str> = lines
            .next()
            .expect("a first line of names")
            .split(',')
            .collect();
        let mut columns = vec![Vec::new(); names.len()];
        for line in lines {
            for (column, cell) in columns.iter_mut().zip(line.split(',')) {
                column.push(if cell.is_empty() {
                    f64::NAN
                } else {
                    cell.parse().expect("a number")
                });
            }
        }
        let rows = columns.first().map_or(0, Vec::len);
        assert!(
            columns.iter().all(|column| column.len() == rows),
            "lines of one length"
        );
        Self {
            columns: names.into_iter().map(str::to_owned).zip(columns).collect(),
            rows,
        }
    }

    /// Reads the columns of a Parquet file that are numbers or booleans.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn from_parquet(path: &Path) -> Self {
        let mut table = Self::default();
        for batch in parquet(path) {
            table.rows += batch.num_rows();
            for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
                if matches!(
                    field.data_type(),
                    DataType::Timestamp(..)
                        | DataType::Utf8
                        | DataType::LargeUtf8
                        | DataType::Utf8View
                ) {
                    continue;
                }
                let numbers = cast(values, &DataType::Float64)
                    .unwrap_or_else(|error| panic!("{field}: {error}"));
                let numbers = numbers.as_primitive::<Float64Type>();
                let column = table.columns.entry(field.name().clone()).or_default();
                column.extend(numbers.iter().map(|number| number.unwrap_or(f64::NAN)));
            }
        }
        table
    }
}

fn parquet(path: &Path) -> impl Iterator<Item = RecordBatch> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("a Parquet file")
        .with_batch_size(65_536);
    reader
        .build()
        .expect("a Parquet file")
        .map(|batch| batch.expect("a readable Parquet file"))
}

fn column(batch: &RecordBatch, name: &str, to: &DataType) -> arrow::array::ArrayRef {
    let found = batch
        .column_by_name(name)
        .unwrap_or_else(|| panic!("no column {name} in {:?}", batch.schema()));
    assert_eq!(found.null_count(), 0, "{name}");
    cast(found, to).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn integers(batch: &RecordBatch, name: &str) -> Int64Array {
    column(batch, name, &DataType::Int64)
        .as_primitive::<Int64Type>()
        .clone()
}

fn numbers(batch: &RecordBatch, name: &str) -> Float64Array {
    column(batch, name, &DataType::Float64)
        .as_primitive::<Float64Type>()
        .clone()
}

fn times(batch: &RecordBatch, name: &str) -> Int64Array {
    let micros = column(
        batch,
        name,
        &DataType::Timestamp(TimeUnit::Microsecond, None),
    );
    cast(&micros, &DataType::Int64)
        .expect("a timestamp is an integer")
        .as_primitive::<Int64Type>()
        .clone()
}

#[cfg(test)]
mod tests {
    use super::{Table, rfc3339};

    #[test]
    fn times_are_rfc_3339() {
        let check =
            |seconds: i64, expected: &str| assert_eq!(rfc3339(seconds * 1_000_000), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_522_540_831, "2018-04-01T00:00:31Z");
        check(1_609_459_199, "2020-12-31T23:59:59Z");
    }

    #[test]
    fn a_table_has_its_columns_and_missing_values() {
        let table = Table::from_csv("a,b\n1,2.5\n,4\n");
        assert_eq!(table.rows(), 2);
        assert!(table.column("a")[1].is_nan());
        assert_eq!(table.column("b"), [2.5, 4.0]);
    }
}

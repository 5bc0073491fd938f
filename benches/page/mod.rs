//! The page of results: what was measured, against what it shall reach, as a table and a plot per measure.
//!
//! The idea: raw figures are lines of JSON in `results/raw`, one file per measure, and only ever grow; the page is made from
//! them and nothing else. The invariant: `results/README.md` and its plots are what the raw files say (a test compares
//! them), and each raw line names command, commit and machine.

pub mod plot;
pub mod record;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use self::record::Record;

/// What is measured.
#[derive(Debug)]
pub struct Measure {
    /// Names its raw file and its plot.
    pub id: &'static str,
    /// In words.
    pub what: &'static str,
    /// Of its figures.
    pub unit: &'static str,
    /// What it shall reach; none for what only stands beside another.
    pub goal: Option<f64>,
    /// Whether less is better.
    pub less: bool,
}

/// A measure of which more is better.
const fn more(id: &'static str, what: &'static str, unit: &'static str, goal: f64) -> Measure {
    Measure {
        id,
        what,
        unit,
        goal: Some(goal),
        less: false,
    }
}

/// A measure without a goal.
const fn beside(id: &'static str, what: &'static str, unit: &'static str) -> Measure {
    Measure {
        id,
        what,
        unit,
        goal: None,
        less: false,
    }
}

/// A measure of which less is better.
const fn less(id: &'static str, what: &'static str, unit: &'static str, goal: f64) -> Measure {
    Measure {
        id,
        what,
        unit,
        goal: Some(goal),
        less: true,
    }
}

const PER_CPU: &str = "per CPU-second";
const TIMES: &str = "times the CPU of Tollgate";

/// All measures, in the order of the page.
pub const MEASURES: &[Measure] = &[
    less(
        "core-12-windows",
        "12 windows, 4 keys with 1 M live keys each, in process, CPU per event",
        "ns",
        400.0,
    ),
    less(
        "core-bytes",
        "memory of the same",
        "times 96 B and 12 B per live event",
        1.0,
    ),
    less(
        "core-late",
        "5 % of the events late by up to 1,000 positions, CPU beyond",
        "%",
        20.0,
    ),
    less(
        "core-long-windows",
        "windows 100 times as long, with 100 times the live events, CPU beyond",
        "%",
        10.0,
    ),
    beside(
        "core-hot-key",
        "90 % of the events on one key of each kind, CPU beyond",
        "%",
    ),
    less(
        "core-new-keys",
        "10 M distinct keys of each kind in a minute, memory of a key",
        "B",
        100.0,
    ),
    less(
        "core-rules-1000",
        "1,000 rules instead of 50, time beyond",
        "%",
        15.0,
    ),
    less(
        "core-rules-5000",
        "5,000 rules instead of 50, time beyond",
        "%",
        80.0,
    ),
    less("core-check-5000", "`check` of 5,000 rules", "s", 2.0),
    more(
        "file-to-file",
        "Parquet to NDJSON, handbook pack, events",
        PER_CPU,
        1.7e6,
    ),
    more(
        "kafka-to-kafka",
        "Kafka to Kafka, JSON in, 12 windows, 50 rules, packed decisions, client threads counted",
        PER_CPU,
        0.8e6,
    ),
    beside(
        "kafka-bare-loop",
        "the bare client loop beside it: consume, produce packed, nothing else",
        PER_CPU,
    ),
    less(
        "engine-latency-p999-net",
        "engine latency, 99.9 %, half the sustainable rate, open loop, net of the machine's gaps",
        "µs",
        1_000.0,
    ),
    Measure {
        id: "engine-latency-p999-gross",
        what: "the same with the machine's gaps",
        unit: "µs",
        goal: None,
        less: true,
    },
    beside(
        "engine-sustainable",
        "the sustainable rate of the engine, closed loop, wall time, events",
        "per second",
    ),
    less(
        "visible-exactly-once-p50",
        "due to decision read, 5,000 events/s, exactly once, a commit every 10 ms, 50 %",
        "ms",
        20.0,
    ),
    less(
        "visible-exactly-once-ratio",
        "the same beside a bare loop that consumes, produces, commits",
        "times its median",
        1.2,
    ),
    less(
        "visible-exactly-once-tail",
        "the same, 99.9 %, above that of the bare loop",
        "ms",
        5.0,
    ),
    less(
        "visible-at-least-once-p50",
        "due to decision read, 5,000 events/s, at least once, 50 %",
        "ms",
        4.0,
    ),
    less(
        "exactly-once-cost",
        "exactly once against at least once, a commit every 100 ms, throughput lost",
        "%",
        15.0,
    ),
    beside(
        "exactly-once-cost-cpu",
        "the same, processor time of the process beyond it",
        "%",
    ),
    less(
        "recovery",
        "kill −9 to caught up, 4 M keys with 64 M live events, 5,000 events/s, as a reader sees it",
        "s",
        10.0,
    ),
    more(
        "peer-flink-heap",
        "Flink DataStream, heap, file to file",
        TIMES,
        10.0,
    ),
    beside(
        "peer-flink-heap-shuffle",
        "Flink DataStream with keyBy, heap, file to file",
        TIMES,
    ),
    more(
        "peer-flink-rocks",
        "Flink DataStream, RocksDB, file to file",
        TIMES,
        40.0,
    ),
    beside(
        "peer-flink-sql",
        "Flink SQL OVER, heap, file to file",
        TIMES,
    ),
    more(
        "peer-flink-heap-kafka",
        "Flink DataStream, heap, Kafka to Kafka, exactly once",
        TIMES,
        10.0,
    ),
    more(
        "peer-flink-rocks-kafka",
        "Flink DataStream, RocksDB, Kafka to Kafka, exactly once",
        TIMES,
        40.0,
    ),
    more(
        "peer-streams-mem",
        "Kafka Streams, in memory, exactly once",
        TIMES,
        15.0,
    ),
    more(
        "peer-streams-rocks",
        "Kafka Streams, RocksDB, exactly once",
        TIMES,
        40.0,
    ),
];

/// The page of these records, oldest first within each measure.
#[must_use]
pub fn page(records: &[Record]) -> String {
    let mut page = HEAD.to_owned();
    for measure in MEASURES {
        let mut of = records.iter().filter(|record| record.id == measure.id);
        let goal = measure.goal.map_or("–".to_owned(), |goal| {
            format!("{} {}", if measure.less { "≤" } else { "≥" }, short(goal))
        });
        let what = format!("{}, {}", measure.what, measure.unit);
        let Some(last) = of.next_back() else {
            let _ = writeln!(page, "| {what} | not measured yet | {goal} | | | | |");
            continue;
        };
        let _ = writeln!(
            page,
            "| [{what}](plots/{}.svg) | {} | {goal} | {} | {} | {} | `{}` |",
            measure.id,
            told(last),
            reached(measure, last),
            last.commit,
            last.load,
            last.command.replace('|', "\\|"),
        );
    }
    page.push_str(TAIL);
    page
}

/// Median, and from where to where.
fn told(record: &Record) -> String {
    let (least, middle, most) = record.spread();
    if record.figures.len() == 1 {
        return format!("**{}**", short(middle));
    }
    format!(
        "**{}** ({} to {})",
        short(middle),
        short(least),
        short(most)
    )
}

fn reached(measure: &Measure, record: &Record) -> &'static str {
    let (_, middle, _) = record.spread();
    match measure.goal {
        None => "",
        Some(goal) if measure.less && middle <= goal || !measure.less && middle >= goal => "yes",
        Some(_) => "no",
    }
}

/// Three digits that count, thousands apart.
#[must_use]
pub fn short(figure: f64) -> String {
    if figure.abs() < 100.0 {
        let text = format!("{figure:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{figure:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Makes page and plots anew.
///
/// # Panics
/// When a raw file says what no measure is, or a file cannot be read or written.
pub fn write(results: &Path) {
    let records = record::all(results);
    fs::write(results.join("README.md"), page(&records)).expect("the page is written");
    let plots = results.join("plots");
    fs::create_dir_all(&plots).expect("a folder for the plots");
    for (name, svg) in plot::all(&records) {
        fs::write(plots.join(name), svg).expect("a plot is written");
    }
}

const HEAD: &str = "\
# Results

Made from `raw/` by `measure page`; each row is the last record of its measure, its plot shows all of them. A figure in bold
is the median of the runs of that record. Figures from a machine that others use at the same time (see its load: the
average of the last minute, on the cores the raw record names) say little by themselves; ratios of runs that alternate
say more.

| measure | figure | goal | reached | commit | load | command |
|---|---|---|---|---|---|---|
";

const TAIL: &str = "
The other files here are raw figures of single investigations, one per run, with command, commit and machine at the head.
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `benches/results`.
    fn results() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
    }

    #[test]
    fn page_and_plots_are_what_the_raw_files_say() {
        let records = record::all(&results());
        let told = "out of step: run `measure page`";
        let there = fs::read_to_string(results().join("README.md")).unwrap();
        assert!(there == page(&records), "README.md is {told}");
        let plots = plot::all(&records);
        for (name, svg) in &plots {
            let there = fs::read_to_string(results().join("plots").join(name)).unwrap_or_default();
            assert!(there == *svg, "plots/{name} is {told}");
        }
        let files = fs::read_dir(results().join("plots")).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let names: BTreeSet<String> = plots.into_iter().map(|(name, _)| name).collect();
        assert_eq!(files.collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn what_is_quoted_is_the_median_of_the_last_record() {
        let record = |figures: &[f64]| Record {
            id: "file-to-file".to_owned(),
            date: "2026-01-01T00:00Z".to_owned(),
            commit: "abc".to_owned(),
            machine: "two cores".to_owned(),
            load: "0.1".to_owned(),
            command: "a | b".to_owned(),
            unit: PER_CPU.to_owned(),
            goal: Some(1.7e6),
            figures: figures.to_vec(),
        };
        let made = page(&[record(&[1.0]), record(&[2e6, 1.6e6, 1.8e6])]);
        let row = made.lines().find(|line| line.contains("Parquet")).unwrap();
        let cells: Vec<&str> = row.split(" | ").collect();
        assert_eq!(cells[1], "**1,800,000** (1,600,000 to 2,000,000)");
        assert_eq!((cells[2], cells[3]), ("≥ 1,700,000", "yes"));
        assert!(row.ends_with("`a \\| b` |"), "{row}");
        assert!(page(&[record(&[1.699e6])]).contains("| no |"));
        assert_eq!(
            [0.5, 12.345, 100.4, 1e6].map(short),
            ["0.5", "12.35", "100", "1,000,000"]
        );
    }
}

//! Tests of the commands: what they print and how they end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use clap::CommandFactory;
use expect_test::expect;

use super::*;

/// Exit, standard output, standard error.
fn tollgate(arguments: &[&str]) -> (Exit, String, String) {
    let cli = Cli::try_parse_from([&["tollgate"], arguments].concat()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io {
        out: &mut out,
        err: &mut err,
        color: false,
    };
    let exit = dispatch(cli.command, &mut io).unwrap();
    (
        exit,
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    )
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_names_every_command() {
    let help = Cli::command().render_help().to_string();
    expect![[r#"
        Real-time fraud detection: events in, decisions out, by rules an analyst writes

        Usage: tollgate [OPTIONS] <COMMAND>

        Commands:
          demo        Watch made-up card traffic with planted fraud being caught; needs nothing
          run         Run a pipeline until its source ends or it is stopped
          check       Say everything that is wrong with packs and pipeline configurations
          audit       Compare the topics of an application with what its commits say: lost, duplicated,
                      torn, out of order
          rule        Work on rules
          features    Compute the features of a pack over a file, for training
          gen         Make up events
          list        List what there is
          explain     Explain an error code, such as E0102
          completion  Print a completion script for a shell

        Options:
              --log-format <LOG_FORMAT>  How the log on standard error is written; RUST_LOG says how much of
                                         it [default: text] [possible values: text, json]
          -h, --help                     Print help (see more with '--help')
          -V, --version                  Print version
    "#]].assert_eq(&help);
}

#[test]
fn exit_codes_are_what_scripts_count_on() {
    let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
    assert_eq!(codes, [0, 1, 2, 3, 4, 75, 130]);
}

#[test]
fn every_code_of_every_part_is_explained() {
    let pages = super::explain::pages();
    for page in &pages {
        let (exit, out, err) = tollgate(&["explain", page.id]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{}", page.id);
        assert!(
            out.contains(page.id) && !page.title().is_empty(),
            "{}",
            page.id
        );
        let named = super::explain::find(page.name).unwrap();
        assert_eq!(named.name, page.name);
    }
    let parts = ["E0102", "E2006", "E1002"];
    assert!(
        parts
            .iter()
            .all(|id| pages.iter().any(|page| page.id == *id))
    );
    assert!(
        pages.windows(2).all(|pair| pair[0].id < pair[1].id),
        "no code comes twice"
    );
}

#[test]
fn an_unknown_code_is_answered_with_the_nearest() {
    let (exit, out, err) = tollgate(&["explain", "E0912"]);
    assert_eq!((exit, out.as_str()), (Exit::Config, ""));
    assert!(
        err.contains("there is no code `E0912`") && err.contains("help:"),
        "{err}"
    );
}

#[test]
fn lists_come_from_the_lists() {
    for (what, some) in [
        ("connectors", "kafka"),
        ("formats", "parquet"),
        ("aggregates", "count_distinct"),
        (
            "windows",
            "over: {last: 5}                                last: the last 5 events",
        ),
        ("functions", "geo_km("),
        ("errors", "E1010"),
        ("metrics", "tollgate_decisions_total{outcome}"),
    ] {
        let (exit, out, _) = tollgate(&["list", what]);
        assert_eq!(exit, Exit::Ok);
        assert!(
            out.lines().any(|line| line.starts_with(some)),
            "{what}: {out}"
        );
    }
    let (_, out, _) = tollgate(&["list", "metrics"]);
    assert_eq!(out.lines().count(), crate::metrics::catalogue::ALL.len());
}

#[test]
fn completions_are_written_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let (exit, out, _) = tollgate(&["completion", shell]);
        assert_eq!(exit, Exit::Ok);
        assert!(
            out.contains("tollgate") && out.contains("completion"),
            "{shell}"
        );
    }
}

#[test]
fn check_reports_the_place_of_each_problem_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipeline.yaml");
    std::fs::write(
        &path,
        "name: a\npack: .\nsinks: { decision: stdout }\nsource: { embedded: { topic: t } }\n",
    )
    .unwrap();
    let (exit, out, _) = tollgate(&["check", path.to_str().unwrap()]);
    assert_eq!(exit, Exit::Config);
    let place = format!("--> {}:3:10", path.display());
    for part in [
        "error[E1002]: unknown key `decision` in sinks",
        &place,
        "^^^^^^^^",
        "did you mean `decisions`?",
        "for more: tollgate explain E1002",
        "error[E1016]",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let (exit, out, _) = tollgate(&["check", "--output", "json", path.to_str().unwrap()]);
    assert_eq!(exit, Exit::Config);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["errors"], 3, "{out}");
    assert!(
        report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["code"] == "E1002" && f["line"] == 3 && f["column"] == 10),
        "{out}"
    );
}

#[test]
fn a_line_too_long_to_show_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipeline.yaml");
    let long = "x".repeat(20_000);
    let text = format!("name: a\npack: {{ a: 1, a: {long} }}\nsinks: {{ b: 1, b: 2 }}\n");
    std::fs::write(&path, text).unwrap();
    let (exit, out, _) = tollgate(&["check", path.to_str().unwrap()]);
    assert_eq!(exit, Exit::Config);
    let place = format!("error[E0106]: {}:2:15: `a` is given twice", path.display());
    assert!(out.contains(&place), "{:.1000}", out);
    // What stands on another line is shown as ever, with the number of its line.
    assert!(out.contains("\n3 | sinks: { b: 1, b: 2 }\n"), "{out}");
}

#[test]
fn check_says_when_nothing_is_there() {
    let (exit, out, _) = tollgate(&["check", "nowhere/pipeline.yaml"]);
    assert_eq!(exit, Exit::Config);
    assert!(
        out.contains("error[E1001]: nowhere/pipeline.yaml: no such file"),
        "{out}"
    );
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_labels_for_each() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (out, labels, seed) in [("a", "la", "5"), ("b", "lb", "5"), ("c", "lc", "6")] {
        let (exit, ..) = tollgate(&[
            "gen",
            "--out",
            &file(out),
            "--labels",
            &file(labels),
            "--seed",
            seed,
            "--count",
            "300",
        ]);
        assert_eq!(exit, Exit::Ok);
    }
    let read = |name: &str| std::fs::read(file(name)).unwrap();
    assert_eq!((read("a"), read("la")), (read("b"), read("lb")));
    assert_ne!(read("a"), read("c"));
    let lines = |bytes: Vec<u8>| bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((lines(read("a")), lines(read("la"))), (300, 300));
}

#[test]
fn the_feature_table_does_not_depend_on_the_steps() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    tollgate(&["gen", "--out", &file("a.ndjson"), "--count", "500"]);
    let garbage = std::fs::read_to_string(file("a.ndjson")).unwrap() + "{\"swipe_id\":\n";
    std::fs::write(file("a.ndjson"), garbage).unwrap();
    let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs/card-core");
    for ending in ["parquet", "csv", "ndjson"] {
        let tables = ["1", "64", "4096"].map(|batch| {
            let out = file(&format!("{batch}.{ending}"));
            let (exit, _, err) = tollgate(&[
                "features",
                "--pack",
                pack,
                "--data",
                &file("a.ndjson"),
                "--out",
                &out,
                "--batch-size",
                batch,
            ]);
            assert_eq!(exit, Exit::Ok, "{err}");
            assert!(
                err.starts_with("500 rows, 1 rejected\n  E2002 1\n"),
                "{err}"
            );
            std::fs::read(out).unwrap()
        });
        assert!(tables.iter().all(|table| *table == tables[0]), "{ending}");
    }
}

/// A pack whose first rule hits where its amount is above ten, tried out over a hundred events and a repeat.
fn storm() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pack = "pack: storm\nschema:\n  id: id\n  time: ts\n  fields: { id: text, ts: timestamp, amount: int }\n\
                rules:\n  - id: WIDE\n    when: amount > 10\n    then: { action: review }\n  \
                - { id: TRIED, mode: shadow, when: amount > 0, then: { action: review } }\n  \
                - { id: RARE, when: amount = 99, then: { action: review } }\n\
                policy: { order: [review, approve] }\n";
    std::fs::write(dir.path().join("pack.yaml"), pack).unwrap();
    let event = |n: u32| {
        let amount = if n.is_multiple_of(4) { 90 + n / 8 } else { 1 };
        format!("{{\"id\":\"e{n}\",\"ts\":\"2026-01-01T00:00:00Z\",\"amount\":{amount}}}\n")
    };
    let mut events: String = (0..100).map(event).collect();
    events += &event(4);
    events += "{\"id\":\n";
    std::fs::write(dir.path().join("a.ndjson"), events).unwrap();
    dir
}

#[test]
fn r8_a_live_rule_that_hits_on_too_much_of_a_sample_needs_force() {
    let dir = storm();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (pack, events) = (file(""), file("a.ndjson"));
    let check = |more: &[&str]| tollgate(&[&["check", &pack, "--sample", &events], more].concat());
    let (exit, out, err) = check(&[]);
    assert_eq!((exit, err.as_str()), (Exit::Rule, ""), "{out}");
    for part in [
        "error[E0406]: this live rule hits on 25.00 % of the events of",
        "pack.yaml:7:9",
        "25 of 100 events",
        "100 events, 1 rejected",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let table: Vec<Vec<&str>> = out
        .lines()
        .skip_while(|line| !line.starts_with("rule "))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        table,
        [
            ["WIDE", "live", "25", "25", "25.00", "%"],
            ["TRIED", "shadow", "100", "0", "100.00", "%"],
            ["RARE", "live", "2", "2", "2.00", "%"],
        ]
    );
    let ends = |more: &[&str]| check(more).0;
    assert_eq!(ends(&["--force"]), Exit::Ok);
    assert_eq!(ends(&["--force", "--strict"]), Exit::Findings);
    assert_eq!(ends(&["--max-match-rate", "25%"]), Exit::Ok);
    assert_eq!(ends(&["--max-match-rate", "0.24"]), Exit::Rule);
    let (_, out, _) = check(&["--max-match-rate", "1%", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["errors"], 2, "{out}");
    let sample = &report["samples"][0];
    assert_eq!(
        (&sample["events"], &sample["rejected"]),
        (&100.into(), &1.into())
    );
    assert_eq!(sample["rules"][0]["match_rate"], 0.25, "{out}");
}

#[test]
fn a_sample_that_says_nothing_fails_the_check() {
    let dir = storm();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("empty.ndjson"), "").unwrap();
    for (sample, why) in [
        ("empty.ndjson", "none of its records"),
        ("gone.ndjson", "gone.ndjson"),
    ] {
        let (exit, out, err) = tollgate(&["check", &file(""), "--sample", &file(sample)]);
        assert_eq!(exit, Exit::Outside, "{out}{err}");
        assert!(err.contains(why), "{err}");
    }
    // What is wrong with the pack itself comes first.
    std::fs::write(file("pack.yaml"), "pack: storm\n").unwrap();
    let (exit, ..) = tollgate(&["check", &file(""), "--sample", &file("gone.ndjson")]);
    assert_eq!(exit, Exit::Rule);
}

#[test]
fn rule_bench_names_the_features_and_rules_of_a_pack_the_dearest_first() {
    let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs/card-core");
    let (exit, out, err) = tollgate(&["rule", "bench", pack, "--count", "600", "--top", "2"]);
    assert_eq!(exit, Exit::Ok, "{err}");
    assert!(
        out.contains("made-up swipes: 600 events, steps of 256"),
        "{out}"
    );
    assert!(
        out.contains("and 9 more") && out.contains("and 4 more"),
        "{out}"
    );
    let (exit, out, err) = tollgate(&["rule", "bench", pack, "--count", "600", "--output", "json"]);
    assert_eq!(exit, Exit::Ok, "{err}");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    for (of, name, count) in [("features", "feature", 11), ("rules", "rule", 6)] {
        let rows = value[of].as_array().unwrap();
        let ns: Vec<f64> = rows
            .iter()
            .map(|r| r["ns_per_event"].as_f64().unwrap())
            .collect();
        assert!(
            ns.len() == count && ns.is_sorted_by(|x, y| x >= y),
            "{of} {ns:?}"
        );
        let share: f64 = rows.iter().map(|r| r["share"].as_f64().unwrap()).sum();
        assert!((share - 1.0).abs() < 1e-6, "{of} {share}");
        assert!(rows.iter().all(|row| row[name].is_string()));
    }
    assert!(value["features"][0]["bytes_per_key"].as_u64() > Some(0));
}

#[test]
fn rule_bench_takes_events_of_files_and_says_when_it_needs_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.ndjson").to_str().unwrap().to_owned();
    tollgate(&["gen", "--out", &file, "--count", "300"]);
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs");
    let (cards, sensors) = (format!("{packs}/card-core"), format!("{packs}/sensors"));
    let (exit, out, err) = tollgate(&["rule", "bench", &cards, "--events", &file, &file]);
    assert_eq!(exit, Exit::Ok, "{err}");
    assert!(out.contains(": 600 events"), "{out}");
    let (exit, _, err) = tollgate(&["rule", "bench", &sensors]);
    assert_eq!(exit, Exit::Config);
    assert!(err.contains("--events"), "{err}");
    let (exit, _, err) = tollgate(&["rule", "bench", &sensors, "--events", &file]);
    assert_eq!(exit, Exit::Outside);
    assert!(err.contains("none of its records"), "{err}");
}

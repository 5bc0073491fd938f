//! Tests of the configuration: what is read, and everything that can be wrong with it at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;

mod packing;
mod promises;

/// An environment and a disk of a few entries.
#[derive(Default)]
struct Fake {
    env: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, Result<&'static str, SecretProblem>>,
}

impl Lookup for Fake {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|value| (*value).to_owned())
    }

    fn file(&self, path: &Path) -> Result<String, SecretProblem> {
        match self.files.get(path.file_name().unwrap().to_str().unwrap()) {
            Some(found) => found.clone().map(str::to_owned),
            None => Err(SecretProblem::Unreadable("entity not found".to_owned())),
        }
    }
}

/// A directory that holds a pack, so that `pack: p` is found.
fn base() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.yaml"), "pack: p\n").unwrap();
    dir
}

fn checked(text: &str, lookup: &Fake) -> Checked {
    let dir = base();
    check("pipeline.yaml", text, dir.path(), lookup)
}

fn find(text: &str, wanted: Expect) {
    let lookup = Fake {
        env: [
            ("BROKERS", "127.0.0.1:9092"),
            ("EMPTY", ""),
            ("PASSWORD", "hunter2"),
        ]
        .into(),
        files: [
            ("open", Err(SecretProblem::WorldReadable)),
            ("good", Ok("s3cret\n")),
            ("blank", Ok("\n")),
        ]
        .into(),
    };
    let checked = checked(text, &lookup);
    let mut told = String::new();
    for finding in &checked.findings {
        let (line, column) = finding.position(&checked.text.text);
        told += &format!(
            "{line}:{column} {} {}: {}",
            finding.code.id(),
            finding.severity.name(),
            finding.message
        );
        if let Some(help) = &finding.help {
            told += &format!(" ({help})");
        }
        told.push('\n');
    }
    assert!(
        !told.contains("hunter2") && !told.contains("s3cret"),
        "{told}"
    );
    assert_eq!(
        checked.config.is_some(),
        !crate::finding::any_error(&checked.findings),
        "{told}"
    );
    wanted.assert_eq(&told);
}

const GOOD: &str = "\
name: card-fraud
pack: p.yaml
source: { embedded: { topic: swipes } }
sinks: { decisions: { embedded: { topic: decisions } } }
";

#[test]
fn the_least_configuration_has_defaults() {
    let dir = base();
    let config = check("pipeline.yaml", GOOD, dir.path(), &Fake::default())
        .config
        .unwrap();
    assert_eq!(config.name, "card-fraud");
    assert_eq!(config.pack, dir.path().join("p.yaml"));
    assert_eq!(
        config.state.dir,
        dir.path().join("state").join("card-fraud")
    );
    assert_eq!(config.delivery.mode, Mode::ExactlyOnce);
    assert_eq!(config.delivery.commit_every, Duration::from_millis(50));
    assert_eq!(config.delivery.commit_records, 10_000);
    assert_eq!(config.delivery.merge_wait, Duration::from_millis(200));
    assert_eq!(config.http, None);
    assert_eq!(config.start, Start::Earliest);
    assert_eq!(config.control_topic(), "card-fraud.control");
}

#[test]
fn a_run_need_not_audit_itself() {
    let text = "name: a\npack: p.yaml\nsource: { embedded: { topic: t } }\nsinks: { decisions: { embedded: { topic: d } } }\n";
    let every = |state: &str| {
        let checked = checked(&format!("{text}{state}"), &Fake::default());
        checked.config.unwrap().state.audit_every
    };
    assert_eq!(every("state: { audit_every: off }\n"), None);
    assert_eq!(every("state: { dir: s }\n"), Some(Duration::from_mins(1)));
    assert_eq!(every(""), Some(Duration::from_mins(1)));
}

#[test]
fn everything_can_be_said() {
    let text = "\
name: card-fraud
pack: p.yaml
source:
  kafka: { brokers: \"${env:BROKERS}\", topic: swipes, start: latest, format: json, instance: blue-2, key: card_id, shared: true, properties: { client.rack: a } }
sinks:
  decisions:
    - kafka: { brokers: \"127.0.0.1:9092\", topic: decisions }
    - file: { path: out/decisions.ndjson }
  alerts: { stdout: {} }
  dead_letters: { file: { path: dead.ndjson } }
delivery: { mode: at_least_once, commit_every: 100ms, commit_records: 500, merge_wait: 2s }
state: { dir: /var/lib/tollgate, snapshot_every: 5m, audit_every: 10s }
http: { listen: \"127.0.0.1:9900\" }
";
    let lookup = Fake {
        env: [("BROKERS", "127.0.0.1:9092")].into(),
        ..Fake::default()
    };
    let checked = checked(text, &lookup);
    let config = checked
        .config
        .unwrap_or_else(|| panic!("{:?}", checked.findings));
    let Source::Kafka {
        kafka,
        instance,
        key,
        shared,
    } = &config.source
    else {
        panic!("{config:?}")
    };
    assert_eq!(instance, "blue-2");
    assert!(shared.is_some());
    assert_eq!(key.as_ref().map(|key| key.name.as_str()), Some("card_id"));
    assert_eq!(kafka.brokers, "127.0.0.1:9092");
    assert_eq!(
        kafka.properties.0.get("client.rack").map(String::as_str),
        Some("a")
    );
    assert_eq!(config.start, Start::Latest);
    assert_eq!(config.sinks.decisions.len(), 2);
    assert!(matches!(
        &config.sinks.decisions[1],
        Sink::File {
            kind: FileKind::Ndjson,
            ..
        }
    ));
    assert_eq!(config.sinks.alerts, [Sink::Stdout]);
    assert_eq!(config.state.dir, Path::new("/var/lib/tollgate/card-fraud"));
    assert_eq!(config.state.audit_every, Some(Duration::from_secs(10)));
    assert_eq!(config.delivery.commit_every, Duration::from_millis(100));
    assert_eq!(config.delivery.merge_wait, Duration::from_secs(2));
}

#[test]
fn the_generator_has_defaults_and_bounds() {
    let with = |generate: &str| GOOD.replace("embedded: { topic: swipes }", generate);
    let checked = checked(&with("generate: { seed: 7, rate: 90/m }"), &Fake::default());
    let made = Generate {
        seed: 7,
        rate: Some(1.5),
        count: None,
        cards: 20_000,
        fraud: 0.01,
    };
    assert_eq!(checked.config.unwrap().source, Source::Generate(made));
    find(
        &with("generate: { seed: -1, rate: fast, count: 1e9, cards: 0, fraud: 2 }"),
        expect![[r#"
            3:29 E1005 error: seed: `-1` is not a whole number from 0 to 18446744073709551615
            3:39 E1005 error: rate: `fast` is not a rate (write a number and `/s`, `/m` or `/h`, such as `1000/s`; from 1/h to 10000000/s)
            3:52 E1005 error: count: `1e9` is not a whole number from 0 to 1000000000000
            3:64 E1005 error: cards: `0` is not a whole number from 1 to 50000000
            3:74 E1005 error: fraud: `2` is not a number from 0 to 1
        "#]],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    find(
        "\
name: Card Fraud
pack: elsewhere
isolaton: none
source: { embedded: { topic: swipes }, file: { path: a.csv } }
sinks: { alerts: { fle: { path: x } } }
delivery: { mode: exactly_twice, comit_every: 1s }
state: { dir: [a], snapshot_every: 1ms, audit_every: 1x }
http: { listen: \"10.0.0.1:9900\" }
",
        expect![[r#"
            1:7 E1006 error: `Card Fraud` cannot be the name of an application (use lower-case letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit)
            2:7 E1016 error: there is no pack at `elsewhere`: no such file
            3:1 E1002 error: unknown key `isolaton` (known here: name, pack, source, sinks, delivery, state, http, workers, allow_inline_secrets)
            4:40 E1007 error: source must be exactly one of kafka, file, embedded, generate
            5:8 E1004 error: `decisions` is missing in sinks
            5:20 E1002 error: unknown key `fle` in sinks.alerts (did you mean `file`?)
            6:19 E1003 error: mode: `exactly_twice` is none of exactly_once, at_least_once (did you mean `exactly_once`?)
            6:34 E1002 error: unknown key `comit_every` in delivery (did you mean `commit_every`?)
            7:15 E1003 error: dir must be a single value
            7:36 E1005 error: snapshot_every: `1ms` is out of range (write a duration from 100ms to 1d, such as `1d`)
            7:54 E1005 error: audit_every: `1x` is not a duration or too long (write a duration from 100ms to 1d, such as `1d`)
            8:17 E1015 error: listen: `10.0.0.1:9900` can be reached from other machines (listen on 127.0.0.1 or [::1]; TLS and tokens come later)
        "#]],
    );
}

#[test]
fn outputs_are_compared_with_the_input_and_with_one_another() {
    find(
        "\
name: a
pack: p.yaml
source: { file: { path: \"in/*.ndjson\" } }
sinks:
  decisions: { file: { path: ./in/../in/out.ndjson } }
  alerts: [ { embedded: { topic: a.control } }, { file: { path: x.ndjson } } ]
  dead_letters: [ { file: { path: b/../x.ndjson } }, stdout, stdout ]
",
        expect![[r#"
            5:22 E1013 error: decisions would be written to the source and read again (give them a topic or file of their own)
            6:25 E1013 error: alerts would be written to `a.control`, which holds this application's own journal
            7:27 E1014 error: dead_letters and alerts share one output
        "#]],
    );
}

#[test]
fn what_is_filled_in_is_never_told() {
    find(
        "\
name: ${env:PASSWORD}X
pack: ${env:UNSET}
source: { embedded: { topic: \"${file:good} ${file:blank} ${file:open} ${file:gone}\" } }
sinks: { decisions: { file: { path: \"${env:EMPTY}\" } } }
http: { listen: \"${env:PASSWORD}\" }
state: { dir: \"${vault:x} ${env:A-B} ${env:PASSWORD\" }
",
        expect![[r#"
            1:7 E1006 error: `${env:PASSWORD}X` cannot be the name of an application (use lower-case letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit)
            2:7 E1008 error: the environment variable `UNSET` is not set
            2:7 E1016 error: there is no pack at `${env:UNSET}`: no such file
            3:30 E1008 error: the secret file `blank` is empty
            3:30 E1009 error: the secret file `open` is refused: every user of this machine can read it (run `chmod o-r open`, or accept it with --allow-insecure-perms)
            3:30 E1008 error: the secret file `gone` is refused: entity not found
            3:30 E1006 error: `${file:good} ${file:blank} ${file:open} ${file:gone}` cannot be the name of a topic (a topic has letters, digits, `.`, `_` and `-`, at most 249 of them)
            4:37 E1008 error: the environment variable `EMPTY` is empty
            4:37 E1018 error: `${env:EMPTY}` is a file of no kind that is written (the ending must be one of ndjson, jsonl, parquet)
            5:17 E1003 error: listen: `${env:PASSWORD}` is not an address and port, such as 127.0.0.1:9900
            6:15 E1008 error: only `${env:NAME}` and `${file:PATH}` are filled in
            6:15 E1008 error: the name of a variable has letters, digits and `_` only
            6:15 E1008 error: `${` is not closed by `}`
        "#]],
    );
}

#[test]
fn an_inline_secret_is_refused_or_warned_of_and_shown_nowhere() {
    let with = |more: &str| {
        format!(
            "name: a\npack: p.yaml\n{more}source:\n  kafka:\n    brokers: 127.0.0.1:9092\n    topic: t\n    \
             properties: {{ sasl.password: hunter2, sasl.username: me }}\nsinks: {{ decisions: stdout }}\n\
             delivery: at_least_once\n"
        )
    };
    find(
        &with(""),
        expect![[r#"
            7:34 E1010 error: `sasl.password` is a secret written into the configuration (write `${env:SASL_PASSWORD}` or `${file:PATH}`)
        "#]],
    );
    find(
        &with("allow_inline_secrets: true\n"),
        expect![[r#"
            8:34 E1010 warning: `sasl.password` is a secret written into the configuration (write `${env:SASL_PASSWORD}` or `${file:PATH}`)
        "#]],
    );
    let allowed = checked(&with("allow_inline_secrets: true\n"), &Fake::default());
    let shown = format!("{:?} {:?}", allowed.config.unwrap(), allowed.text);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("sasl.password: *******,"), "{shown}");
}

#[test]
fn secrets_of_a_text_that_is_not_yaml_are_masked_too() {
    let text = "a: [\nsasl.password: hunter2\nssl.key.pem: |\n  hunter2\n  hunter2\nname: x\n";
    let checked = checked(text, &Fake::default());
    assert!(checked.config.is_none());
    let shown = checked.text.text;
    assert!(
        !shown.contains("hunter2") && shown.contains("name: x"),
        "{shown}"
    );
    assert_eq!(shown.len(), text.len());
}

#[test]
fn kafka_properties_and_brokers_are_checked() {
    let checked = checked(
        "name: a\npack: p.yaml\nsource:\n  kafka:\n    brokers: kafka.internal:9092\n    topic: t\n    \
         properties: { plugin.library.paths: evil.so, enable.auto.commit: true }\nsinks: { decisions: stdout }\ndelivery: at_least_once\n",
        &Fake::default(),
    );
    let told: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| (finding.position(&checked.text.text).0, finding.code.id()))
        .collect();
    assert_eq!(
        told,
        [(5, "E1012"), (7, "E1011"), (7, "E1011")],
        "{:?}",
        checked.findings
    );
}

#[test]
fn what_is_no_mapping_is_told() {
    for text in [
        "- a\n",
        "just text\n",
        "name: [\n",
        "",
        "name: a\nname: b\n",
    ] {
        let checked = checked(text, &Fake::default());
        assert!(checked.config.is_none(), "{text}");
        assert!(!checked.findings.is_empty(), "{text}");
    }
}

#[test]
fn rates_are_read() {
    for (text, rate) in [
        ("1000/s", Some(1000.0)),
        ("90 / m", Some(1.5)),
        ("3600/h", Some(1.0)),
        ("0/s", None),
        ("10000001/s", None),
        ("-1/s", None),
        ("1000", None),
        ("1/d", None),
    ] {
        assert_eq!(parse_rate(text), rate, "{text}");
    }
}

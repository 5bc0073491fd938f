//! What is documented is there, and what is there is documented.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use connectors::reject::RejectCode;
use expect_test::expect_file;
use pipeline::metrics::catalogue;
use tests::{place, process, sources};

/// The pages of a member, by code.
fn pages(member: &str) -> BTreeMap<String, String> {
    let files = sources::below(&format!("{member}/src/error_code"), ".md");
    let name = |path: &str| {
        path.rsplit('/')
            .next()
            .unwrap()
            .trim_end_matches(".md")
            .to_owned()
    };
    files
        .into_iter()
        .map(|file| (name(&file.path), file.text))
        .collect()
}

fn codes() -> [(&'static str, Vec<&'static str>); 3] {
    [
        (
            "rules",
            rules::diagnostic::Code::ALL
                .iter()
                .map(|code| code.id())
                .collect(),
        ),
        (
            "connectors",
            RejectCode::ALL.iter().map(|code| code.id()).collect(),
        ),
        (
            "pipeline",
            pipeline::error_code::Code::ALL
                .iter()
                .map(|code| code.id())
                .collect(),
        ),
    ]
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let mut seen = BTreeSet::new();
    for (member, codes) in codes() {
        assert!(codes.is_sorted(), "{member}: in the order of their numbers");
        assert!(
            codes.iter().all(|code| seen.insert(*code)),
            "{member}: a code comes twice"
        );
        let pages = pages(member);
        assert_eq!(
            pages.keys().map(String::as_str).collect::<Vec<_>>(),
            codes,
            "{member}: pages and codes"
        );
        for (code, page) in pages {
            assert!(
                page.starts_with(&format!("# {code}: ")),
                "{code}: its page begins with another title"
            );
            assert!(
                page.trim_end().lines().count() >= 5,
                "{code}: what it means, an example, what to do"
            );
        }
    }
    assert!(seen.len() > 40, "{seen:?}");
}

#[test]
fn explain_prints_the_page_of_every_code() {
    let scratch = process::scratch();
    for (member, codes) in codes() {
        let pages = pages(member);
        // One process per member is enough: which page belongs to a code is tested there.
        let code = codes.last().unwrap();
        let done =
            process::tollgate_ends(scratch.path(), &["explain", code], Duration::from_secs(30))
                .success();
        let title = pages[*code]
            .lines()
            .next()
            .unwrap()
            .trim_start_matches("# ");
        assert!(done.stdout.contains(title), "{code}: {}", done.stdout);
    }
    let unknown = process::tollgate_ends(
        scratch.path(),
        &["explain", "E9999"],
        Duration::from_secs(30),
    );
    assert_ne!(unknown.code, Some(0));
}

#[test]
fn the_list_of_metrics_is_the_catalogue() {
    let mut text = String::from(
        "# Metrics\n\nMade from the catalogue in `pipeline/src/metrics/catalogue.rs` by a test \
         (`UPDATE_EXPECT=1 cargo test --workspace --test docs`).\n\n| name | kind | unit | series labels | says |\n|---|---|---|---|---|\n",
    );
    for entry in catalogue::ALL {
        let labels = entry.labels.join(", ");
        text += &format!(
            "| `{}` | {} | {} | {labels} | {} |\n",
            entry.name,
            entry.kind.name(),
            entry.unit,
            entry.help
        );
    }
    expect_file![place::root().join("dashboards/metrics.md")].assert_eq(&text);
}

#[test]
fn metrics_are_named_by_the_rules_of_the_house() {
    let mut names = BTreeSet::new();
    for entry in catalogue::ALL {
        assert!(names.insert(entry.name), "{} comes twice", entry.name);
        let plain = entry
            .name
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        assert!(
            plain && entry.name.starts_with("tollgate_"),
            "{}",
            entry.name
        );
        let counter = entry.kind == catalogue::Kind::Counter;
        assert_eq!(
            counter,
            entry.name.ends_with("_total"),
            "{}: `_total` says counter",
            entry.name
        );
        assert!(
            entry.help.ends_with('.'),
            "{}: a help text is a sentence",
            entry.name
        );
        let event_like = [
            "card", "merchant", "device", "terminal", "customer", "event_id", "key",
        ];
        assert!(
            entry.labels.iter().all(|label| !event_like.contains(label)),
            "{}: no label from events",
            entry.name
        );
    }
}

#[test]
fn the_readme_names_every_command() {
    let scratch = process::scratch();
    let help = process::tollgate_ends(scratch.path(), &["--help"], Duration::from_secs(30))
        .success()
        .stdout;
    let commands = help.split_once("Commands:").expect("a list of commands").1;
    let commands: Vec<&str> = commands
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(command)
        .collect();
    assert!(
        commands.contains(&"run") && commands.contains(&"demo"),
        "{commands:?}"
    );
    let readme = sources::text("README.md");
    let missing: Vec<_> = commands
        .iter()
        .filter(|name| !readme.contains(&format!("tollgate {name}")))
        .collect();
    assert!(
        missing.is_empty(),
        "README.md says nothing about {missing:?}"
    );
}

/// The command a line of the help text begins with; lines that go on with the one before begin further right.
fn command(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  ")?;
    (!rest.starts_with(' '))
        .then(|| rest.split_whitespace().next())
        .flatten()
}

fn documents() -> Vec<sources::Source> {
    let names = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "dashboards/runbook.md",
    ];
    names
        .iter()
        .map(|path| sources::Source {
            path: (*path).to_owned(),
            text: sources::text(path),
        })
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let folder = Path::new(&document.path).parent().unwrap();
        for target in links(&document.text) {
            let path = target.split('#').next().unwrap();
            let exists = path.is_empty() || place::root().join(folder).join(path).exists();
            assert!(exists, "{}: nothing at {target}", document.path);
        }
    }
}

/// Targets of Markdown links that are no addresses on the web.
fn links(text: &str) -> Vec<&str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

#[test]
fn every_file_a_document_names_is_there() {
    for document in documents() {
        for path in paths(&document.text) {
            assert!(
                place::root().join(path).exists(),
                "{}: there is no {path}",
                document.path
            );
        }
    }
}

/// What stands in backticks and looks like a path of this repository.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let member = |path: &str| {
        [
            "rules/",
            "connectors/",
            "pipeline/",
            "benches/",
            "tests/",
            "dashboards/",
            ".ci/",
        ]
        .iter()
        .any(|part| path.starts_with(part))
    };
    quoted
        .filter(|path| member(path) && !path.contains(['*', '<', ' ', '{', '…']))
        .collect()
}

#[test]
fn links_paths_and_commands_are_found() {
    assert_eq!(links("[a](b.md#c) and [d](https://e.org)"), ["b.md#c"]);
    assert_eq!(
        paths("see `rules/src/lib.rs`, `tollgate run` and `rules/src/<name>.rs`"),
        ["rules/src/lib.rs"]
    );
    assert_eq!(command("  run         Run a pipeline"), Some("run"));
    assert_eq!(command("              and more"), None);
}

/// Rows of the list of bad inputs that this stage has to answer, each by a test of its name.
fn rows() -> Vec<String> {
    let named = |letter: &str, numbers: &[u32]| {
        numbers
            .iter()
            .map(|number| format!("{letter}{number}"))
            .collect::<Vec<_>>()
    };
    let config: Vec<u32> = (1..=8).chain([12]).collect();
    let rules: Vec<u32> = (1..=10).chain([13, 14]).collect();
    let events: Vec<u32> = (1..=16).chain([18]).collect();
    [named("c", &config), named("r", &rules), named("e", &events)].concat()
}

#[test]
fn every_kind_of_bad_input_has_a_test_by_its_name() {
    let code: String = sources::rust()
        .iter()
        .map(|source| sources::code(&source.text))
        .collect();
    let missing: Vec<String> = rows()
        .into_iter()
        .filter(|row| !code.contains(&format!("fn {row}_")))
        .collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

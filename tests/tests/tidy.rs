//! Laws about the sources as text: sizes, heads of files, what may stand nowhere, what lies at the top.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fs;

use tests::place;
use tests::sources::{self, Source};

/// A file above this many lines wants to be two.
const LINES_MAX: usize = 400;

/// What may lie at the top of the repository; `target` and `state` are ignored by version control.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "connectors",
    "dashboards",
    "pipeline",
    "rules",
    "state",
    "target",
    "tests",
];

/// A law about one file: what is wrong with it, if anything.
type Law = fn(&Source) -> Vec<String>;

#[track_caller]
fn all_keep(law: Law) {
    let files = sources::rust();
    assert!(files.len() > 20, "the sources are not found");
    let broken: Vec<String> = files.iter().flat_map(law).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[track_caller]
fn found(law: Law, path: &str, text: &str) {
    assert!(
        !law(&Source {
            path: path.into(),
            text: text.into()
        })
        .is_empty(),
        "not found: {text}"
    );
}

#[track_caller]
fn fine(law: Law, path: &str, text: &str) {
    let broken = law(&Source {
        path: path.into(),
        text: text.into(),
    });
    assert!(broken.is_empty(), "{broken:?}");
}

fn size(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let max = if source.path.ends_with("pipeline/src/main.rs") {
        40
    } else {
        LINES_MAX
    };
    (lines > max)
        .then(|| format!("{}: {lines} lines, {max} are the most", source.path))
        .into_iter()
        .collect()
}

#[test]
fn files_are_short() {
    all_keep(size);
    found(size, "a.rs", &"\n".repeat(LINES_MAX + 1));
    found(size, "pipeline/src/main.rs", &"\n".repeat(41));
    fine(size, "a.rs", &"\n".repeat(LINES_MAX));
}

fn head(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or_default();
    let said = first.strip_prefix("//! ").unwrap_or_default();
    // Ten characters: a sentence, or a name and what it does.
    let says = said.trim().chars().count() >= 10;
    (!says)
        .then(|| {
            format!(
                "{}: begins without a `//!` that says what it holds",
                source.path
            )
        })
        .into_iter()
        .collect()
}

#[test]
fn every_file_says_what_it_holds() {
    all_keep(head);
    found(head, "a.rs", "use std::fmt;\n");
    found(head, "a.rs", "//!\n//! Late.\n");
    found(head, "a.rs", "");
    fine(head, "a.rs", "//! What it holds.\n");
}

/// Words of an unfinished thing. One may stand where it names the issue that tracks it.
fn unfinished(source: &Source) -> Vec<String> {
    let words = [
        concat!("SKEL", "ETON"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| {
            let tracked = format!("{}(#", words[1]);
            words.iter().any(|word| has_word(line, word)) && !line.contains(&tracked)
        })
        .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(letter)
            && !line[at + word.len()..].chars().next().is_some_and(letter)
    })
}

#[test]
fn nothing_is_left_for_later_without_a_place() {
    all_keep(unfinished);
    found(unfinished, "a.rs", concat!("//! SKEL", "ETON: more"));
    found(unfinished, "a.rs", concat!("// TO", "DO: later"));
    fine(unfinished, "a.rs", concat!("// TO", "DO(#12): later"));
    fine(unfinished, "a.rs", concat!("let TO", "DOS = 1;"));
}

fn allows(source: &Source) -> Vec<String> {
    let code = sources::code(&source.text);
    let (open, inner, expect) = (
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("#[ex", "pect("),
    );
    let starts = [open, inner, expect]
        .into_iter()
        .flat_map(|start| code.match_indices(start));
    starts
        .filter(|(at, _)| {
            !code[*at..]
                .split(']')
                .next()
                .unwrap_or_default()
                .contains("reason")
        })
        .map(|(at, _)| format!("{}:{}: no reason", source.path, code[..at].lines().count()))
        .collect()
}

#[test]
fn every_allowed_lint_has_a_reason() {
    all_keep(allows);
    found(
        allows,
        "a.rs",
        concat!("#[al", "low(dead_code)]\nfn f() {}"),
    );
    fine(
        allows,
        "a.rs",
        concat!(
            "#[al",
            "low(\n  dead_code,\n  reason = \"r\"\n)]\nfn f() {}"
        ),
    );
}

fn shortcuts(source: &Source) -> Vec<String> {
    let banned = [
        concat!("#[ig", "nore"),
        concat!("thread::sl", "eep"),
        concat!("time::sl", "eep("),
        concat!("unimpl", "emented!("),
    ];
    let code = sources::test_code(source);
    let lines = code.lines().enumerate();
    lines
        .filter(|(_, line)| banned.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
        .collect()
}

#[test]
fn no_test_is_skipped_and_none_sleeps() {
    all_keep(shortcuts);
    found(shortcuts, "rules/tests/a.rs", concat!("#[ig", "nore]"));
    found(
        shortcuts,
        "tests/src/a.rs",
        concat!("std::thread::sl", "eep(x);"),
    );
    let below = concat!(
        "fn f() {}\n#[cfg(test)]\nmod tests {\n",
        "thread::sl",
        "eep(x); }"
    );
    found(shortcuts, "rules/src/a.rs", below);
    fine(
        shortcuts,
        "tests/src/a.rs",
        concat!("// no thread::sl", "eep here"),
    );
    fine(
        shortcuts,
        "pipeline/src/a.rs",
        concat!("thread::sl", "eep(retry_pause);"),
    );
}

#[test]
fn unsafe_code_has_one_home_at_most() {
    let word = concat!("un", "safe");
    let homes: Vec<String> = sources::rust()
        .into_iter()
        .filter(|source| {
            sources::code(&source.text)
                .lines()
                .any(|line| has_word(line, word))
        })
        .map(|source| source.path)
        .collect();
    let elsewhere: Vec<_> = homes
        .iter()
        .filter(|path| !path.starts_with("connectors/src/kafka/"))
        .collect();
    assert!(
        elsewhere.is_empty() && homes.len() <= 1,
        "the client library's C interface is the one exception: {homes:?}"
    );
}

#[test]
fn the_top_level_is_fixed() {
    let entries = fs::read_dir(place::root()).unwrap();
    let names: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "where does this belong? {unknown:?}");
    for wanted in [
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "ARCHITECTURE.md",
        "rules",
        "connectors",
        "pipeline",
        "tests",
    ] {
        assert!(names.contains(wanted), "{wanted} is missing");
    }
}

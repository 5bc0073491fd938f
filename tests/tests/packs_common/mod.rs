//! What the tests of packs share: a small pack to change, findings as lines of text, packs from the tree.
//!
//! The idea: a test is a pack and the lines an analyst would read about it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; each of them uses a part of this"
)]

use std::path::{Path, PathBuf};

use rules::compile::compile;
use rules::definition::{PackSource, SourceFile, list_files};
use rules::diagnostic::{Diagnostic, Position};
use rules::ruleset::RuleSet;

/// A pack that is right; tests spoil it.
pub(crate) const SMALL: &str = "\
pack: small
schema:
  id: id
  time: ts
  fields:
    id: text
    ts: timestamp
    card: text
    amount: decimal
    country: text?
lists:
  trusted: { key: card, entries: [c1, c2] }
features:
  cnt: { by: card, agg: count(), over: 10m }
  total: { by: card, agg: sum(amount), over: 10m }
rules:
  - id: R1
    params: { n: 5 }
    let:
      mean: total / cnt
    when: cnt >= :n AND mean > 10
    then: { action: review, score: 10 }
    explain: \"{cnt} of {mean}\"
";

/// The small pack with one text in the place of another, which must be there.
pub(crate) fn spoiled(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from} is not in the pack");
    SMALL.replace(from, to)
}

/// One line per finding: place, severity, code, message, label, help.
pub(crate) fn lines(text: &str, findings: &[Diagnostic]) -> String {
    findings
        .iter()
        .map(|found| {
            let at = Position::of(text, found.span.start);
            let written = text.get(found.span.clone()).unwrap_or("?");
            let short: String = written.chars().take(30).collect();
            let help = found
                .help
                .as_deref()
                .map(|help| format!("\n    help: {help}"));
            format!(
                "{}:{} {} {} [{}] {}{}\n",
                at.line,
                at.column,
                found.severity.name(),
                found.code.id(),
                short.escape_debug(),
                found.message,
                help.unwrap_or_default()
            )
        })
        .collect()
}

/// What is said about a text.
pub(crate) fn complaints(text: &str) -> String {
    match compile(&PackSource::alone("pack.yaml", text)) {
        Ok(rules) => lines(text, &rules.warnings),
        Err(findings) => lines(text, &findings),
    }
}

/// The ids of the codes found in a text, in its order.
pub(crate) fn codes(text: &str) -> Vec<&'static str> {
    let findings = match compile(&PackSource::alone("pack.yaml", text)) {
        Ok(rules) => rules.warnings,
        Err(findings) => findings,
    };
    findings.iter().map(|found| found.code.id()).collect()
}

/// Where the packs of the project are.
pub(crate) fn packs_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/packs")
}

/// A pack of the project and the lists it names.
pub(crate) fn source(pack: &str) -> PackSource {
    let dir = packs_dir().join(pack);
    let read = |name: &str| {
        let text =
            std::fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        SourceFile::new(name, text)
    };
    let text = read("pack.yaml");
    let lists = list_files(&text).iter().map(|name| read(name)).collect();
    PackSource { pack: text, lists }
}

/// A pack of the project, which must be right and raise no warning.
pub(crate) fn checked(pack: &str) -> RuleSet {
    let source = source(pack);
    match compile(&source) {
        Ok(rules) => {
            assert_eq!(lines(&source.pack.text, &rules.warnings), "", "{pack}");
            rules
        }
        Err(findings) => panic!("{pack}:\n{}", lines(&source.pack.text, &findings)),
    }
}

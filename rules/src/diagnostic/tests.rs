//! Tests of the list of codes and of positions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn every_code_is_listed_once_under_its_own_id() {
    let ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted, "in the order of the numbers, none twice");
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::find(code.id()), Some(code));
        assert_eq!(Code::find(code.name()), Some(code));
    }
    assert_eq!(Code::find("E9999"), None);
}

#[test]
fn every_page_belongs_to_a_code_and_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error_code");
    let pages: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| format!("{}.md", code.id()))
        .collect();
    assert_eq!(pages, expected);
    for code in Code::ALL {
        let page = code.page();
        assert!(page.starts_with(&format!("# {}: ", code.id())), "{page}");
        assert!(page.lines().count() <= 40, "{} is long", code.id());
        assert!(page.contains("```"), "{} has no example", code.id());
    }
}

#[test]
fn positions_count_lines_and_characters_from_one() {
    let text = "ab\ncäd\n";
    for (offset, line, column) in [
        (0, 1, 1),
        (2, 1, 3),
        (3, 2, 1),
        (6, 2, 3),
        (8, 3, 1),
        (99, 3, 1),
    ] {
        assert_eq!(
            Position::of(text, offset),
            Position { line, column },
            "{offset}"
        );
    }
}

//! Tests of reading a pack: places of texts in the file, limits of the tree, names of list files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::diagnostic::Code;

/// The first value of a mapping.
fn value(source: &str) -> Text {
    let mut findings = Findings::new("t.yaml", source);
    let root = tree::parse(&mut findings);
    let Some(tree::Tree::Mapping(entries)) = root.map(|root| root.value) else {
        panic!("no mapping: {:?}", findings.into_sorted());
    };
    entries[0].1.text().unwrap()
}

/// What stands in the file where a word of a text was written.
fn written<'s>(source: &'s str, word: &str) -> &'s str {
    let text = value(source);
    let start = text
        .text
        .find(word)
        .unwrap_or_else(|| panic!("{word} in {:?}", text.text));
    &source[text.place(source, &(start..start + word.len()))]
}

#[test]
fn a_word_is_found_where_it_was_written() {
    for source in [
        "when: alpha AND beta > 1\n",
        "when: alpha\n  AND   # not a word\n",
        "when: alpha\n      AND beta\n      > 1\n",
        "when: alpha OR\n\n\n      beta\n",
        "when: 'alpha ''x'' beta'\n",
        "when: 'alpha\n\n\n  beta'\n",
        "when: \"alpha \\\"x\\\" \\u00e9 beta\"\n",
        "when: \"alpha \\\n   beta\"\n",
        "when: \"alpha\n   beta\"\n",
        "when: |\n  alpha\n    x\n  beta\n",
        "when: |-\n\n  alpha\n\n  beta\n",
        "when: >\n  alpha\n  beta\n",
        "when: >-\n  alpha\n\n    beta\n",
        "x: &a alpha beta\n",
        "{ when: alpha beta, x: y }",
        "when: é alpha € beta\n",
        "when: alpha\r\n  beta\r\n",
    ] {
        if source.contains("beta") {
            assert_eq!(written(source, "beta"), "beta", "{source:?}");
        }
        assert_eq!(written(source, "alpha"), "alpha", "{source:?}");
    }
}

#[test]
fn a_place_always_lies_inside_the_text() {
    for source in [
        "when: \"a\\tb\\nc  d\\\n e\"\n",
        "when: >\n  a\n\n\n   b\n  c\n\n",
        "when: 'it''s ''fine'''\n",
        "when: |+\n  a\n\n\n",
    ] {
        let text = value(source);
        for start in 0..=text.text.len() {
            for end in start..=text.text.len() + 1 {
                let place = text.place(source, &(start..end));
                assert!(
                    place.start <= place.end
                        && place.start >= text.span.start
                        && place.end <= text.span.end
                        && source.get(place.clone()).is_some(),
                    "{source:?} {start}..{end} is at {place:?}, not inside {:?}",
                    text.span
                );
            }
        }
    }
}

fn complaint(source: &str) -> (Code, String) {
    let mut findings = Findings::new("t.yaml", source);
    let root = tree::parse(&mut findings);
    assert!(root.is_none(), "this was read: {source:.80}");
    let found = findings.into_sorted();
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0].code, found[0].message.clone())
}

#[test]
fn what_is_no_single_plain_document_is_refused() {
    for source in [
        "",
        "# nothing\n",
        "a: [1, 2\n",
        "a: \"b\n",
        "a: 1\n---\nb: 2\n",
        "a: !!python/object x\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: *nobody\n",
        "a: &a [*a]\n",
        "{ [a]: b }\n",
        "a:\n\t- b\n",
    ] {
        assert_eq!(complaint(source).0, Code::YamlSyntax, "{source:?}");
    }
}

#[test]
fn depth_nodes_and_aliases_are_bounded() {
    let brackets = format!("a: {}", "[".repeat(10_000));
    assert!(matches!(
        complaint(&brackets).0,
        Code::YamlSyntax | Code::TooLarge
    ));
    let blocks: String = (0..200)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(matches!(
        complaint(&blocks).0,
        Code::YamlSyntax | Code::TooLarge
    ));
    let dashes = "- ".repeat(10_000);
    assert!(matches!(
        complaint(&dashes).0,
        Code::YamlSyntax | Code::TooLarge
    ));

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(complaint(&bomb).0, Code::TooLarge);

    let long = "x".repeat(100_000);
    let repeated = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 1_000].join(", "));
    assert_eq!(complaint(&repeated).0, Code::TooLarge);

    let many = format!("a: [{}]\n", "x,".repeat(300_000));
    assert_eq!(complaint(&many).0, Code::TooLarge);
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let source = "a: &a { x: 1 }\nb: *a\n";
    let mut findings = Findings::new("t.yaml", source);
    let root = tree::parse(&mut findings).unwrap();
    let fields = Fields::of(&root, "this", 0..0, &["a", "b"], &mut findings).unwrap();
    let (name, node) = fields.get("b").unwrap();
    assert_eq!(reader::entries(node, name, &mut findings).len(), 1);
    assert_eq!(findings.into_sorted(), []);
}

#[test]
fn list_files_are_named_once_and_stay_inside_the_pack() {
    let pack = |from: &str| {
        let text = format!(
            "lists:\n  l: {{ key: k, from: {from:?} }}\n  m: {{ key: k, from: {from:?} }}\n"
        );
        list_files(&SourceFile::new("pack.yaml", text))
    };
    assert_eq!(pack("file:lists/a.txt"), ["lists/a.txt"]);
    for outside in [
        "file:/etc/passwd",
        "file:../a.txt",
        "file:lists/../../a.txt",
        "file:",
        "file:a\\b",
        "file:C:x",
        "file:a//b",
        "kafka:topic",
        "a.txt",
    ] {
        assert!(pack(outside).is_empty(), "{outside}");
    }
    assert!(list_files(&SourceFile::new("pack.yaml", "lists: [")).is_empty());
}

#[test]
fn bytes_become_a_text_or_a_finding() {
    let read = |bytes: &[u8]| SourceFile::from_bytes("p", bytes.to_vec(), 8).map_err(|d| d.code);
    assert_eq!(read(b"a: 1"), Ok(SourceFile::new("p", "a: 1")));
    assert_eq!(read(b"123456789"), Err(Code::TooLarge));
    assert_eq!(read(b"a: \xff"), Err(Code::YamlSyntax));
    assert_eq!(read(b"\xef\xbb\xbfa: 1"), Err(Code::YamlSyntax));
}

//! YAML as a tree in which every value knows its bytes in the file.
//!
//! The idea: `serde` stops at the first thing it does not like, and an analyst wants all of them. So the parser's events
//! become a plain tree, duplicate keys are noted on the way, and what a key means is decided by the readers beside this
//! file. The invariant: depth, nodes and expanded aliases are bounded before they are built, so an alias bomb or ten
//! thousand brackets cost no more than the text they stand in.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span, options};

use super::weight::{depth, weight};
use crate::diagnostic::findings::Findings;
use crate::diagnostic::{Code, Diagnostic};

/// Collections inside collections at most.
const DEPTH_MAX: usize = 64;

/// Values of one text at most, those repeated by aliases included.
const NODES_MAX: usize = 200_000;

/// Bytes of all scalars at most, those repeated by aliases included.
const SCALAR_BYTES_MAX: usize = 4 << 20;

/// One value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What it is.
    pub value: Tree,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order written, no key twice.
    Mapping(Vec<(Text, Node)>),
}

/// Text, and how it was written: only plain text can be a number, a truth or nothing.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text as YAML means it.
    pub text: String,
    pub(crate) style: ScalarStyle,
}

/// A scalar with its place: the form in which everything an author wrote is kept.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text as YAML means it.
    pub text: String,
    /// Bytes of the file it is written in, quotes included.
    pub span: Range<usize>,
    pub(crate) style: ScalarStyle,
}

impl Scalar {
    /// Whether it is nothing: empty, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.style == ScalarStyle::Plain
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// What one would call it in a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Tree::Scalar(scalar) if scalar.is_null() => "nothing",
            Tree::Scalar(_) => "a single value",
            Tree::Sequence(_) => "a list",
            Tree::Mapping(_) => "a mapping",
        }
    }

    /// The scalar here, unless it is nothing.
    pub(crate) fn text(&self) -> Option<Text> {
        match &self.value {
            Tree::Scalar(scalar) if !scalar.is_null() => Some(Text {
                text: scalar.text.clone(),
                span: self.span.clone(),
                style: scalar.style,
            }),
            _ => None,
        }
    }
}

/// Reads a text that is no pack, such as a configuration: its tree, if there is one, and what is wrong with its form.
#[must_use]
pub fn read(file: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut findings = Findings::new(file, text);
    let tree = parse(&mut findings);
    (tree, findings.into_sorted())
}

/// Reads a text that holds one YAML document; what is wrong with its form is noted.
pub(crate) fn parse(findings: &mut Findings<'_>) -> Option<Node> {
    let text = findings.text();
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, parser_options()) {
        let step = match event {
            Ok((event, span)) => builder.take(event, bytes(&span, text), findings),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                Err(Stop::new(Code::YamlSyntax, at..at, error.info()))
            }
        };
        if let Err(stop) = step {
            let span = char_at(text, stop.span);
            findings
                .error(stop.code, span, stop.message)
                .help(stop.help);
            return None;
        }
    }
    if builder.root.is_none() {
        findings.error(Code::YamlSyntax, 0..0, "there is nothing in this file");
    }
    builder.root
}

fn parser_options() -> Options {
    options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        disallow_directives: true,
    }
}

/// The bytes of an event, without line ends and comments behind a block.
fn bytes(span: &Span, text: &str) -> Range<usize> {
    let range = span.byte_range().unwrap_or(0..0);
    let end = range.end.min(text.len());
    let start = range.start.min(end);
    match text.get(start..end) {
        Some(raw) => start..start + raw.trim_end().len(),
        None => start..start,
    }
}

/// Widens an empty span to the character it stands before, so that a caret has something to point at.
fn char_at(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    start..span.end.max(start + width).min(text.len())
}

/// Why no tree can be had.
struct Stop {
    code: Code,
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Stop {
    fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Stop {
        Stop {
            code,
            span,
            message: message.into(),
            help: None,
        }
    }
}

/// A collection that is still open.
struct Open {
    start: usize,
    anchor: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<(Text, Node)>,
        /// The key whose value comes next; its inside says whether the pair is kept.
        key: Option<(Text, bool)>,
        seen: HashSet<String>,
    },
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    /// Anchored values by the parser's number, with the nodes and bytes a copy costs.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    scalar_bytes: usize,
}

impl Builder {
    fn take(
        &mut self,
        event: Event<'_>,
        span: Range<usize>,
        findings: &mut Findings<'_>,
    ) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Stop::new(
                Code::YamlSyntax,
                span,
                "a second document begins here; a file holds one",
            )),
            Event::Scalar(text, style, anchor, tag) => {
                untagged(tag.is_some(), &span)?;
                self.spend(1, text.len(), &span)?;
                let scalar = Scalar {
                    text: text.into_owned(),
                    style,
                };
                let value = Tree::Scalar(scalar);
                self.place(Node { span, value }, anchor, findings)
            }
            Event::SequenceStart(_, anchor, tag) => {
                untagged(tag.is_some(), &span)?;
                self.begin(span, anchor, Items::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                untagged(tag.is_some(), &span)?;
                let items = Items::Mapping {
                    entries: Vec::new(),
                    key: None,
                    seen: HashSet::new(),
                };
                self.begin(span, anchor, items)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&span, findings),
            Event::Alias(anchor) => self.alias(anchor, span, findings),
            _ => Ok(()),
        }
    }

    /// Counts values and text against the limits, before they are kept.
    fn spend(&mut self, nodes: usize, bytes: usize, span: &Range<usize>) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.scalar_bytes = self.scalar_bytes.saturating_add(bytes);
        if self.nodes > NODES_MAX || self.scalar_bytes > SCALAR_BYTES_MAX {
            let message = format!(
                "with aliases written out this is more than {NODES_MAX} values or {SCALAR_BYTES_MAX} bytes"
            );
            return Err(Stop::new(Code::TooLarge, span.clone(), message));
        }
        Ok(())
    }

    fn begin(&mut self, span: Range<usize>, anchor: usize, items: Items) -> Result<(), Stop> {
        self.spend(1, 0, &span)?;
        if self.open.len() >= DEPTH_MAX {
            let message = format!("nested more than {DEPTH_MAX} deep");
            return Err(Stop::new(Code::TooLarge, span, message));
        }
        let start = span.start;
        self.open.push(Open {
            start,
            anchor,
            items,
        });
        Ok(())
    }

    fn end(&mut self, span: &Range<usize>, findings: &mut Findings<'_>) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let raw = findings.text().get(open.start..span.end).unwrap_or("");
        let span = open.start..open.start + raw.trim_end().len();
        let value = match open.items {
            Items::Sequence(items) => Tree::Sequence(items),
            Items::Mapping { entries, .. } => Tree::Mapping(entries),
        };
        self.place(Node { span, value }, open.anchor, findings)
    }

    fn alias(
        &mut self,
        anchor: usize,
        span: Range<usize>,
        findings: &mut Findings<'_>,
    ) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Stop::new(
                Code::YamlSyntax,
                span,
                "this alias stands inside what it names",
            ));
        };
        let (nodes, bytes) = weight(node);
        let depth = depth(node);
        self.spend(nodes, bytes, &span)?;
        if self.open.len() + depth > DEPTH_MAX {
            let message =
                format!("with aliases written out this is nested more than {DEPTH_MAX} deep");
            return Err(Stop::new(Code::TooLarge, span, message));
        }
        let copy = self.anchors.get(&anchor).cloned();
        match copy {
            Some(node) => self.place(node, 0, findings),
            None => Ok(()),
        }
    }

    /// Puts a finished value where it belongs: as an item, a key, a key's value, or the whole.
    fn place(
        &mut self,
        node: Node,
        anchor: usize,
        findings: &mut Findings<'_>,
    ) -> Result<(), Stop> {
        if anchor != 0 {
            let (nodes, bytes) = weight(&node);
            self.spend(nodes, bytes, &node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::Sequence(items)) => items.push(node),
            Some(Items::Mapping { entries, key, seen }) => match key.take() {
                Some((name, true)) => entries.push((name, node)),
                Some((_, false)) => {}
                None => *key = Some(as_key(node, seen, findings)?),
            },
        }
        Ok(())
    }
}

/// A key must be text; the second of two equal ones is noted, and its value read past.
fn as_key(
    node: Node,
    seen: &mut HashSet<String>,
    findings: &mut Findings<'_>,
) -> Result<(Text, bool), Stop> {
    let Tree::Scalar(scalar) = node.value else {
        return Err(Stop {
            help: Some("put quotes around a text that begins with a bracket or a brace".to_owned()),
            ..Stop::new(Code::YamlSyntax, node.span, "a key must be a text")
        });
    };
    let fresh = seen.insert(scalar.text.clone());
    if !fresh {
        let message = format!("`{}` is given twice here", scalar.text);
        findings
            .error(Code::DuplicateName, node.span.clone(), message)
            .label("the second one");
    }
    let text = Text {
        text: scalar.text,
        span: node.span,
        style: scalar.style,
    };
    Ok((text, fresh))
}

fn untagged(tagged: bool, span: &Range<usize>) -> Result<(), Stop> {
    if tagged {
        return Err(Stop::new(
            Code::YamlSyntax,
            span.clone(),
            "tags such as `!name` mean nothing here",
        ));
    }
    Ok(())
}

//! Where in a document the wanted values stand, and in which order members came last time.
//!
//! The idea: names and pointers are one tree; each object of it remembers the members of the record before. Producers
//! write one shape, so a member is nearly always the next one remembered and costs one comparison, and no name can
//! come twice while the positions ascend. The invariant: the names of a shape are distinct.

use super::scan::{Raw, Scanner};
use crate::format::WantedColumn;
use crate::format::row::Problem;
use crate::format::text;
use crate::reject::RejectCode;

/// Members remembered per object.
const SHAPE_MAX: usize = 512;

/// A place in the document that is wanted or leads to one.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Columns that want the value here.
    pub(super) columns: Vec<usize>,
    /// Members or array elements that lead on, by name or index.
    children: Vec<Child>,
    /// Members of the object that was here last, in their order.
    pub(super) shape: Vec<Member>,
}

/// A name or index that leads on.
#[derive(Debug)]
struct Child {
    name: String,
    node: usize,
    leads: Leads,
}

/// A member as it came last time.
#[derive(Debug)]
pub(super) struct Member {
    /// The name as written, quotes included.
    raw: Box<[u8]>,
    /// The name meant.
    name: Box<str>,
    /// The first bytes of `raw` as a word, and which bits of one count.
    head: u128,
    mask: u128,
    /// The node it leads to.
    pub(super) child: Option<usize>,
    /// What the usual record has to do with its value.
    pub(super) leads: Leads,
}

/// Where a member leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// Nobody wants it.
    Nowhere,
    /// One column wants its value, and nothing in it.
    Column(usize),
    /// Only something in it is wanted: a node.
    Inside(usize),
    /// Several want it: a node.
    Several(usize),
}

/// The tree of the wanted columns; its root is node 0.
pub(super) fn tree<'a>(wanted: impl Iterator<Item = &'a WantedColumn>) -> Vec<Node> {
    let mut nodes = vec![Node::default()];
    for (column, wanted) in wanted.enumerate() {
        let mut at = 0;
        for part in path(&wanted.from) {
            at = match nodes[at].child(&part) {
                Some(child) => child,
                None => {
                    let child = nodes.len();
                    let leads = Leads::Several(child);
                    nodes[at].children.push(Child {
                        name: part,
                        node: child,
                        leads,
                    });
                    nodes.push(Node::default());
                    child
                }
            };
        }
        nodes[at].columns.push(column);
    }
    let leads: Vec<Leads> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| match *node.columns {
            [column] if node.children.is_empty() => Leads::Column(column),
            [] => Leads::Inside(index),
            _ => Leads::Several(index),
        })
        .collect();
    for child in nodes.iter_mut().flat_map(|node| &mut node.children) {
        child.leads = leads[child.node];
    }
    nodes
}

/// The names on the way to a value: RFC 6901 when it begins with a slash, else one member.
fn path(from: &str) -> Vec<String> {
    match from.strip_prefix('/') {
        None => vec![from.to_owned()],
        Some(rest) => rest
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect(),
    }
}

impl Node {
    /// The child of a member name.
    fn child(&self, name: &str) -> Option<usize> {
        self.named(name).map(|child| child.node)
    }

    fn named(&self, name: &str) -> Option<&Child> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The child of an array element.
    pub(super) fn element(&self, index: usize) -> Option<usize> {
        let is_index = |name: &str| {
            name.parse() == Ok(index) && (name == "0" || !name.starts_with(['0', '+']))
        };
        self.children
            .iter()
            .find(|child| is_index(&child.name))
            .map(|child| child.node)
    }

    /// The position, at or after `from`, of the member whose name stands here; the scanner then stands behind it.
    pub(super) fn recall(&self, scanner: &mut Scanner<'_>, from: usize) -> Option<usize> {
        let rest = self.shape.get(from..)?;
        let bytes = scanner.rest();
        let skipped = rest.iter().position(|member| member.stands(bytes))?;
        scanner.step_by(rest[skipped].length());
        Some(from + skipped)
    }

    /// Reads the names of a whole object, from its first member on, and remembers them first, in their order, before
    /// those known from earlier that it has not.
    pub(super) fn learn(&mut self, mut scanner: Scanner<'_>, open: u32) -> Result<(), Problem> {
        let mut members: Vec<Member> = Vec::new();
        let mut name = String::new();
        loop {
            let raw = scanner.member_name()?;
            raw.unescape(&mut name);
            members.push(Member::new(quoted(raw), &name, self.named(&name)));
            scanner.skip(open)?;
            if scanner.peek() != b',' {
                break;
            }
            scanner.step();
        }
        // What follows the last member is the caller's to check.
        let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let detail = format!("the member \"{}\" comes twice", text::masked(twice[0]));
            return Err(Problem {
                code: RejectCode::DuplicateMember,
                detail,
            });
        }
        if members.len() < SHAPE_MAX {
            let known = std::mem::take(&mut self.shape);
            let is_new = |member: &Member| names.binary_search(&&*member.name).is_err();
            let others: Vec<Member> = known
                .into_iter()
                .filter(is_new)
                .take(SHAPE_MAX - members.len())
                .collect();
            members.extend(others);
        }
        self.shape = members;
        Ok(())
    }

    /// Forgets the end of a shape that is longer than any honest one.
    pub(super) fn trim(&mut self) {
        self.shape.truncate(SHAPE_MAX);
    }
}

impl Member {
    fn new(raw: Box<[u8]>, name: &str, child: Option<&Child>) -> Member {
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        for (at, byte) in raw.iter().take(16).enumerate() {
            (head[at], mask[at]) = (*byte, u8::MAX);
        }
        Member {
            raw,
            name: name.into(),
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            child: child.map(|child| child.node),
            leads: child.map_or(Leads::Nowhere, |child| child.leads),
        }
    }

    /// Whether its name stands at the head of these bytes.
    #[inline]
    pub(super) fn stands(&self, bytes: &[u8]) -> bool {
        // Most names end within sixteen bytes, and most records do not.
        match bytes.first_chunk() {
            Some(first) if self.raw.len() <= 16 => {
                u128::from_le_bytes(*first) & self.mask == self.head
            }
            _ => bytes.starts_with(&self.raw),
        }
    }

    /// Bytes of the name as written.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.raw.len()
    }
}

fn quoted(raw: Raw<'_>) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(raw.text.len() + 2);
    bytes.push(b'"');
    bytes.extend_from_slice(raw.text.as_bytes());
    bytes.push(b'"');
    bytes.into_boxed_slice()
}

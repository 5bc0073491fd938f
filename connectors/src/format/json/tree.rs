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
    pub(super) children: Vec<(String, usize)>,
    /// Members of the object that was here last, in their order.
    pub(super) shape: Vec<Member>,
}

/// A member as it came last time.
#[derive(Debug)]
pub(super) struct Member {
    /// The name as written, quotes included.
    raw: Box<[u8]>,
    /// The name meant.
    name: Box<str>,
    /// Where it leads.
    pub(super) child: Option<usize>,
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
                    nodes[at].children.push((part, child));
                    nodes.push(Node::default());
                    child
                }
            };
        }
        nodes[at].columns.push(column);
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
    pub(super) fn child(&self, name: &str) -> Option<usize> {
        self.children
            .iter()
            .find(|(child, _)| child == name)
            .map(|(_, index)| *index)
    }

    /// The child of an array element.
    pub(super) fn element(&self, index: usize) -> Option<usize> {
        let is_index = |name: &str| {
            name.parse() == Ok(index) && (name == "0" || !name.starts_with(['0', '+']))
        };
        self.children
            .iter()
            .find(|(name, _)| is_index(name))
            .map(|(_, child)| *child)
    }

    /// The position, at or after `from`, of the member whose name stands here; the scanner then stands behind it.
    pub(super) fn recall(&self, scanner: &mut Scanner<'_>, from: usize) -> Option<usize> {
        let rest = self.shape.get(from..)?;
        rest.iter()
            .position(|member| scanner.step_over(&member.raw))
            .map(|skipped| from + skipped)
    }

    /// Reads the names of a whole object, from its first member on, and remembers them first, in their order, before
    /// those known from earlier that it has not.
    pub(super) fn learn(&mut self, mut scanner: Scanner<'_>, open: u32) -> Result<(), Problem> {
        let mut members: Vec<Member> = Vec::new();
        let mut name = String::new();
        loop {
            let raw = scanner.member_name()?;
            raw.unescape(&mut name);
            members.push(Member {
                raw: quoted(raw),
                child: self.child(&name),
                name: name.as_str().into(),
            });
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

fn quoted(raw: Raw<'_>) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(raw.text.len() + 2);
    bytes.push(b'"');
    bytes.extend_from_slice(raw.text.as_bytes());
    bytes.push(b'"');
    bytes.into_boxed_slice()
}

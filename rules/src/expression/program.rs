//! The flat program an expression becomes, and the builder that makes it.
//!
//! The idea: nodes in an order where operands come first; two nodes that compute the same are one node, and what
//! depends on constants alone is computed while building. The invariants: node `i` reads only nodes before `i`; the
//! last node is the result; nodes nobody reads are gone; so the canonical text depends on the meaning alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef, BooleanArray, Decimal128Array};
use arrow::buffer::NullBuffer;

use super::column::{Data, Faults, Operand};
use super::kernel::{self, Context, Kernel, MemberValues};
use super::{Cause, Evaluated, Inputs, decimal};
use crate::ruleset::Column;
use crate::value::{DECIMAL_DIGITS, Type};

/// One step and what it reads.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kernel: Kernel,
    pub(super) args: Vec<usize>,
    pub(super) ty: Type,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) nodes: Vec<Node>,
    ty: Type,
    reads: Vec<usize>,
    canonical: String,
}

/// Makes a program node by node.
pub(super) struct Builder<'a> {
    columns: &'a [Column],
    lists: &'a [String],
    nodes: Vec<Node>,
    known: BTreeMap<String, usize>,
}

// === impl Builder ===

impl<'a> Builder<'a> {
    pub(super) fn new(columns: &'a [Column], lists: &'a [String]) -> Builder<'a> {
        Builder {
            columns,
            lists,
            nodes: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// Adds a node, or finds the one that is already there; computes it now if it depends on constants alone.
    pub(super) fn push(&mut self, kernel: Kernel, args: Vec<usize>, ty: Type) -> usize {
        if let Some(same) = self.simplified(&kernel, &args) {
            return same;
        }
        let kernel_folded = self.fold(&kernel, &args, ty);
        let (kernel, args) = match kernel_folded {
            Some(data) => (Kernel::Constant(data), Vec::new()),
            None => (kernel, args),
        };
        let node = Node { kernel, args, ty };
        let text = self.text(&node, &node.args);
        if let Some(at) = self.known.get(&text) {
            return *at;
        }
        let at = self.nodes.len();
        self.known.insert(text, at);
        self.nodes.push(node);
        at
    }

    pub(super) fn ty(&self, node: usize) -> Type {
        self.nodes[node].ty
    }

    /// The value of a node that is constant.
    pub(super) fn constant(&self, node: usize) -> Option<&Data> {
        match &self.nodes[node].kernel {
            Kernel::Constant(data) => Some(data),
            _ => None,
        }
    }

    /// `x AND true` is `x`, `x AND false` is false; OR likewise.
    fn simplified(&self, kernel: &Kernel, args: &[usize]) -> Option<usize> {
        let neutral = match kernel {
            Kernel::And => true,
            Kernel::Or => false,
            _ => return None,
        };
        let [x, y] = args else { return None };
        if x == y {
            return Some(*x);
        }
        for (constant, other) in [(x, y), (y, x)] {
            if let Some(truth) = self.constant(*constant).and_then(truth_of) {
                return Some(if truth == neutral { *other } else { *constant });
            }
        }
        None
    }

    fn fold(&self, kernel: &Kernel, args: &[usize], ty: Type) -> Option<Data> {
        if matches!(
            kernel,
            Kernel::Column(_) | Kernel::Constant(_) | Kernel::InList(_)
        ) {
            return None;
        }
        let operands: Vec<Operand> = args
            .iter()
            .map(|arg| {
                self.constant(*arg).map(|data| Operand {
                    data: data.clone(),
                    scalar: true,
                    faults: Faults::default(),
                })
            })
            .collect::<Option<_>>()?;
        let context = Context {
            columns: &[],
            rows: 1,
            lists: &Vec::new(),
        };
        let result = kernel::run(kernel, ty, &operands.iter().collect::<Vec<_>>(), context);
        // What fails stays, so that it fails, and is counted, on every row.
        result.faults.is_empty().then_some(result.data)
    }

    /// Drops what nobody reads, and numbers the rest by first use from the result.
    pub(super) fn finish(self, root: usize) -> Program {
        let column = |at: usize| {
            self.columns
                .get(at)
                .map_or(String::new(), |c| c.name.clone())
        };
        let list = |at: usize| self.lists.get(at).cloned().unwrap_or_default();
        Program::of(&self.nodes, root, &column, &list)
    }

    /// A node's meaning as text, given the numbers of its operands.
    fn text(&self, node: &Node, args: &[usize]) -> String {
        let column = |at: usize| {
            self.columns
                .get(at)
                .map_or(String::new(), |c| c.name.clone())
        };
        let list = |at: usize| self.lists.get(at).cloned().unwrap_or_default();
        node_text(node, args, &column, &list)
    }
}

/// What a column or a list is called, by its index.
pub(crate) type NameOf<'a> = dyn Fn(usize) -> String + 'a;

/// A node's meaning as text, given the numbers of its operands.
fn node_text(node: &Node, args: &[usize], column: &NameOf<'_>, list: &NameOf<'_>) -> String {
    let mut text = match &node.kernel {
        Kernel::Column(at) => format!("column {:?}", column(*at)),
        Kernel::InList(at) => format!("in_list {:?}", list(*at)),
        Kernel::Constant(data) => constant_text(data),
        Kernel::OneOf(members) => {
            let null = if members.null { " null" } else { "" };
            match &members.values {
                MemberValues::Int(ints) => format!("in {ints:?}{null}"),
                MemberValues::Decimal(decimals) => format!("in {decimals:?}{null}"),
                MemberValues::Text(texts) => {
                    let mut texts: Vec<&String> = texts.iter().collect();
                    texts.sort();
                    format!("in {texts:?}{null}")
                }
            }
        }
        Kernel::Matches(pattern) => pattern.source.clone(),
        other => format!("{other:?}"),
    };
    if !args.is_empty() {
        let _ = write!(text, " {args:?}");
    }
    let _ = write!(text, ":{}", node.ty.name());
    text
}

fn truth_of(data: &Data) -> Option<bool> {
    match data {
        Data::Bool(array) if array.is_valid(0) => Some(array.value(0)),
        _ => None,
    }
}

fn constant_text(data: &Data) -> String {
    if data.as_array().is_null(0) {
        return "null".to_owned();
    }
    match data {
        Data::Int(array) => array.value(0).to_string(),
        Data::Decimal(array, scale) => decimal::write(array.value(0), *scale),
        // `{:?}` of a float is the shortest text that reads back as it, and tells -0.0 from 0.0.
        Data::Float(array) => format!("{:?}", array.value(0)),
        Data::Text(array) => format!("{:?}", array.value(0)),
        Data::Bool(array) => array.value(0).to_string(),
        Data::Timestamp(array) => format!("@{}", array.value(0)),
    }
}

// === impl Program ===

impl Program {
    /// The program of one node among others: what it needs, numbered by first use from the result.
    pub(super) fn of(all: &[Node], root: usize, column: &NameOf<'_>, list: &NameOf<'_>) -> Program {
        let mut order = Vec::new();
        let mut place: BTreeMap<usize, usize> = BTreeMap::new();
        // Depth first without recursion: a node is placed when it is met the second time, its operands being placed.
        let mut stack = vec![(root, false)];
        while let Some((node, operands_done)) = stack.pop() {
            if place.contains_key(&node) {
                continue;
            }
            if operands_done {
                place.insert(node, order.len());
                order.push(node);
                continue;
            }
            stack.push((node, true));
            stack.extend(all[node].args.iter().rev().map(|arg| (*arg, false)));
        }
        let mut canonical = String::new();
        let mut nodes = Vec::with_capacity(order.len());
        let mut reads = Vec::new();
        for old in &order {
            let node = &all[*old];
            let args = node.args.iter();
            let args: Vec<usize> = args.filter_map(|arg| place.get(arg).copied()).collect();
            if !canonical.is_empty() {
                canonical.push(';');
            }
            canonical.push_str(&node_text(node, &args, column, list));
            if let Kernel::Column(column) = node.kernel {
                reads.push(column);
            }
            nodes.push(Node {
                args,
                ..node.clone()
            });
        }
        reads.sort_unstable();
        reads.dedup();
        Program {
            ty: all[root].ty,
            nodes,
            reads,
            canonical,
        }
    }

    /// The type of its value.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The columns it reads, ascending, none twice.
    #[must_use]
    pub fn reads(&self) -> &[usize] {
        &self.reads
    }

    /// A text that two programs share only if they mean the same; used to share work and to fingerprint. Columns and
    /// lists stand in it by name, so it holds across packs, and only as far as their names mean the same.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// How many steps it takes over each column of a batch.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What it is estimated to take of one event, in nanoseconds. All there is to spend: every step runs once per row,
    /// none runs again or leaps back, so evaluation ends without anything that counts along.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let nodes = self.nodes.iter();
        nodes
            .map(|node| kernel::nanoseconds(&node.kernel, node.ty, node.args.len()))
            .fold(0, u64::saturating_add)
    }

    /// For a condition that is the same for every event: whether it always holds, or never. Null never holds.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        match self.nodes.as_slice() {
            [
                Node {
                    kernel: Kernel::Constant(data @ Data::Bool(_)),
                    ..
                },
            ] => Some(truth_of(data).unwrap_or(false)),
            _ => None,
        }
    }

    /// Computes the value of every row. Never fails: a row that cannot be computed is null, and among the faults.
    #[must_use]
    pub fn evaluate(&self, inputs: &Inputs<'_>) -> Evaluated {
        let rows = inputs.rows;
        let context = Context {
            columns: inputs.columns,
            rows,
            lists: inputs.lists,
        };
        let mut done: Vec<Operand> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let args: Vec<&Operand> = node.args.iter().filter_map(|arg| done.get(*arg)).collect();
            let result = kernel::run(&node.kernel, node.ty, &args, context);
            done.push(result);
        }
        let Some(root) = done.pop() else {
            return Evaluated {
                values: Data::nothing(self.ty, rows).into_array(),
                faults: Vec::new(),
            };
        };
        let mut faults = Faults::default();
        faults.add(&root.faults, rows);
        let data = if root.scalar {
            spread(root, self.ty, rows, context)
        } else {
            root.data
        };
        let values = narrow(data, rows, &mut faults);
        Evaluated {
            values,
            faults: faults.0,
        }
    }
}

/// One value, once per row.
fn spread(root: Operand, ty: Type, rows: usize, context: Context<'_>) -> Data {
    // COALESCE with a column of nulls in front is a column of the value behind.
    let nothing = Operand {
        data: Data::nothing(ty, rows),
        scalar: false,
        faults: Faults::default(),
    };
    kernel::run(&Kernel::Coalesce, ty, &[&nothing, &root], context).data
}

/// Holds decimals to the digits a column may have.
fn narrow(data: Data, rows: usize, faults: &mut Faults) -> ArrayRef {
    let Data::Decimal(array, scale) = data else {
        return data.into_array();
    };
    let wide = |row: usize| array.is_valid(row) && !decimal::fits(array.value(row), DECIMAL_DIGITS);
    let failed: Vec<(usize, Cause)> = (0..rows)
        .filter(|row| wide(*row))
        .map(|row| (row, Cause::Overflow))
        .collect();
    let array = if failed.is_empty() {
        array
    } else {
        faults.add(&Faults::of(rows, &failed), rows);
        let fits: BooleanArray = (0..rows).map(|row| Some(!wide(row))).collect();
        let nulls = NullBuffer::union(array.nulls(), Some(&NullBuffer::new(fits.values().clone())));
        let values = (0..rows)
            .map(|row| if fits.value(row) { array.value(row) } else { 0 })
            .collect::<Vec<i128>>();
        Decimal128Array::new(values.into(), nulls)
    };
    std::sync::Arc::new(array.with_data_type(Type::Decimal(scale).arrow()))
}

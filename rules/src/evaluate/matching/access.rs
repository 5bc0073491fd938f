//! Indexes over conditions: which rules a step can hit at all, found without touching the others.
//!
//! The idea: each rule is entered under one of its conjuncts. Thresholds of one column stand in order, so that the
//! greatest key of a step says which can be passed, and the rows that pass them are found from the greatest threshold
//! down (a few are simply compared); constants that a column must equal are looked up. A rule none of whose conjuncts
//! can be looked up is always asked. The invariant: a rule is handed over with every row for which its conjunct is true, in masks that share no
//! row; one that can fail also with those for which it is unknown.

use std::collections::{BTreeMap, HashMap};

use super::board::Board;
use super::plan::{Access, Plan};
use super::strip::{Strip, WORD, bit, count, ones};

/// So many thresholds are compared one by one with every row; of more, the rows that pass any are put in order first.
const FEW: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    edges: Vec<Edge>,
    keyed: Vec<Keyed>,
    /// Rules without an access.
    always: Vec<usize>,
    /// Rows that pass the least threshold, with their keys.
    hot: Vec<(i64, usize)>,
    /// Entries of [`Keyed`] found, with their rows.
    found: Vec<(usize, usize)>,
    mask: Vec<u64>,
}

/// A rule and the conjunct it is entered under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) rule: usize,
    pub(super) conjunct: Option<usize>,
}

/// Thresholds over one strip.
#[derive(Debug)]
struct Edge {
    strip: usize,
    /// Whether keys are to be below; then their complements, which run the other way, are to be above.
    below: bool,
    can_fail: bool,
    /// Least key that passes, ascending.
    entries: Vec<(i64, Entry)>,
}

/// Constants one strip may equal.
#[derive(Debug)]
struct Keyed {
    strip: usize,
    can_fail: bool,
    /// Ascending; the rules of each in [`Keyed::entries`].
    keys: Vec<i64>,
    /// Looked up and never walked, so hash order cannot show.
    texts: HashMap<String, usize>,
    entries: Vec<Vec<Entry>>,
}

/// Strip, direction, whether a rule can fail.
type Place = (usize, bool, bool);

impl Index {
    /// The index in which each rule is entered under this conjunct.
    pub(super) fn new(plan: &Plan, chosen: &[Option<usize>]) -> Index {
        let mut index = Index::default();
        let mut edges: BTreeMap<Place, Vec<(i64, Entry)>> = BTreeMap::new();
        let mut keys: BTreeMap<(usize, bool), BTreeMap<i64, Vec<Entry>>> = BTreeMap::new();
        let mut texts: BTreeMap<(usize, bool), BTreeMap<String, Vec<Entry>>> = BTreeMap::new();
        for (rule, matched) in plan.rules.iter().enumerate() {
            let conjunct = chosen.get(rule).copied().flatten();
            let entry = Entry { rule, conjunct };
            let access = conjunct.map(|at| &plan.conjuncts[at]);
            let place =
                access.and_then(|conjunct| Some((conjunct.strips.first()?, matched.can_fail)));
            match (access.and_then(|conjunct| conjunct.access.as_ref()), place) {
                (Some(Access::Above(least)), Some((strip, can_fail))) => {
                    let edge = edges.entry((*strip, false, can_fail)).or_default();
                    edge.push((*least, entry));
                }
                (Some(Access::Below(most)), Some((strip, can_fail))) => {
                    let edge = edges.entry((*strip, true, can_fail)).or_default();
                    edge.push((!*most, entry));
                }
                (Some(Access::Keys(of)), Some((strip, can_fail))) => {
                    let place = keys.entry((*strip, can_fail)).or_default();
                    for key in of {
                        place.entry(*key).or_default().push(entry);
                    }
                }
                (Some(Access::Texts(of)), Some((strip, can_fail))) => {
                    let place = texts.entry((*strip, can_fail)).or_default();
                    for text in of {
                        place.entry(text.clone()).or_default().push(entry);
                    }
                }
                _ => index.always.push(rule),
            }
        }
        for ((strip, below, can_fail), mut entries) in edges {
            entries.sort_unstable();
            index.edges.push(Edge {
                strip,
                below,
                can_fail,
                entries,
            });
        }
        for ((strip, can_fail), of) in keys {
            let (keys, entries) = of.into_iter().unzip();
            index.keyed.push(Keyed {
                strip,
                can_fail,
                keys,
                texts: HashMap::new(),
                entries,
            });
        }
        for ((strip, can_fail), of) in texts {
            let (texts, entries): (Vec<String>, Vec<Vec<Entry>>) = of.into_iter().unzip();
            index.keyed.push(Keyed {
                strip,
                can_fail,
                keys: Vec::new(),
                texts: texts.into_iter().zip(0..).collect(),
                entries,
            });
        }
        index
    }

    /// The strips that have to be ready.
    pub(super) fn strips(&self) -> impl Iterator<Item = usize> {
        let edges = self.edges.iter().map(|edge| edge.strip);
        edges.chain(self.keyed.iter().map(|keyed| keyed.strip))
    }

    /// Hands over each rule that may hit in `open`, with the rows it may hit.
    pub(super) fn walk(
        &mut self,
        board: &mut Board,
        open: &[u64],
        mut take: impl FnMut(&mut Board, Entry, &[u64]),
    ) {
        let all = |rule| Entry {
            rule,
            conjunct: None,
        };
        for rule in &self.always {
            take(board, all(*rule), open);
        }
        for edge in &self.edges {
            if edge.can_fail && board.strip(edge.strip).nulls {
                for (_, entry) in &edge.entries {
                    take(board, all(entry.rule), open);
                }
                continue;
            }
            if edge.entries.len() <= FEW {
                for (least, entry) in edge.entries.iter().rev() {
                    if edge.pass(*least, board.strip(edge.strip), open, &mut self.mask) {
                        take(board, *entry, &self.mask);
                    }
                }
                continue;
            }
            edge.hot(board.strip(edge.strip), open, &mut self.hot);
            let Some((greatest, _)) = self.hot.first() else {
                continue;
            };
            let end = edge.entries.partition_point(|(least, _)| least <= greatest);
            self.mask.clear();
            self.mask.resize(open.len(), 0);
            let mut hot = self.hot.iter().peekable();
            for (least, entry) in edge.entries[..end].iter().rev() {
                while let Some((_, row)) = hot.next_if(|(key, _)| key >= least) {
                    set(&mut self.mask, *row);
                }
                take(board, *entry, &self.mask);
            }
        }
        for keyed in &self.keyed {
            if keyed.can_fail && board.strip(keyed.strip).nulls {
                for entry in keyed.entries.iter().flatten() {
                    take(board, all(entry.rule), open);
                }
                continue;
            }
            keyed.find(board.strip(keyed.strip), open, &mut self.found);
            for group in self.found.chunk_by(|x, y| x.0 == y.0) {
                self.mask.clear();
                self.mask.resize(open.len(), 0);
                for (_, row) in group {
                    set(&mut self.mask, *row);
                }
                let entries = group.first().and_then(|(at, _)| keyed.entries.get(*at));
                for entry in entries.into_iter().flatten() {
                    take(board, *entry, &self.mask);
                }
            }
        }
    }
}

impl Edge {
    /// The open rows that pass one threshold; whether there may be any.
    fn pass(&self, threshold: i64, strip: &Strip, open: &[u64], mask: &mut Vec<u64>) -> bool {
        let (least, most) = strip.ends;
        let turn = if self.below { !0 } else { 0 };
        if least > most || (if self.below { least } else { most }) ^ turn < threshold {
            return false;
        }
        mask.clear();
        let words = strip.keys.chunks(WORD).zip(open).zip(&strip.known);
        mask.extend(words.map(|((keys, open), known)| {
            let bits = keys.iter().enumerate();
            let passed = bits.fold(0, |word, (bit, key)| {
                word | u64::from(key ^ turn >= threshold) << bit
            });
            passed & open & known
        }));
        mask.resize(open.len(), 0);
        mask.iter().any(|word| *word != 0)
    }

    /// The open rows that pass the least threshold, the greatest key first.
    fn hot(&self, strip: &Strip, open: &[u64], hot: &mut Vec<(i64, usize)>) {
        hot.clear();
        let (least, most) = strip.ends;
        let Some((threshold, _)) = self.entries.first().filter(|_| least <= most) else {
            return;
        };
        let turned = |key: i64| if self.below { !key } else { key };
        if turned(if self.below { least } else { most }) < *threshold {
            return;
        }
        for (row, key) in strip.keys.iter().enumerate() {
            let key = turned(*key);
            if key >= *threshold && strip.knows(row) && bit(open, row) {
                hot.push((key, row));
            }
        }
        hot.sort_unstable_by(|x, y| y.cmp(x));
    }
}

impl Keyed {
    /// Which entries the open rows find, those of one entry together.
    fn find(&self, strip: &Strip, open: &[u64], found: &mut Vec<(usize, usize)>) {
        found.clear();
        let (least, most) = strip.ends;
        if let (Some(first), Some(last)) = (self.keys.first(), self.keys.last())
            && (most < *first || least > *last)
        {
            return;
        }
        for row in ones(open).filter(|row| strip.knows(*row)) {
            let at = if self.keys.is_empty() {
                self.texts.get(strip.text(row)).copied()
            } else {
                self.keys.binary_search(&strip.key(row)).ok()
            };
            found.extend(at.map(|at| (at, row)));
        }
        if count(open) > 1 {
            found.sort_unstable();
        }
    }
}

fn set(mask: &mut [u64], row: usize) {
    if let Some(word) = mask.get_mut(row / WORD) {
        *word |= 1 << (row % WORD);
    }
}

//! A group's plan laid out in words: which windows and running values a key's record has, and how an event's row looks.
//!
//! The idea: what features share is found once, here: windows of one form, and running values of one window, filter
//! and input. The invariant: a record of zeros (behind [`WINDOWS`]) is a key without events.

use std::ops::Range;

use crate::aggregate::Aggregate;
use crate::aggregate::cell::{Cell, Kind};
use crate::aggregate::edge::Edge;
use crate::aggregate::extreme::{Extreme, Order};
use crate::ruleset::Scope;
use crate::state::append::{Counter, is_sliding};
use crate::state::row::{RowLayout, Stored};
use crate::state::small::{ScanPlan, is_listed};
use crate::state::{FeaturePlan, GroupPlan};
use crate::time::Span;
use crate::value::Type;
use crate::window::Window;

/// The two words that tell the key.
pub(super) const IDENTITY: usize = 0;
/// [`SHORT`] and [`RENEWED`] as they hold; [`VACANT`] for a record without a key.
pub(super) const FLAGS: usize = 2;
/// The time all windows of the record stand at.
pub(super) const TIME: usize = 3;
/// The greatest time of an event that was forgotten; `i64::MIN` for none.
pub(super) const FORGOTTEN: usize = 4;
/// The block of the ring; [`VACANT`] for none.
pub(super) const RING: usize = 5;
/// First row in the low half, end of the rows in the high half.
pub(super) const ROWS: usize = 6;
/// Time of the first row.
pub(super) const OLDEST: usize = 7;
/// Greatest time of an event ever put in.
pub(super) const NEWEST: usize = 8;
/// From here on windows and running values.
pub(super) const WINDOWS: usize = 9;

/// No key, or no block.
pub(super) const VACANT: u64 = u64::MAX;

/// Flag: events of this key had to go that a `last` window might still want.
pub(super) const SHORT: u64 = 1;
/// Flag: the key may have been here before and had to go, with everything a `forever` window knew of it.
pub(super) const RENEWED: u64 = 2;

/// One window of a record.
#[derive(Clone, Debug)]
pub(super) struct WindowLayout {
    pub(super) window: Window,
    /// What a `last` window counts; other windows leave filters to their cells.
    pub(super) filter: Option<usize>,
    /// Word with the first row in the low half and the end of the rows in the high half; a `last` window has the
    /// number of its events in the word behind.
    pub(super) at: usize,
    /// Its running values in [`Layout::cells`].
    pub(super) cells: Range<usize>,
    /// The same where all of them only count and add integers, and time alone says where the window begins and ends.
    pub(super) counters: Option<Vec<Counter>>,
}

/// How a feature is read.
#[derive(Clone, Debug)]
pub(super) struct FeatureLayout {
    pub(super) aggregate: Aggregate,
    pub(super) scope: Scope,
    pub(super) window: usize,
    /// Its running value; none when the length of the window says it.
    pub(super) cell: Option<usize>,
    /// It comes from how many rows there are of a kind, or from a sum of integers: the lists of
    /// [`crate::state::small::ScanPlan`] have it.
    pub(super) is_listed: bool,
    /// Scale of a decimal argument.
    pub(super) scale: Option<u8>,
    /// Types of its members.
    pub(super) members: Vec<Type>,
}

/// Everything that is the same for all keys of a group.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) row: RowLayout,
    pub(super) windows: Vec<WindowLayout>,
    pub(super) cells: Vec<Cell>,
    pub(super) features: Vec<FeatureLayout>,
    /// How the features of a small key are found.
    pub(super) scan: ScanPlan,
    /// Words per record.
    pub(super) stride: usize,
    /// Length of the longest sliding window; zero without one.
    pub(super) longest: Span,
    /// A key with events never goes.
    pub(super) stays: bool,
    /// A feature does not count the event it is asked for.
    pub(super) asks_prior: bool,
    /// There is a `last` window.
    pub(super) has_last: bool,
    /// A `forever` window counts distinct values.
    pub(super) may_sketch: bool,
    /// There is a `session` window.
    pub(super) has_session: bool,
    /// A `forever` window has a `first` or `last`, which must see events forgotten in their order.
    pub(super) in_order_only: bool,
}

impl Layout {
    pub(super) fn new(plan: &GroupPlan) -> Layout {
        let wanted: Vec<(usize, Kind)> = {
            let windows = distinct_windows(plan);
            let kind = |f: &FeaturePlan| {
                let same = |(w, filter): &(Window, Option<usize>)| {
                    *w == f.window && *filter == window_filter(f)
                };
                (windows.iter().position(same).unwrap_or(0), kind(plan, f))
            };
            plan.features.iter().map(kind).collect()
        };
        let mut layout = Layout {
            row: RowLayout::new(plan.filters, &stored(plan)),
            windows: Vec::new(),
            cells: Vec::new(),
            features: Vec::new(),
            scan: ScanPlan::default(),
            stride: WINDOWS,
            longest: Span::ZERO,
            stays: false,
            asks_prior: plan.features.iter().any(|f| f.scope == Scope::Prior),
            has_last: false,
            has_session: false,
            may_sketch: false,
            in_order_only: false,
        };
        let mut cell_of = vec![None; wanted.len()];
        for (w, (window, filter)) in distinct_windows(plan).into_iter().enumerate() {
            let first = layout.cells.len();
            let at = layout.stride;
            let last = matches!(window, Window::Last { .. });
            layout.stride += 1 + usize::from(last);
            for (f, (_, kind)) in wanted.iter().enumerate().filter(|(_, x)| x.0 == w) {
                let filter = plan.features[f].filter;
                if !is_length(&plan.features[f], kind, filter, window) {
                    cell_of[f] = Some(layout.share(first, filter, kind, window));
                }
            }
            for cell in &mut layout.cells[first..] {
                cell.at = layout.stride;
                layout.stride += cell.words();
            }
            match window.reach() {
                Some(reach) => layout.longest = layout.longest.max(reach),
                None => layout.stays = true,
            }
            // What walks over all events there ever were needs them all.
            if window == Window::Forever && layout.cells[first..].iter().any(Cell::walks) {
                layout.longest = Span(i64::MAX);
            }
            layout.has_last |= last;
            layout.has_session |= matches!(window, Window::Session { .. });
            layout.windows.push(WindowLayout {
                window,
                filter,
                at,
                cells: first..layout.cells.len(),
                counters: is_sliding(window)
                    .then(|| layout.cells[first..].iter())
                    .and_then(|mut cells| {
                        cells.try_fold(Vec::new(), |all, cell| Counter::add(all, cell, &layout.row))
                    }),
            });
        }
        layout.may_sketch = layout.cells.iter().any(Cell::may_sketch);
        let edge = |cell: &Cell| cell.forever && matches!(cell.kind, Kind::Edge(_));
        layout.in_order_only = layout.cells.iter().any(edge);
        for (f, feature) in plan.features.iter().enumerate() {
            let args: Vec<Type> = feature.args.iter().map(|i| plan.inputs[*i]).collect();
            layout.features.push(FeatureLayout {
                aggregate: feature.aggregate,
                scope: feature.scope,
                window: wanted[f].0,
                cell: cell_of[f],
                is_listed: cell_of[f]
                    .is_none_or(|cell| is_listed(feature.aggregate, &layout.cells[cell].kind)),
                scale: match args[..] {
                    [Type::Decimal(scale)] => Some(scale),
                    _ => None,
                },
                members: feature
                    .aggregate
                    .result_over(feature.window, &args)
                    .unwrap_or_default(),
            });
        }
        layout.scan = ScanPlan::new(&layout);
        layout
    }

    /// The cell for this among those from `first` on, added when there is none. One that also keeps squares serves
    /// both.
    fn share(&mut self, first: usize, filter: Option<usize>, kind: &Kind, window: Window) -> usize {
        let cells = &mut self.cells[first..];
        for (i, cell) in cells.iter_mut().enumerate() {
            if cell.filter == filter
                && let Some(both) = unite(&cell.kind, kind)
            {
                cell.kind = both;
                return first + i;
            }
        }
        self.cells.push(Cell {
            kind: kind.clone(),
            filter,
            forever: window == Window::Forever,
            at: 0,
        });
        self.cells.len() - 1
    }
}

/// The windows of a plan, each once, in order of the features.
fn distinct_windows(plan: &GroupPlan) -> Vec<(Window, Option<usize>)> {
    let mut windows = Vec::new();
    for feature in &plan.features {
        let window = (feature.window, window_filter(feature));
        if !windows.contains(&window) {
            windows.push(window);
        }
    }
    windows
}

/// What is the last of `n` depends on the filter; where time ends a window does not.
fn window_filter(feature: &FeaturePlan) -> Option<usize> {
    feature
        .filter
        .filter(|_| matches!(feature.window, Window::Last { .. }))
}

/// Whether a running value would be how many rows the window spans. A `forever` window lets rows go that it counts.
fn is_length(feature: &FeaturePlan, kind: &Kind, filter: Option<usize>, window: Window) -> bool {
    let counts = feature.aggregate == Aggregate::Count && *kind == Kind::Events;
    counts && filter.is_none() && window != Window::Forever
}

/// The running value a feature needs.
fn kind(plan: &GroupPlan, feature: &FeaturePlan) -> Kind {
    let squares = matches!(
        feature.aggregate,
        Aggregate::VarPop | Aggregate::VarSamp | Aggregate::StddevPop | Aggregate::StddevSamp
    );
    let input = feature.args.first().copied();
    let ty = input.map_or(Type::Int, |input| plan.inputs[input]);
    if let Window::Decay { half_life } = feature.window {
        // A counted value has no word; whether it is there is all that counts.
        let ty = match feature.aggregate {
            Aggregate::Count => Type::Int,
            _ => ty,
        };
        return Kind::Weighted {
            input,
            ty,
            half_life,
        };
    }
    let Some(input) = input else {
        return Kind::Events;
    };
    match feature.aggregate {
        Aggregate::Count => Kind::Present(input),
        Aggregate::CountDistinct => Kind::Distinct {
            input,
            text: ty == Type::Text,
        },
        Aggregate::Min | Aggregate::Max => Kind::Extreme(Extreme {
            input,
            greatest: feature.aggregate == Aggregate::Max,
            order: Order::of(ty),
        }),
        Aggregate::First | Aggregate::Last => Kind::Edge(Edge {
            inputs: feature.args.clone(),
            latest: feature.aggregate == Aggregate::Last,
        }),
        Aggregate::Ratio => Kind::Share(input),
        aggregate if aggregate.walks() => Kind::Walk { input, ty },
        _ if ty == Type::Float => Kind::Floats { input, squares },
        _ => Kind::Ints { input, squares },
    }
}

/// The kind that serves both, if there is one.
fn unite(a: &Kind, b: &Kind) -> Option<Kind> {
    match (a, b) {
        (
            Kind::Ints { input, squares },
            Kind::Ints {
                input: other,
                squares: more,
            },
        ) if input == other => Some(Kind::Ints {
            input: *input,
            squares: *squares || *more,
        }),
        (
            Kind::Floats { input, squares },
            Kind::Floats {
                input: other,
                squares: more,
            },
        ) if input == other => Some(Kind::Floats {
            input: *input,
            squares: *squares || *more,
        }),
        _ => (a == b).then(|| a.clone()),
    }
}

/// How each input stands in a row: one that is only counted needs no value.
fn stored(plan: &GroupPlan) -> Vec<Stored> {
    let read = |input: usize| {
        let reads = |f: &&FeaturePlan| f.aggregate != Aggregate::Count && f.args.contains(&input);
        plan.features.iter().any(|f| reads(&f))
    };
    let stored = |(i, ty): (usize, &Type)| match ty {
        _ if !read(i) => Stored::Nothing,
        Type::Text => Stored::Text,
        Type::Bool => Stored::Bit,
        Type::Float | Type::Timestamp => Stored::Long,
        Type::Int | Type::Decimal(_) => Stored::Word,
    };
    plan.inputs.iter().enumerate().map(stored).collect()
}

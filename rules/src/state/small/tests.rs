//! The rows of a small key against a plain list of events, under random insertions, forgetting and moves.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::bodies::Bodies;
use super::body::Body;
use super::change::BodyMut;
use super::pass::{Passed, Target};
use super::shape::{Shapes, Width};

use crate::aggregate::Aggregate;
use crate::ruleset::{Limits, Scope};
use crate::state::columns::Answers;
use crate::state::layout::Layout;
use crate::state::row::{Place, set_bit};
use crate::state::{FeaturePlan, GroupPlan};
use crate::time::Span;
use crate::value::Type;
use crate::window::Window;

/// Two values per event, a filter, and the last occurrence of each first value marked; sums over a long window, a short
/// one, and ones that end before their event.
fn layout() -> Layout {
    let over = |aggregate, args: &[usize], filter, seconds: (i64, i64)| FeaturePlan {
        aggregate,
        args: args.to_vec(),
        filter,
        window: Window::Sliding {
            from: Span::seconds(seconds.0),
            to: Span::seconds(seconds.1),
        },
        scope: Scope::WithCurrent,
    };
    let feature = |aggregate, args: &[usize], filter| over(aggregate, args, filter, (1_000, 0));
    Layout::new(&GroupPlan {
        key: vec![Type::Text],
        inputs: vec![Type::Int, Type::Timestamp],
        filters: 1,
        features: vec![
            feature(Aggregate::CountDistinct, &[0], None),
            feature(Aggregate::Sum, &[0], Some(0)),
            feature(Aggregate::Max, &[1], None),
            over(Aggregate::Sum, &[0], None, (15, 0)),
            over(Aggregate::Sum, &[0], None, (15, 5)),
            over(Aggregate::Sum, &[0], Some(0), (40, 15)),
        ],
        max_lateness: Span::ZERO,
        limits: Limits::default(),
    })
}

/// The word of a value in a row.
fn word(layout: &Layout, input: usize) -> usize {
    match layout.row.places[input] {
        Place::Word(at) => at,
        _ => 0,
    }
}

/// An event as the list has it.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    time: i64,
    flags: u64,
    values: [u64; 2],
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Puts a row behind all others, as an event in order is.
fn append(body: &mut BodyMut<'_>, raw: u64, row: &[u64], layout: &Layout, answered: bool) {
    let runs = body.shape.running > 0;
    let rows = body.read().rows();
    let mut ranges = Vec::new();
    if runs && answered {
        let read = body.read();
        read.until_each(raw, rows, &layout.scan.reaches, &mut ranges);
        if !body.read().holds() {
            body.start(raw);
        }
        let mut answers = Answers::new([Type::Int; 6].into_iter(), 1);
        let target = Target {
            answers: &mut answers,
            at: 0,
        };
        body.pass(raw, row, &layout.scan, &mut Passed::default(), target);
    }
    body.append(rows, raw, row);
    if runs && !answered {
        body.add(row);
    }
    if runs && answered {
        let read = body.read();
        for (sum, running) in layout.scan.running.iter().enumerate() {
            let (low, mut end) = ranges[running.window];
            end += u32::from(layout.windows[running.window].window.holds_current());
            let column = read.column(running.column);
            let filter = running.filter.map_or(u64::MAX, |filter| read.mask(filter));
            let passing = read.mask(running.present) & filter;
            let naive: i64 = (low..end)
                .filter(|row| passing >> row & 1 == 1)
                .map(|row| column.get(row as usize).cast_signed())
                .sum();
            assert_eq!(read.sum(sum).cast_signed(), naive);
        }
    }
}

fn check(body: Body<'_>, events: &[Event], layout: &Layout, random: &mut Random, seed: u64) {
    assert_eq!(body.rows() as usize, events.len(), "seed {seed}");
    let mut row = vec![0; layout.row.width];
    for (at, event) in events.iter().enumerate() {
        body.read_row(at as u32, &mut row);
        let read = Event {
            time: row[0].cast_signed(),
            flags: row[1],
            values: [0, 1].map(|input| row[word(layout, input)]),
        };
        assert_eq!(read, *event, "seed {seed}, row {at}");
        // The last of its value has the mark; flag 1 says that there is one.
        let same = |other: &Event| other.flags & 2 != 0 && other.values[0] == event.values[0];
        let last = event.flags & 2 != 0 && !events[at + 1..].iter().any(same);
        let marked = body.mask(layout.row.bits()) >> at & 1 == 1;
        assert_eq!(marked, last, "seed {seed}, mark of row {at}");
    }
    for _ in 0..4 {
        let time = events.first().map_or(0, |event| event.time);
        let time = time + random.below(50_000_000).cast_signed() - 1_000_000;
        let naive = events.iter().filter(|event| event.time <= time).count();
        assert_eq!(
            body.until(time) as usize,
            naive,
            "seed {seed}, until {time}"
        );
        let Some(raw) = body.encode(time) else {
            continue;
        };
        let mut ranges = Vec::new();
        body.until_each(raw, naive as u32, &layout.scan.reaches, &mut ranges);
        let start = time - 1_000_000_000;
        let before = events.iter().filter(|event| event.time <= start).count();
        assert_eq!(ranges[0], (before as u32, naive as u32), "seed {seed}");
    }
}

fn run(seed: u64) {
    let (layout, mut random) = (layout(), Random(seed));
    let mut bodies = Bodies::new(Shapes::new(&layout));
    let (mut class, mut index) = (0, bodies.take(0));
    bodies.get_mut(0, index).clear([1, 2], i64::MIN, 0);
    let mut events: Vec<Event> = Vec::new();
    // Seconds, milliseconds, microseconds, or times no unit tells in 32 bits.
    let unit = [1_000_000, 1_000, 1, 40_000_000_000_001][random.below(4) as usize];
    let mut clock = random.below(1 << 40).cast_signed() / unit * unit;
    for _ in 0..300 {
        clock += unit * random.below(4).cast_signed();
        let late = unit * random.below(10).cast_signed() * i64::from(random.below(4) == 0);
        let event = Event {
            time: clock - late,
            flags: random.below(2) | 6,
            // Negative ones too; a third of the runs meet some that take more than 32 bits.
            values: [
                random.below(8).wrapping_sub(4)
                    << if seed.is_multiple_of(3) {
                        random.below(40)
                    } else {
                        0
                    },
                random.below(1 << 30) << 10,
            ],
        };
        let mut body = bodies.get_mut(class, index);
        let small = i64::from(i32::MIN)..=i64::from(i32::MAX);
        let values = match small.contains(&event.values[0].cast_signed()) {
            true => Width::Thin,
            false => Width::Full,
        };
        let width = body.width_for(event.time, values);
        let fits = width == body.shape.width;
        if !fits || body.read().rows() == body.shape.capacity {
            // More room, or fewer rows.
            match bodies.shapes.class(events.len() as u32 + 1, width) {
                Some(to) => {
                    let new = bodies.take(to);
                    let (from, mut target) = bodies.pair((class, index), (to, new));
                    target.copy_from(from);
                    bodies.free(class, index);
                    (class, index) = (to, new);
                }
                None => {
                    let gone = random.below(40) as usize + 1;
                    bodies.get_mut(class, index).retain(!0 << gone);
                    events.drain(..gone);
                }
            }
        }
        let at = events
            .iter()
            .filter(|other| other.time <= event.time)
            .count();
        let mut row = vec![0; layout.row.width];
        row[0] = event.time.cast_unsigned();
        (0..3)
            .filter(|flag| event.flags >> flag & 1 == 1)
            .for_each(|flag| set_bit(&mut row, flag));
        for (input, value) in event.values.into_iter().enumerate() {
            row[word(&layout, input)] = value;
        }
        let mut body = bodies.get_mut(class, index);
        let raw = body.read().encode(event.time).unwrap();
        if at == events.len() && random.below(8) > 0 {
            append(&mut body, raw, &row, &layout, random.below(4) > 0);
        } else {
            body.insert(at as u32, raw, &row);
        }
        layout.scan.mark(&mut body, &layout, at as u32);
        events.insert(at, event);
        if random.below(5) == 0 {
            let gone = random.below(events.len() as u64) as usize;
            layout.scan.unmark(&mut body, &layout, gone as u32);
            body.retain(!(1 << gone));
            events.remove(gone);
        }
        check(body.read(), &events, &layout, &mut random, seed);
    }
}

#[test]
fn rows_are_what_a_list_of_events_would_be() {
    (0..200).for_each(run);
}

#[test]
fn a_walk_meets_every_stretch_with_an_owner_and_empty_pages_give_their_memory_back() {
    let layout = layout();
    let mut bodies = Bodies::new(Shapes::new(&layout));
    let taken: Vec<u32> = (0..3000).map(|_| bodies.take(0)).collect();
    for index in &taken {
        bodies.get_mut(0, *index).clear([0, 0], 0, 0);
    }
    let full = bodies.bytes();
    // The last of every hundred stays.
    for index in taken.iter().filter(|index| *index % 100 != 99) {
        bodies.free(0, *index);
    }
    let mut met = Vec::new();
    let mut from = 0;
    while let Some(index) = bodies.next(0, from) {
        if !bodies.is_free(0, index) {
            met.push(index);
        }
        from = index + 1;
    }
    assert_eq!(met, (99..3000).step_by(100).collect::<Vec<u32>>());
    // Moved to the front, they leave pages without an owner.
    for index in met {
        if bodies.is_outlying(0, index) {
            let to = bodies.take(0);
            assert!(to < index, "the lowest free one first");
            bodies.copy(0, index, to);
            bodies.free(0, index);
        }
    }
    assert!(bodies.bytes() < full / 2, "{} of {full}", bodies.bytes());
    let again: Vec<u32> = (0..3000).map(|_| bodies.take(0)).collect();
    assert!(
        again.iter().all(|index| bodies.is_free(0, *index)),
        "nobody wrote there yet"
    );
}

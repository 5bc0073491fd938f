//! A snapshot of a large state while events are decided, and the way back from it.
//!
//! The idea: the engine and the keeper as a run has them, without a log around them: so many cards with so many events each
//! in their window are folded, the state is frozen, and between steps of live events it is written piece by piece. Then all of
//! it is dropped and restored. The invariant: each time is that of the wall between two calls, none is taken away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use connectors::snapshots::{DirectorySnapshots, SnapshotStore};
use pipeline::clock::{Clock, SystemClock};
use pipeline::delivery::snapshot::keeper::{Keeper, News};
use pipeline::delivery::snapshot::read::Found;
use pipeline::delivery::snapshot::{Manifest, Mark, SNAPSHOT_VERSION};
use rules::definition::PackSource;
use rules::evaluate::{Engine, SEMANTICS, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

/// A window of an hour per card, and ids remembered for a minute.
const PACK: &str = "
pack: snapshot
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 1s }
  dedup: 1m
  fields: { id: text, ts: timestamp(us), card: text, amount: int }
features:
  n: { by: card, agg: count(), over: 1h }
  sum: { by: card, agg: sum(amount), over: 1h }
rules:
  - { id: R, when: n > 1000 AND sum > 0, then: { action: review, score: 1 } }
policy: { order: [review, approve] }
limits: { keys: 16000000 }
";

/// The window, in microseconds.
const WINDOW: i64 = 3_600_000_000;

/// Rows of a step while the window is filled.
const FILL: usize = 4_096;

/// Events per second while the snapshot is written, and how often they come.
const LIVE_RATE: usize = 20_000;
const TURN: Duration = Duration::from_millis(5);

/// Bytes of a piece, as in a run.
const PIECE_BYTES: usize = 1 << 20;

/// Events of so many cards, one after the other at the pace that keeps so many of each in the window.
struct Swipes {
    clock: Arc<dyn Clock>,
    rules: Arc<RuleSet>,
    keys: u64,
    pace: i64,
    next: i64,
    partitions: Vec<u32>,
}

impl Swipes {
    /// A step of so many.
    fn step(&mut self, count: usize, mut take: impl FnMut(&Step<'_>)) {
        let numbers: Vec<i64> = (self.next..).take(count).collect();
        self.next += i64::try_from(count).unwrap();
        let times: Vec<EventTime> = numbers.iter().map(|n| EventTime(n * self.pace)).collect();
        // Every card once per round, in an order that jumps about.
        let card = |n: &i64| n.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.keys;
        let text = |write: &dyn Fn(&i64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers.iter().map(write)))
        };
        let stamps = times.iter().map(|time| time.0);
        let amounts = numbers.iter().map(|n| n % 500);
        let columns: Vec<ArrayRef> = vec![
            text(&|n| format!("e{n:012}")),
            Arc::new(TimestampMicrosecondArray::from_iter_values(stamps).with_timezone("UTC")),
            text(&|n| format!("card-{:09}", card(n))),
            Arc::new(arrow::array::Int64Array::from_iter_values(amounts)),
        ];
        let events = RecordBatch::try_new(self.rules.schema.arrow(), columns)
            .expect("the columns of the pack");
        self.partitions.resize(count, 0);
        take(&Step {
            events: &events,
            times: &times,
            partitions: &self.partitions,
            offsets: &numbers,
        });
    }
}

/// A moment of a clock.
struct Moment(Arc<dyn Clock>, Duration);

impl Moment {
    fn now(swipes: &Swipes) -> Moment {
        let clock = Arc::clone(&swipes.clock);
        let now = clock.elapsed();
        Moment(clock, now)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed().saturating_sub(self.1)
    }
}

/// The greatest, and those that so many in a thousand are below.
fn told(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at =
        |thousandths: usize| times[(times.len() - 1) * thousandths / 1_000].as_secs_f64() * 1e3;
    println!(
        "{what}: {} times, p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, max {:.3} ms",
        times.len(),
        at(500),
        at(990),
        at(999),
        at(1_000)
    );
}

/// So many cards with so many events each, in this directory.
pub(super) fn run(keys: u64, live: u64, directory: &str) {
    let source = PackSource::alone("snapshot.yaml", PACK);
    let rules = Arc::new(rules::compile::compile(&source).expect("the pack checks"));
    let all = usize::try_from(keys * live).unwrap();
    let mut swipes = Swipes {
        clock: SystemClock::shared(),
        rules: Arc::clone(&rules),
        keys,
        pace: (WINDOW / i64::try_from(all).unwrap()).max(1),
        next: 0,
        partitions: Vec::new(),
    };
    let mut engine = Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED);
    let started = Moment::now(&swipes);
    for _ in 0..all / FILL {
        swipes.step(FILL, |step| engine.fold(step));
    }
    let sizes = engine.sizes();
    let held: usize =
        sizes.groups.iter().map(|group| group.bytes).sum::<usize>() + sizes.dedup_bytes;
    let (cards, events) = (sizes.groups[0].keys, sizes.groups[0].events);
    println!(
        "{cards} cards with {events} events, {held} bytes held, folded in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    let mut out = StepOutput::default();
    let mut turns = turns(&mut swipes, &mut engine, &mut out, 400);
    told("steps of live events before the snapshot", &mut turns);
    let store = DirectorySnapshots::open(Path::new(directory)).expect("a directory");
    let (name, bytes) = save(&store, &mut swipes, &mut engine, &mut out);
    println!(
        "size: {bytes} bytes, {:.3} of those held",
        bytes as f64 / held as f64
    );
    drop(engine);
    restore(&store, &name, &rules, &mut swipes);
}

/// Live events, a step of them per turn; how long each step took.
fn turns(
    swipes: &mut Swipes,
    engine: &mut Engine,
    out: &mut StepOutput,
    count: usize,
) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..count {
        let clock = Arc::clone(&swipes.clock);
        swipes.step(live_rows(), |step| {
            let started = clock.elapsed();
            engine.step(step, out);
            took.push(clock.elapsed().saturating_sub(started));
        });
    }
    took
}

fn live_rows() -> usize {
    LIVE_RATE * TURN.as_millis() as usize / 1_000
}

/// Writes the snapshot of an engine that goes on; its name and size.
fn save(
    store: &DirectorySnapshots,
    swipes: &mut Swipes,
    engine: &mut Engine,
    out: &mut StepOutput,
) -> (String, u64) {
    let mut keeper = Keeper::start(Arc::new(store.clone())).expect("a thread");
    let mark = Mark {
        sequence: 1,
        link: "0".repeat(32),
        positions: vec![(0, swipes.next)],
        partition: None,
    };
    let name = mark.name();
    let begun = Moment::now(swipes);
    engine.freeze(&mark.positions).expect("a whole engine");
    let (mut pauses, mut steps) = (vec![begun.elapsed()], Vec::new());
    println!("freeze: {:.3} ms", pauses[0].as_secs_f64() * 1e3);
    assert!(keeper.begin(Manifest {
        v: SNAPSHOT_VERSION,
        app: "bench".to_owned(),
        semantics: SEMANTICS,
        pack: "snapshot".to_owned(),
        mark,
        sections: Vec::new(),
    }));
    let mut writing = true;
    loop {
        let turn = Moment::now(swipes);
        steps.append(&mut turns(swipes, engine, out, 1));
        // The rest of the turn nothing comes.
        while turn.elapsed() < TURN {
            match keeper.news() {
                Some(News::Kept(_, bytes)) => {
                    println!("kept after {:.1} s", begun.elapsed().as_secs_f64());
                    told("pauses for pieces", &mut pauses);
                    told("steps of live events beside it", &mut steps);
                    return (name, bytes);
                }
                Some(News::Failed(cause)) => panic!("{cause}"),
                None => {}
            }
            let started = Moment::now(swipes);
            let Some(mut buffer) = keeper.room().filter(|_| writing) else {
                std::thread::yield_now();
                continue;
            };
            match engine
                .write(PIECE_BYTES, &mut buffer)
                .expect("a whole engine")
            {
                Some(progress) => keeper.piece(progress, buffer),
                None => {
                    writing = false;
                    keeper.finish();
                }
            }
            pauses.push(started.elapsed());
        }
    }
}

/// From nothing to where the snapshot ends, and a minute of events on top.
fn restore(store: &dyn SnapshotStore, name: &str, rules: &Arc<RuleSet>, swipes: &mut Swipes) {
    let started = Moment::now(swipes);
    let found = Found::open(store, name, "bench").expect("it is whole");
    let mut engine = found.restore(Arc::clone(rules), 2).expect("it is whole");
    println!("restored in {:.2} s", started.elapsed().as_secs_f64());
    let [(_, next)] = found.manifest.mark.positions[..] else {
        panic!("one partition");
    };
    swipes.next = next;
    let folding = Moment::now(swipes);
    for _ in 0..60 * LIVE_RATE / FILL {
        swipes.step(FILL, |step| engine.fold(step));
    }
    println!(
        "a minute of events folded in {:.2} s; caught up after {:.2} s",
        folding.elapsed().as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
}

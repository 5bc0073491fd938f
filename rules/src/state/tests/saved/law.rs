//! The law: whoever was saved and restored answers and forgets as who was not.

use super::*;

/// What the streams of the law have met.
#[derive(Debug, Default)]
struct Met {
    large: u64,
    small: u64,
    evicted_keys: u64,
    evicted_events: u64,
    forgotten: u64,
    approximate: usize,
    sets: usize,
    sketches: usize,
    floats: usize,
    weighted: usize,
    texts: usize,
    sharded: u64,
    /// Written while it went on.
    frozen: usize,
}

impl Met {
    fn add(&mut self, state: &GroupState, added: usize) {
        let spread = state.spread();
        self.large += spread.large.values().sum::<u64>();
        self.small += spread.small.values().sum::<u64>();
        let size = state.size();
        self.evicted_keys += size.evicted_keys;
        self.evicted_events += size.evicted_events;
        self.forgotten += u64::from(size.events < added);
        self.sharded += u64::from(state.shards.len() > 1);
        for store in state.stores() {
            self.floats += store.heap.floats.len();
            self.weighted += store.heap.weighted.len();
            self.texts += store.heap.texts.len();
            let sets = store.heap.sets.all().iter();
            self.sets += sets.len();
            self.sketches += sets.filter(|set| set.is_sketch()).count();
        }
    }

    fn least(&self) -> usize {
        let counts = [
            self.large,
            self.small,
            self.evicted_keys,
            self.evicted_events,
            self.forgotten,
            self.sharded,
        ];
        let counts = counts.map(|count| count as usize).into_iter();
        let counts = counts.chain([self.approximate, self.sets, self.sketches]);
        let counts = counts.chain([self.floats, self.weighted, self.texts, self.frozen]);
        counts.min().unwrap_or_default()
    }
}

/// How much a group holds, but for its bytes.
fn held(state: &GroupState) -> GroupSize {
    let bytes = 0;
    GroupSize {
        bytes,
        ..state.size()
    }
}

/// A group that was frozen, and is written while it goes on.
struct Frozen {
    wanted: Vec<Vec<u8>>,
    got: Vec<Vec<u8>>,
}

impl Frozen {
    fn new(state: &mut GroupState) -> Frozen {
        let wanted = save(state);
        state.freeze().unwrap();
        let got = vec![Vec::new()];
        Frozen { wanted, got }
    }

    /// Writes on at the shard at hand; whether that was all.
    fn write(&mut self, state: &mut GroupState, room: usize) -> bool {
        let number = self.got.len() - 1;
        if !write(state, number, room, &mut self.got[number]) {
            return false;
        }
        let all = self.got.len() == self.wanted.len();
        if !all {
            self.got.push(Vec::new());
        }
        all
    }
}

/// One stream through an engine that goes on, and through one that is saved and restored now and then.
fn check(seed: u64, met: &mut Met) {
    let dice = &mut Dice::new(seed);
    let case = Case::new(dice);
    let count = dice.of(&[20, 60, 150, 400, 400]);
    let events = stream(&case, dice, count);
    let mut whole = GroupState::new(case.plan.clone(), HashSeed::FIXED);
    let mut again = GroupState::new(case.plan.clone(), HashSeed::FIXED);
    let longest = dice.of(&[1, 7, 60]);
    let mut at = 0;
    let mut frozen: Option<Frozen> = None;
    // The steps that a snapshot takes.
    let room = dice.of(&[1, 100, 1_000, 10_000]);
    while at < count {
        let end = (at + 1 + dice.index(longest)).min(count);
        let wanted = take(&mut whole, &case, &events, at..end);
        let got = take(&mut again, &case, &events, at..end);
        assert!(wanted == got, "seed {seed}, rows {at}..{end}: {case:?}");
        met.approximate += got.1.iter().filter(|flag| **flag).count();
        at = end;
        if let Some(mut writing) = frozen.take() {
            match writing.write(&mut whole, room) {
                true => {
                    assert!(
                        writing.got == writing.wanted,
                        "seed {seed}, row {at}: {case:?}"
                    );
                    met.frozen += 1;
                }
                false => frozen = Some(writing),
            }
        }
        if !dice.once_in(3) {
            continue;
        }
        let saved = save(&mut again);
        if frozen.is_none() || dice.once_in(9) {
            // What was not written to its end is given up.
            frozen = Some(Frozen::new(&mut whole));
        }
        again = restore(&case, &saved, again.taken())
            .unwrap_or_else(|fault| panic!("seed {seed}, row {at}: {fault}, {case:?}"));
        assert!(
            save(&mut again) == saved,
            "seed {seed}, row {at}: other bytes"
        );
        assert_eq!(held(&again), held(&whole), "seed {seed}, row {at}");
        assert_eq!(again.spread(), whole.spread(), "seed {seed}, row {at}");
    }
    let added = events.iter().filter(|event| event.fate == Added).count();
    met.add(&again, added);
}

#[test]
fn a_group_goes_on_as_if_it_had_not_been_saved() {
    let mut met = Met::default();
    (0..800).for_each(|seed| check(seed, &mut met));
    assert!(met.least() > 20, "{met:?}");
}

//! Bytes cut off and bits turned over: a fault, or a group that can be worked with, whatever comes.

use super::*;

/// A group with something of everything, saved, and what comes afterwards.
struct Hurt {
    case: Case,
    events: Vec<Event>,
    taken: usize,
    saved: Vec<Vec<u8>>,
}

impl Hurt {
    fn new(seed: u64) -> Hurt {
        let dice = &mut Dice::new(seed);
        let mut case = Case::new(dice);
        // One shard says as much as four.
        case.plan.limits.keys = case.plan.limits.keys.min(1_000);
        let count = dice.of(&[12, 60, 200]);
        let events = stream(&case, dice, count + 80);
        let mut state = GroupState::new(case.plan.clone(), HashSeed::FIXED);
        take(&mut state, &case, &events, 0..count);
        Hurt {
            saved: save(&mut state),
            case,
            events,
            taken: count,
        }
    }

    /// Restores other bytes and goes on with them if they are taken; whether they were.
    fn go_on(&self, bytes: Vec<u8>) -> bool {
        let Ok(mut state) = restore(&self.case, &[bytes], self.taken as u64) else {
            return false;
        };
        for (at, event) in self.events.iter().enumerate().skip(self.taken) {
            take(&mut state, &self.case, &self.events, at..at + 1);
            // Now and then in a step of several, which asks for memory ahead.
            if event.time % 7 == 0 {
                let end = self.events.len().min(at + 20);
                take(&mut state, &self.case, &self.events, at..end);
            }
        }
        save(&mut state);
        state.spread().keys() == state.size().keys as u64
    }
}

#[test]
fn what_is_cut_off_is_missed() {
    for seed in 0..12 {
        let hurt = Hurt::new(seed);
        let saved = &hurt.saved[0];
        let step = (saved.len() / 3_000).max(1);
        for length in (0..saved.len()).step_by(step) {
            let part = vec![saved[..length].to_vec()];
            assert!(
                restore(&hurt.case, &part, 0).is_err(),
                "seed {seed}: {length} of {}",
                saved.len()
            );
        }
        assert!(hurt.go_on(saved.clone()), "seed {seed}");
    }
}

#[test]
fn a_bit_that_is_turned_over_breaks_nothing() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..FLIPS.0 {
        let hurt = Hurt::new(seed);
        let dice = &mut Dice::new(seed + 1);
        for _ in 0..FLIPS.1 {
            let mut bytes = hurt.saved[0].clone();
            // Most words at the beginning say how many of something there are.
            let within = dice.of(&[bytes.len(), bytes.len(), 1_000.min(bytes.len())]);
            for _ in 0..dice.of(&[1, 1, 1, 2, 5]) {
                bytes[dice.index(within)] ^= 1 << dice.below(8);
            }
            match hurt.go_on(bytes) {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    assert!(
        taken > 100 && refused > 1_000,
        "{taken} taken, {refused} refused"
    );
}

/// Streams, and flips of each.
const FLIPS: (u64, u64) = (150, 40);

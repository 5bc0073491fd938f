//! The work of a step for many hands: each group's shards with the rows of their keys.
//!
//! The idea: this crate has no thread, so it says what can be done side by side and somebody else does it. A [`Task`]
//! owns all it works on: a part of a group's shards ([`crate::state::shards`]) and the rows that are theirs, which are
//! exchanged once per step and not one by one. The invariant: whoever does the tasks, in whatever order and however
//! many at once, the state and the output of a step are those of [`super::Engine::step`].

use arrow::error::ArrowError;

use crate::state::shards::Dealt;

/// Fewer rows are done by who has them: to wake somebody for less costs more than it saves, and is late besides.
pub const ROWS_MIN: usize = 256;

/// Parts of a group per hand: somebody who comes late, from another work, then leaves more to the others.
pub(super) const PARTS_PER_HAND: usize = 2;

/// A part of a step's work.
#[derive(Debug)]
pub struct Task {
    group: usize,
    part: Dealt,
}

impl Task {
    pub(super) fn new(group: usize, part: Dealt) -> Task {
        Task { group, part }
    }

    /// Does it, once.
    pub fn run(&mut self) {
        self.part.run();
    }
}

/// Those who do the tasks of a step.
pub trait Hands {
    /// How many tasks can be done at once.
    fn count(&self) -> usize;

    /// Has a task done, now or later.
    fn give(&mut self, task: Task);

    /// Waits until all that was given is done, and gives it back in any order.
    ///
    /// # Errors
    /// [`Lost`] when a task will not come back.
    fn all(&mut self) -> Result<Vec<Task>, Lost>;
}

/// A task that was given and not done: whoever had it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{worker} broke: {cause}")]
pub struct Lost {
    /// Who had it.
    pub worker: String,
    /// What it said last.
    pub cause: String,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A part of the state is gone.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// A broken invariant: answers that do not fit together.
    #[error("join the answers of a step: {0}")]
    Join(#[from] ArrowError),
}

/// The tasks that are done, as parts of their groups.
pub(super) fn by_group(tasks: Vec<Task>, groups: usize) -> Vec<Vec<Dealt>> {
    let mut parts: Vec<Vec<Dealt>> = (0..groups).map(|_| Vec::new()).collect();
    for task in tasks {
        if let Some(group) = parts.get_mut(task.group) {
            group.push(task.part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]

    use std::sync::Arc;

    use super::*;
    use crate::evaluate::fixture::{Events, PACK, Row, random, rules};
    use crate::evaluate::{Engine, StepOutput};
    use crate::ruleset::RuleSet;
    use crate::state::seed::HashSeed;

    /// Does tasks by itself, in an order of its own, and says how many there were.
    struct Shuffled {
        count: usize,
        held: Vec<Task>,
        given: usize,
        lose: bool,
    }

    impl Hands for Shuffled {
        fn count(&self) -> usize {
            self.count
        }

        fn give(&mut self, task: Task) {
            self.given += 1;
            self.held.push(task);
        }

        fn all(&mut self) -> Result<Vec<Task>, Lost> {
            if self.lose {
                return Err(Lost {
                    worker: "worker-1".into(),
                    cause: "gone".into(),
                });
            }
            let mut tasks = std::mem::take(&mut self.held);
            let turn = self.given % tasks.len();
            tasks.rotate_left(turn);
            tasks.iter_mut().rev().for_each(Task::run);
            Ok(tasks)
        }
    }

    fn hands(count: usize) -> Shuffled {
        Shuffled {
            count,
            held: Vec::new(),
            given: 0,
            lose: false,
        }
    }

    /// All that comes out of a stream cut into steps of these many rows, and how much is held at the end.
    fn run(rules: &Arc<RuleSet>, rows: &[Row], cut: usize, hands: &mut Shuffled) -> String {
        let mut engine = Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
        let mut out = StepOutput::default();
        let mut text = String::new();
        for chunk in rows.chunks(cut) {
            let events = Events::of(rules, chunk);
            engine.step_with(&events.step(), &mut out, hands).unwrap();
            text += &format!("{:?} {:?} {:?}\n", out.decisions, out.hits, out.texts);
            let features = out.features.iter();
            // Row by row, so that the cuts do not show.
            for row in 0..chunk.len() {
                let slices = features.clone().map(|column| column.slice(row, 1));
                text += &format!("{:?}\n", slices.collect::<Vec<_>>());
            }
        }
        text + &format!("{:?}", engine.sizes())
    }

    #[test]
    fn however_many_hands_there_are_the_step_is_the_same() {
        let rules = rules(PACK);
        for seed in 0..4 {
            let rows = random(seed, 3 * ROWS_MIN);
            let (mut alone, cut) = (hands(1), rows.len());
            let expected = run(&rules, &rows, cut, &mut alone);
            assert_eq!(alone.given, 0);
            for count in 2..=6 {
                let mut many = hands(count);
                assert_eq!(run(&rules, &rows, cut, &mut many), expected, "{count}");
                assert!(many.given > count, "{} tasks", many.given);
            }
        }
    }

    #[test]
    fn a_small_step_is_not_given_away() {
        let rules = rules(PACK);
        let rows = random(1, 2 * ROWS_MIN);
        let mut many = hands(4);
        run(&rules, &rows, ROWS_MIN - 1, &mut many);
        assert_eq!(many.given, 0);
    }

    #[test]
    fn a_task_that_is_lost_ends_the_step() {
        let rules = rules(PACK);
        let events = Events::of(&rules, &random(1, ROWS_MIN));
        let mut engine = Engine::new(Arc::clone(&rules), "test", HashSeed::FIXED);
        let mut broken = Shuffled {
            lose: true,
            ..hands(2)
        };
        let result = engine.step_with(&events.step(), &mut StepOutput::default(), &mut broken);
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), "worker-1 broke: gone");
    }
}

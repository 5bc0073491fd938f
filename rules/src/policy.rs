//! How the hits of one event become one outcome.
//!
//! The idea: the most severe action of an acting hit wins, the scores of acting hits add up to a maximum, and where
//! nothing acts the last action of the order is the outcome. A list of [`Policy::first`] decides before any rule:
//! rules are still evaluated and their hits listed, so that one sees what the list overrode, but none of them acts,
//! the outcome is the list's and the score is 0. The invariant: a shadow hit changes nothing here.

use crate::ruleset::Policy;

/// Outcome and score of one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Index into [`Policy::order`].
    pub outcome: usize,
    /// Sum of the acting hits' scores, at most [`Policy::score_max`].
    pub score: i64,
}

/// What stands when nothing hits.
#[must_use]
pub fn unhit(policy: &Policy) -> Verdict {
    Verdict {
        outcome: policy.order.len().saturating_sub(1),
        score: 0,
    }
}

/// The verdict of the list at this index of [`Policy::first`], whatever the rules say.
#[must_use]
pub fn by_list(policy: &Policy, list: usize) -> Verdict {
    let standing = unhit(policy);
    policy.first.get(list).map_or(standing, |first| Verdict {
        outcome: first.action,
        score: 0,
    })
}

/// The verdict over the acting hits, given as (action, score) in the order of the rules.
pub fn by_hits(policy: &Policy, acting: impl Iterator<Item = (usize, i64)>) -> Verdict {
    let mut verdict = unhit(policy);
    let mut acted = false;
    for (action, score) in acting {
        // The mildest action of the order may itself be a rule's: smaller index, more severe.
        verdict.outcome = verdict.outcome.min(action);
        verdict.score = verdict.score.saturating_add(score);
        acted = true;
    }
    if acted {
        verdict.score = verdict.score.min(policy.score_max);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::FirstList;

    fn policy() -> Policy {
        Policy {
            first: vec![FirstList {
                list: 0,
                field: 0,
                action: 3,
                reason: "TRUSTED".to_owned(),
            }],
            order: ["decline", "review", "alert", "approve"]
                .map(str::to_owned)
                .to_vec(),
            score_max: 100,
        }
    }

    #[test]
    fn the_most_severe_action_wins_and_scores_add_to_a_maximum() {
        let cases = [
            (vec![], (3, 0)),
            (vec![(1, 40)], (1, 40)),
            (vec![(2, 20), (0, 70), (1, 5)], (0, 95)),
            (vec![(1, 60), (1, 60)], (1, 100)),
            (vec![(1, i64::MAX), (1, i64::MAX)], (1, 100)),
        ];
        for (hits, (outcome, score)) in cases {
            let verdict = by_hits(&policy(), hits.iter().copied());
            assert_eq!(verdict, Verdict { outcome, score }, "{hits:?}");
        }
    }

    #[test]
    fn a_list_decides_with_score_zero() {
        let verdict = by_list(&policy(), 0);
        assert_eq!(
            verdict,
            Verdict {
                outcome: 3,
                score: 0
            }
        );
    }
}

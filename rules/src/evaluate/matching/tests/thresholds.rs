//! Thresholds of one column, few (which are compared) and many (which are sorted), with rows on each of them: the hits
//! counted by hand.

use super::*;

/// A comparison as it is written, and what it says.
type Sign = (&'static str, fn(i64, i64) -> bool);

const SIGNS: [Sign; 4] = [
    (">", |a, bound| a > bound),
    (">=", |a, bound| a >= bound),
    ("<", |a, bound| a < bound),
    ("<=", |a, bound| a <= bound),
];

/// A pack of one rule per threshold.
fn pack(written: &[(&str, i64)]) -> String {
    let mut writer = Writer {
        random: Random::new(1),
        lets: 0,
    };
    let text = writer.pack(0);
    let (head, policy) = text.split_once("rules:\n").unwrap();
    let mut text = format!("{head}rules:\n");
    for (rule, (sign, bound)) in written.iter().enumerate() {
        writeln!(
            text,
            "  - {{ id: R{rule}, mode: live, when: \"a {sign} {bound}\", \
             then: {{ action: review, score: 1, reason: R }} }}"
        )
        .unwrap();
    }
    text + policy
}

/// Hits per rule of events with these values.
fn hits(rules: &Arc<RuleSet>, values: &[Option<i64>]) -> Vec<u64> {
    let rows = values.len();
    let mut columns = events(&mut Random::new(1), rules, rows, false)
        .columns()
        .to_vec();
    let mut put = |name: &str, column: ArrayRef| {
        let at = rules.schema.fields.iter().position(|f| f.name == name);
        columns[at.unwrap()] = column;
    };
    let ids = (0..rows).map(|row| format!("e{row}"));
    put("id", Arc::new(StringArray::from_iter_values(ids)));
    put("a", Arc::new(Int64Array::from(values.to_vec())));
    let times: Vec<EventTime> = (0..rows as i64).map(EventTime).collect();
    let mut out = StepOutput::default();
    let step = Step {
        events: &RecordBatch::try_new(rules.schema.arrow(), columns).unwrap(),
        times: &times,
        partitions: &vec![0; rows],
        offsets: &(0..rows as i64).collect::<Vec<_>>(),
    };
    Engine::new(Arc::clone(rules), "test", HashSeed::FIXED).step(&step, &mut out);
    out.counts.rules.iter().map(|counts| counts.hits).collect()
}

#[test]
fn rows_on_a_threshold_are_on_the_side_that_is_written() {
    // The odd ones lie between the thresholds.
    let values: Vec<Option<i64>> = (-3..25).map(Some).chain([None]).collect();
    for count in [1, 4, 5, 9] {
        // Both signs of one direction in one pack, each of them at the least threshold once.
        for signs in [[0, 1], [1, 0], [2, 3], [3, 2]] {
            let of = |rule: usize| (SIGNS[signs[rule % 2]], 2 * rule as i64);
            let written: Vec<_> = (0..count).map(|rule| (of(rule).0.0, of(rule).1)).collect();
            let found = hits(&rules(&pack(&written)), &values);
            for (rule, found) in found.into_iter().enumerate() {
                let ((sign, holds), bound) = of(rule);
                let by_hand = values.iter().flatten().filter(|a| holds(**a, bound));
                assert_eq!(found, by_hand.count() as u64, "a {sign} {bound} of {count}");
            }
        }
    }
}

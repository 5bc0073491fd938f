//! Sections cut off and bits turned over: refused, or an engine that can be worked with.

use super::*;

/// What follows on the state that was hurt: an engine takes it, whatever it holds.
fn go_on(engine: &mut Engine, rules: &Arc<RuleSet>, rows: &[Row]) {
    bytes(engine, rules, rows, 40);
    save(engine);
    held(engine);
}

fn saved(rows: usize) -> (Arc<RuleSet>, Saved, Vec<Row>) {
    let text = PACK.to_owned() + "limits: { keys: 1000 }\n";
    let rules = rules(&text);
    let all = random(3, rows + 120);
    let (first, rest) = all.split_at(rows);
    let mut engine = engine(&rules);
    bytes(&mut engine, &rules, first, 50);
    (rules, save(&mut engine), rest.to_vec())
}

fn with(saved: &Saved, name: &str, bytes: Vec<u8>) -> Saved {
    let mut saved = saved.clone();
    saved.insert(name.to_owned(), bytes);
    saved
}

#[test]
fn a_section_that_ends_too_early_is_refused_and_so_is_one_that_goes_on() {
    let (rules, saved, _) = saved(30);
    for (name, bytes) in &saved {
        for length in 0..bytes.len() {
            let cut = with(&saved, name, bytes[..length].to_vec());
            let refused = restore(&rules, "app", &cut);
            assert!(refused.is_err(), "{name}: {length} of {}", bytes.len());
        }
        let more = with(&saved, name, [bytes.as_slice(), &[0; 8]].concat());
        let refused = restore(&rules, "app", &more).unwrap_err();
        let wanted = format!("restore the section `{name}`: it goes on behind its end");
        assert_eq!(refused.to_string(), wanted);
    }
}

#[test]
fn a_bit_that_is_turned_over_breaks_nothing() {
    let (rules, saved, rest) = saved(90);
    let dice = &mut Dice::new(1);
    let (mut taken, mut refused) = (0, 0);
    for (name, bytes) in &saved {
        for _ in 0..250 {
            let mut bytes = bytes.clone();
            let at = dice.index(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            match restore(&rules, "app", &with(&saved, name, bytes)) {
                Ok(mut engine) => {
                    go_on(&mut engine, &rules, &rest);
                    taken += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

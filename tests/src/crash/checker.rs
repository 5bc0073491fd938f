//! The checker: reads all that an application left on a broker, as anybody could, and says what is wrong with it.
//!
//! The idea: what must be there follows from the input and from what the control records say was committed; each record
//! that is there must be one of these. The invariant: every record of every topic is looked at, and each fault has a
//! name: lost, duplicated, phantom, different, out of order, torn, chain break.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;
use twox_hash::XxHash3_128;

use super::Pack;
use super::oracle::{self, Event, Expected, Positions};
use crate::topic::{self, Message};

/// What is wrong, by its name.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    all: BTreeMap<&'static str, Vec<String>>,
    /// Decisions that were compared.
    pub compared: usize,
    /// Commits that were walked.
    pub commits: usize,
    /// Dead letters that were found.
    pub dead_letters: usize,
}

impl Findings {
    fn add(&mut self, fault: &'static str, what: impl Into<String>) {
        self.all.entry(fault).or_default().push(what.into());
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.all.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} decisions and {} dead letters in {} commits compared",
            self.compared, self.dead_letters, self.commits
        )?;
        for (fault, found) in &self.all {
            writeln!(f, "{fault}: {}", found.len())?;
            for one in found.iter().take(5) {
                writeln!(f, "  {one}")?;
            }
        }
        Ok(())
    }
}

/// What is on the topics of an application, by the names [`super::Site`] gives them.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The input.
    pub input: Vec<Message>,
    /// Decisions.
    pub decisions: Vec<Message>,
    /// Alerts.
    pub alerts: Vec<Message>,
    /// Dead letters.
    pub dead: Vec<Message>,
    /// Control records.
    pub control: Vec<Message>,
}

impl Dump {
    /// Reads it all.
    ///
    /// # Panics
    /// When a topic cannot be read.
    #[must_use]
    pub fn read(address: &str, app: &str) -> Dump {
        let read = |what: &str| topic::read(address, &format!("{app}{what}"));
        Dump {
            input: read("-in"),
            decisions: read("-out"),
            alerts: read("-alerts"),
            dead: read("-dead"),
            control: read(".control"),
        }
    }
}

/// A control record as the documentation has it.
struct Control {
    from: Positions,
    entries: Vec<Positions>,
    previous: String,
    link: String,
    said: Value,
}

/// Compares it all.
///
/// # Panics
/// When a control record is not as documented.
#[must_use]
pub fn check(dump: &Dump, pack: Pack) -> Findings {
    let mut findings = Findings::default();
    let mut journals: BTreeMap<i32, Vec<Control>> = BTreeMap::new();
    for message in &dump.control {
        let journal = journals.entry(message.partition).or_default();
        journal.push(control(message));
    }
    findings.commits = journals.values().map(Vec::len).sum();
    journals
        .values()
        .for_each(|controls| chain(controls, &mut findings));
    let entries = |controls: &Vec<Control>| -> Vec<Positions> {
        controls
            .iter()
            .flat_map(|control| control.entries.clone())
            .collect()
    };
    let boundaries: Vec<Vec<Positions>> = journals.values().map(entries).collect();
    let ends: BTreeMap<i32, i64> = boundaries
        .iter()
        .filter_map(|all| all.last())
        .flatten()
        .copied()
        .collect();
    let events = dump.input.iter().filter_map(|message| {
        Event::read(place(message), message.value.as_deref().unwrap_or_default())
    });
    let events: Vec<Event> = events.collect();
    let expected = oracle::expect(&oracle::order(&events, &boundaries), pack);
    decisions(dump, &expected, &mut findings);
    alerts(dump, &expected, &mut findings);
    dead(dump, &events, &ends, &mut findings);
    ordered(&dump.decisions, &mut findings);
    torn(dump, journals.values().flatten(), &mut findings);
    findings
}

fn place(message: &Message) -> (i32, i64) {
    (message.partition, message.offset)
}

fn json(message: &Message) -> Value {
    serde_json::from_slice(message.value.as_deref().unwrap_or_default()).expect("JSON")
}

fn positions(value: &Value) -> Positions {
    let pair = |pair: &Value| {
        (
            i32::try_from(pair[0].as_i64().unwrap()).unwrap(),
            pair[1].as_i64().unwrap(),
        )
    };
    value.as_array().unwrap().iter().map(pair).collect()
}

fn control(message: &Message) -> Control {
    let said = json(message);
    Control {
        from: positions(&said["from"]),
        entries: said["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(positions)
            .collect(),
        previous: said["previous"].as_str().unwrap().to_owned(),
        link: format!(
            "{:032x}",
            XxHash3_128::oneshot(message.value.as_deref().unwrap())
        ),
        said,
    }
}

/// Each begins where the one before it ended, names it, and has the next number.
fn chain(controls: &[Control], findings: &mut Findings) {
    let (mut link, mut to) = (String::new(), None);
    for (number, control) in controls.iter().enumerate() {
        let said = |what: &str| format!("commit {number}: {what}: {}", control.said);
        if control.said["sequence"].as_u64() != u64::try_from(number).ok() {
            findings.add("chain break", said("another number"));
        }
        if control.previous != link {
            findings.add("chain break", said("names another one before it"));
        }
        if to.as_ref().is_some_and(|to| *to != control.from) {
            findings.add(
                "chain break",
                said("does not begin where the one before it ended"),
            );
        }
        link.clone_from(&control.link);
        to = control.entries.last().cloned().or(to);
    }
}

/// The place in the input that a decision or an alert is of.
fn position(value: &Value) -> (i32, i64) {
    let number = |name: &str| value["position"][name].as_i64().unwrap_or(-1);
    (
        i32::try_from(number("partition")).unwrap_or(-1),
        number("offset"),
    )
}

fn decisions(dump: &Dump, expected: &[Expected], findings: &mut Findings) {
    let by_place: BTreeMap<(i32, i64), &Expected> = expected
        .iter()
        .map(|expected| (expected.event.place, expected))
        .collect();
    let mut seen: BTreeSet<(i32, i64)> = BTreeSet::new();
    let mut ids: BTreeMap<String, (i32, i64)> = BTreeMap::new();
    for value in dump.decisions.iter().map(json) {
        let at = position(&value);
        let id = value["decision_id"].as_str().unwrap_or_default().to_owned();
        if ids.insert(id, at).is_some_and(|before| before != at) {
            findings.add("different", format!("one id for two events: {value}"));
        }
        if !seen.insert(at) {
            findings.add("duplicated", value.to_string());
        }
        match by_place.get(&at) {
            None => findings.add("phantom", value.to_string()),
            Some(expected) if !same(expected, &value) => {
                findings.add("different", format!("{value} for {expected:?}"));
            }
            Some(_) => {}
        }
    }
    findings.compared += expected.len();
    for (at, expected) in by_place {
        if !seen.contains(&at) {
            findings.add("lost", format!("{expected:?}"));
        }
    }
}

fn same(expected: &Expected, value: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hits = value["hits"].as_array().map_or(&[][..], Vec::as_slice);
    let hits: Vec<(String, String)> = hits
        .iter()
        .map(|hit| (text(&hit["rule"]), text(&hit["explain"])))
        .collect();
    let wanted: Vec<(String, String)> = expected
        .hits
        .iter()
        .map(|(rule, said)| ((*rule).to_owned(), said.clone()))
        .collect();
    let names = ["card_count", "card_sum", "shop_count"];
    // A decision shows the values that its hits read.
    let values = names.iter().zip(expected.values).all(|(name, wanted)| {
        value["values"]
            .get(name)
            .is_none_or(|found| found.as_i64() == Some(wanted))
    });
    value["event_id"].as_str() == Some(&expected.event.id)
        && value["outcome"].as_str() == Some(expected.outcome)
        && value["score"].as_i64() == Some(expected.score)
        && value["flags"].as_array().is_some_and(Vec::is_empty)
        && hits == wanted
        && values
}

fn alerts(dump: &Dump, expected: &[Expected], findings: &mut Findings) {
    let mut wanted: BTreeMap<((i32, i64), String), usize> = BTreeMap::new();
    for expected in expected {
        for (rule, _) in &expected.hits {
            wanted.insert((expected.event.place, (*rule).to_owned()), 0);
        }
    }
    for value in dump.alerts.iter().map(json) {
        let rule = value["rule"].as_str().unwrap_or_default().to_owned();
        match wanted.get_mut(&(position(&value), rule)) {
            Some(count) => *count += 1,
            None => findings.add("phantom", format!("alert {value}")),
        }
    }
    for (alert, count) in wanted {
        match count {
            0 => findings.add("lost", format!("alert {alert:?}")),
            1 => {}
            _ => findings.add("duplicated", format!("alert {alert:?}")),
        }
    }
}

fn dead(dump: &Dump, events: &[Event], ends: &BTreeMap<i32, i64>, findings: &mut Findings) {
    let events: BTreeSet<(i32, i64)> = events.iter().map(|event| event.place).collect();
    let committed = |at: &(i32, i64)| ends.get(&at.0).is_some_and(|end| at.1 < *end);
    let is_event = |at: &(i32, i64)| events.contains(at);
    let mut wanted: BTreeMap<(i32, i64), usize> = dump
        .input
        .iter()
        .map(place)
        .filter(|at| committed(at) && !is_event(at))
        .map(|at| (at, 0))
        .collect();
    for letter in &dump.dead {
        let header = |name: &str| {
            let found = letter.headers.iter().find(|(key, _)| key == name);
            found.and_then(|(_, value)| String::from_utf8(value.clone()).ok()?.parse::<i64>().ok())
        };
        findings.dead_letters += 1;
        let at = header("tollgate-partition").zip(header("tollgate-offset"));
        let at = at.and_then(|(partition, offset)| Some((i32::try_from(partition).ok()?, offset)));
        match at.and_then(|at| wanted.get_mut(&at)) {
            Some(count) => *count += 1,
            None => findings.add("phantom", format!("dead letter {letter:?}")),
        }
    }
    for (at, count) in wanted {
        match count {
            0 => findings.add("lost", format!("dead letter of {at:?}")),
            1 => {}
            _ => findings.add("duplicated", format!("dead letter of {at:?}")),
        }
    }
}

/// Within a partition of the output, decisions on one partition of the input stand in the order of its offsets.
fn ordered(decisions: &[Message], findings: &mut Findings) {
    let mut last: BTreeMap<(i32, i32), i64> = BTreeMap::new();
    for message in decisions {
        let (partition, offset) = position(&json(message));
        let before = last.insert((message.partition, partition), offset);
        if before.is_some_and(|before| before >= offset) {
            findings.add(
                "out of order",
                format!("{message:?} behind offset {before:?}"),
            );
        }
    }
}

/// Each commit has all the outputs it says it has.
fn torn<'a>(dump: &Dump, controls: impl Iterator<Item = &'a Control>, findings: &mut Findings) {
    // By the place of the event: how many there are, and the sum of their hashes.
    type Sums = BTreeMap<(i32, i64), (u64, u128)>;
    let of = |messages: &[Message]| {
        let mut sums = Sums::new();
        for message in messages {
            let hash = XxHash3_128::oneshot(message.value.as_deref().unwrap_or_default());
            let (count, sum) = sums.entry(position(&json(message))).or_default();
            (*count, *sum) = (*count + 1, sum.wrapping_add(hash));
        }
        sums
    };
    let streams = [
        ("decisions", of(&dump.decisions)),
        ("alerts", of(&dump.alerts)),
    ];
    for control in controls {
        let Some(to) = control.entries.last() else {
            continue;
        };
        let from: BTreeMap<i32, i64> = control.from.iter().copied().collect();
        let spans = to
            .iter()
            .filter_map(|(p, to)| Some(((*p, *from.get(p)?), (*p, *to))));
        let spans: Vec<_> = spans.collect();
        for (name, sums) in &streams {
            let mine = spans.iter().flat_map(|(from, to)| sums.range(*from..*to));
            let add = |(count, sum): (u64, u128), (_, one): (_, &(u64, u128))| {
                (count + one.0, sum.wrapping_add(one.1))
            };
            let (count, sum) = mine.fold((0, 0), add);
            let told = (&control.said[name], &control.said["digests"][name]);
            let found = (Value::from(count), Value::from(format!("{sum:032x}")));
            if (told.0, told.1) != (&found.0, &found.1) {
                findings.add(
                    "torn",
                    format!("{name}: {found:?} found for {}", control.said),
                );
            }
        }
    }
}

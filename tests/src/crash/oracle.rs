//! What must come of the input, worked out naively: each event is compared with every event taken before it.
//!
//! The idea: the order in which partitions were merged is the application's own choice, which it writes down in its
//! control records: per boundary the next offset of every partition, and between two boundaries the order of event times
//! (ties: partition, then offset). Everything else follows from the pack's text. The invariant: it shares no code with
//! what it judges.

use serde_json::Value;

/// An event of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it lies.
    pub place: (i32, i64),
    /// Its id.
    pub id: String,
    /// Its time in milliseconds.
    pub ts: i64,
    /// Its card.
    pub card: String,
    /// Its shop.
    pub shop: String,
    /// Its amount.
    pub amount: i64,
}

/// What must be decided of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The event.
    pub event: Event,
    /// `review` or `decline`.
    pub outcome: &'static str,
    /// The sum of the scores.
    pub score: i64,
    /// The rules that hit, in the order of the pack, each with its explanation.
    pub hits: Vec<(&'static str, String)>,
    /// `card_count`, `card_sum`, `shop_count`.
    pub values: [i64; 3],
}

impl Event {
    /// Reads one; `None` for what is none, which has to become a dead letter.
    #[must_use]
    pub fn read(place: (i32, i64), value: &[u8]) -> Option<Event> {
        let value: Value = serde_json::from_slice(value).ok()?;
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Some(Event {
            place,
            id: text("id")?,
            ts: value.get("ts")?.as_i64()?,
            card: text("card")?,
            shop: text("shop")?,
            amount: value.get("amount")?.as_i64()?,
        })
    }

    /// As the feeder writes it.
    #[must_use]
    pub fn json(&self) -> String {
        format!(
            "{{\"id\":\"{}\",\"ts\":{},\"card\":\"{}\",\"shop\":\"{}\",\"amount\":{}}}",
            self.id, self.ts, self.card, self.shop, self.amount
        )
    }
}

/// The order in which events were taken: between two boundaries that of their times.
#[must_use]
pub fn order(events: &[Event], boundaries: &[Vec<(i32, i64)>]) -> Vec<Event> {
    let mut taken: Vec<Event> = Vec::with_capacity(events.len());
    let mut from: Vec<(i32, i64)> = Vec::new();
    for to in boundaries {
        let end = |of: &[(i32, i64)], partition: i32| {
            of.iter()
                .find(|(p, _)| *p == partition)
                .map_or(0, |(_, offset)| *offset)
        };
        let inside = |event: &&Event| {
            let (partition, offset) = event.place;
            end(&from, partition) <= offset && offset < end(to, partition)
        };
        let mut step: Vec<Event> = events.iter().filter(inside).cloned().collect();
        step.sort_by_key(|event| (event.ts, event.place));
        taken.extend(step);
        from.clone_from(to);
    }
    taken
}

/// What must be decided of each, in the order taken.
#[must_use]
pub fn expect(taken: &[Event]) -> Vec<Expected> {
    let each = taken.iter().enumerate();
    each.map(|(at, event)| expect_one(&taken[..=at], event))
        .collect()
}

/// The last of these is the event at hand.
fn expect_one(taken: &[Event], event: &Event) -> Expected {
    let within = |millis: i64| {
        let inside = move |other: &&Event| event.ts - millis < other.ts && other.ts <= event.ts;
        taken.iter().filter(inside)
    };
    let card_count = within(60_000)
        .filter(|other| other.card == event.card)
        .count();
    let card_sum: i64 = within(300_000)
        .filter(|other| other.card == event.card)
        .map(|other| other.amount)
        .sum();
    let shop_count = within(20_000)
        .filter(|other| other.shop == event.shop)
        .count();
    let count = |n: usize| i64::try_from(n).unwrap();
    let values = [count(card_count), card_sum, count(shop_count)];
    let busy = shop_count >= 40;
    let mut hits = vec![("ALL-01", format!("{card_count} {card_sum} {shop_count}"))];
    if busy {
        hits.push(("BUSY-01", shop_count.to_string()));
    }
    Expected {
        event: event.clone(),
        outcome: if busy { "decline" } else { "review" },
        score: if busy { 11 } else { 1 },
        hits,
        values,
    }
}

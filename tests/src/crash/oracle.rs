//! What must come of the input, worked out naively: each event is compared with those of its key taken before it.
//!
//! The idea: the order in which partitions were merged is the application's own choice, which it writes down in its
//! control records: per boundary the next offset of every partition, and between two boundaries the order of event times
//! (ties: partition, then offset). Everything else follows from the pack's text. The invariant: it shares no code with
//! what it judges.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::Pack;

/// Next offset per partition.
pub type Positions = Vec<(i32, i64)>;

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

/// The order in which events were taken: between two boundaries that of their times. Of each journal its boundaries.
#[must_use]
pub fn order(events: &[Event], journals: &[Vec<Positions>]) -> Vec<Event> {
    let mut left: BTreeMap<i32, VecDeque<&Event>> = BTreeMap::new();
    for event in events {
        left.entry(event.place.0).or_default().push_back(event);
    }
    let mut taken = Vec::with_capacity(events.len());
    for to in journals.iter().flatten() {
        let mut step: Vec<Event> = Vec::new();
        for (partition, end) in to {
            let Some(left) = left.get_mut(partition) else {
                continue;
            };
            while left.front().is_some_and(|event| event.place.1 < *end) {
                step.extend(left.pop_front().cloned());
            }
        }
        step.sort_by_key(|event| (event.ts, event.place));
        taken.append(&mut step);
    }
    taken
}

/// What was taken of one key, by time and place, with its amount.
type Taken = BTreeMap<(i64, (i32, i64)), i64>;

/// What must be decided of each, in the order taken.
#[must_use]
pub fn expect(taken: &[Event], pack: Pack) -> Vec<Expected> {
    let mut cards: BTreeMap<&str, Taken> = BTreeMap::new();
    let mut shops: BTreeMap<&str, Taken> = BTreeMap::new();
    let each = taken.iter().map(|event| {
        let at = (event.ts, event.place);
        let card = cards.entry(&event.card).or_default();
        card.insert(at, event.amount);
        let shop = shops.entry(&event.shop).or_default();
        shop.insert(at, event.amount);
        expect_one(event, card, shop, pack)
    });
    each.collect()
}

/// The last of those taken is the event at hand.
fn expect_one(event: &Event, card: &Taken, shop: &Taken, pack: Pack) -> Expected {
    let within = |of: &Taken, millis: i64| -> (i64, i64) {
        let from = (event.ts - millis + 1, (i32::MIN, i64::MIN));
        let to = (event.ts, (i32::MAX, i64::MAX));
        let amounts = of.range(from..=to).map(|(_, amount)| *amount);
        amounts.fold((0, 0), |(count, sum), amount| (count + 1, sum + amount))
    };
    let (card_count, _) = within(card, 60_000);
    let (_, card_sum) = within(card, 300_000);
    let (shop_count, _) = within(shop, 20_000);
    let values = [card_count, card_sum, shop_count];
    let busy = pack == Pack::TwoKeys && shop_count >= 40;
    let explain = match pack {
        Pack::TwoKeys => format!("{card_count} {card_sum} {shop_count}"),
        Pack::OneKey => format!("{card_count} {card_sum}"),
    };
    let mut hits = vec![("ALL-01", explain)];
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

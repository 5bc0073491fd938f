//! Crashes: a real application on a real broker that is killed, frozen and cut off while events come in, and what must
//! hold of everything it left behind.
//!
//! The idea: [`Feeder`] appends events at a steady pace, [`Site`] starts the application again and again, whoever
//! disturbs it counts what it has done in [`Rare`], and in the end [`checker`] reads the topics as anybody could and
//! compares them with what [`oracle`] says of a dump of the input. The invariant: nothing here knows how the application
//! does what it does, but for the documented control records; a run in which the rare paths were not taken is invalid.

pub mod checker;
pub mod feeder;
pub mod oracle;
pub mod rare;
pub mod scene;
pub mod site;

pub use checker::{Findings, check};
pub use feeder::Feeder;
pub use rare::Rare;
pub use scene::Scene;
pub use site::Site;

/// Which pack the application runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pack {
    /// Two keys, so that the order between partitions matters.
    TwoKeys,
    /// The key of the records alone, so that instances can share the partitions.
    OneKey,
}

impl Pack {
    /// Its text.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Pack::TwoKeys => TWO_KEYS,
            Pack::OneKey => ONE_KEY,
        }
    }
}

const TWO_KEYS: &str = "pack: crash
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp(ms), card: text, shop: text, amount: int }
features:
  card_count: { by: card, agg: count(), over: 1m }
  card_sum: { by: card, agg: sum(amount), over: 5m }
  shop_count: { by: shop, agg: count(), over: 20s }
rules:
  - id: ALL-01
    when: card_count >= 1 AND card_sum >= 0
    then: { action: review, score: 1, reason: ALL }
    explain: '{card_count} {card_sum} {shop_count}'
  - id: BUSY-01
    when: shop_count >= 40
    then: { action: decline, score: 10, reason: BUSY }
    explain: '{shop_count}'
policy: { order: [decline, review, approve] }
";

const ONE_KEY: &str = "pack: crash
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp(ms), card: text, shop: text, amount: int }
features:
  card_count: { by: card, agg: count(), over: 1m }
  card_sum: { by: card, agg: sum(amount), over: 5m }
rules:
  - id: ALL-01
    when: card_count >= 1 AND card_sum >= 0
    then: { action: review, score: 1, reason: ALL }
    explain: '{card_count} {card_sum}'
policy: { order: [decline, review, approve] }
";

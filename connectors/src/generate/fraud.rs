//! The kinds of fraud that are planted, one function each.
//!
//! The idea: an incident is a short list of swipes with the time after its start, at the speed of life. The
//! invariant: only what the fraudster does is labelled; the cardholder's own swipes beside it are honest.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::SECOND;
use super::event::{Event, Truth};
use super::world::{CITIES, Card, World, below, swipe};

/// Fraudulent swipes of an incident, on average over the kinds.
pub(super) const SWIPES_PER_INCIDENT: f64 = 10.3;

/// What a fraudster does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FraudKind {
    /// One device tries small amounts on many cards, most of them declined.
    CardTesting,
    /// A stolen card is used again and again within minutes.
    VelocityBurst,
    /// A copied card appears on another continent shortly after it was used at home.
    ImpossibleTravel,
    /// One large purchase from a device the card never used.
    NewDevice,
    /// A merchant's terminal runs many stolen cards within minutes.
    MerchantCompromise,
    /// Who has taken an account over buys more each time, far beyond the holder's habits.
    AccountTakeover,
}

impl FraudKind {
    /// All of them, in the order in which a stream plants them first.
    pub const ALL: [FraudKind; 6] = [
        FraudKind::CardTesting,
        FraudKind::VelocityBurst,
        FraudKind::ImpossibleTravel,
        FraudKind::NewDevice,
        FraudKind::AccountTakeover,
        FraudKind::MerchantCompromise,
    ];

    /// The name labels carry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FraudKind::CardTesting => "card_testing",
            FraudKind::VelocityBurst => "velocity_burst",
            FraudKind::ImpossibleTravel => "impossible_travel",
            FraudKind::NewDevice => "new_device",
            FraudKind::MerchantCompromise => "merchant_compromise",
            FraudKind::AccountTakeover => "account_takeover",
        }
    }
}

/// The swipes of an incident, each with the microseconds after its start.
pub(super) fn incident(
    kind: FraudKind,
    world: &World,
    victims: u32,
    random: &mut ChaCha8Rng,
) -> Vec<(i64, Event)> {
    let mut swipes = match kind {
        FraudKind::CardTesting => card_testing(world, victims, random),
        FraudKind::MerchantCompromise => merchant_compromise(world, victims, random),
        _ => {
            let card = world.any_card(victims, random);
            match kind {
                FraudKind::VelocityBurst => velocity_burst(world, &card, random),
                FraudKind::ImpossibleTravel => impossible_travel(world, &card, random),
                FraudKind::NewDevice => vec![(0, new_device(world, &card, random))],
                _ => account_takeover(world, &card, random),
            }
        }
    };
    for (_, event) in &mut swipes {
        if event.truth != Truth::Honest {
            event.truth = Truth::Fraud(kind);
        }
    }
    swipes
}

/// Marks a swipe as the fraudster's; the kind is filled in by [`incident`].
fn fraudulent(event: Event) -> Event {
    Event {
        truth: Truth::Fraud(FraudKind::CardTesting),
        ..event
    }
}

/// Eight cards in under three minutes, 0.50 to 4.99 dollars; the first five are declined.
fn card_testing(world: &World, victims: u32, random: &mut ChaCha8Rng) -> Vec<(i64, Event)> {
    let (device, merchant) = (world.new_device(random), world.any_merchant(random));
    (0..8)
        .map(|index| {
            let card = world.any_card(victims, random);
            let event = Event {
                device: Some(device),
                card_present: false,
                declined: index < 5 || below(random, 100) < 50,
                ..swipe(&card, &merchant, i64::from(50 + below(random, 450)))
            };
            (20 * SECOND * index, fraudulent(event))
        })
        .collect()
}

/// Seven swipes in town, 65 to 160 dollars, forty seconds apart.
fn velocity_burst(world: &World, card: &Card, random: &mut ChaCha8Rng) -> Vec<(i64, Event)> {
    (0..7)
        .map(|index| {
            let merchant = world.usual_merchant(card, random);
            let event = swipe(card, &merchant, i64::from(6_500 + below(random, 9_500)));
            (40 * SECOND * index, fraudulent(event))
        })
        .collect()
}

/// The holder at a terminal in town, and 25 minutes later somebody at one at least 40 degrees of longitude away.
fn impossible_travel(world: &World, card: &Card, random: &mut ChaCha8Rng) -> Vec<(i64, Event)> {
    let at_home = world.usual_merchant(card, random);
    let honest = swipe(card, &at_home, world.amount(card, &at_home, random));
    let from = below(random, 24) as usize;
    let is_far = |city: &usize| (CITIES[*city].1 - honest.lon_e4).abs() > 400_000;
    let city = (from..from + CITIES.len())
        .map(|city| city % CITIES.len())
        .find(is_far)
        .unwrap_or_default();
    let there = world.merchant_in(city, random.next_u64());
    let (lat_e4, lon_e4) = CITIES[city];
    let event = Event {
        lat_e4,
        lon_e4,
        ..swipe(card, &there, world.amount(card, &there, random))
    };
    vec![(0, honest), (25 * 60 * SECOND, fraudulent(event))]
}

/// At least 550 dollars and five times what is usual.
fn new_device(world: &World, card: &Card, random: &mut ChaCha8Rng) -> Event {
    let merchant = world.any_merchant(random);
    let amount = (card.usual_cents * 5).max(55_000) + i64::from(below(random, 20_000));
    let (lat_e4, lon_e4) = world.home(card);
    fraudulent(Event {
        device: Some(world.new_device(random)),
        card_present: false,
        lat_e4,
        lon_e4,
        ..swipe(card, &merchant, amount)
    })
}

/// Forty cards at one merchant in 200 seconds, without a device.
fn merchant_compromise(world: &World, victims: u32, random: &mut ChaCha8Rng) -> Vec<(i64, Event)> {
    let merchant = world.any_merchant(random);
    (0..40)
        .map(|index| {
            let card = world.any_card(victims, random);
            let amount = world.amount(&card, &merchant, random);
            let event = Event {
                card_present: false,
                ..swipe(&card, &merchant, amount)
            };
            (5 * SECOND * index, fraudulent(event))
        })
        .collect()
}

/// Four purchases from one new device within two hours, of 2, 4, 8 and 14 times what is usual.
fn account_takeover(world: &World, card: &Card, random: &mut ChaCha8Rng) -> Vec<(i64, Event)> {
    let device = world.new_device(random);
    let (lat_e4, lon_e4) = world.home(card);
    [2, 4, 8, 14]
        .into_iter()
        .zip(0..)
        .map(|(times, index)| {
            let merchant = world.any_merchant(random);
            let amount = card.usual_cents * times + i64::from(below(random, 500));
            let event = Event {
                device: Some(device),
                card_present: false,
                lat_e4,
                lon_e4,
                ..swipe(card, &merchant, amount)
            };
            (40 * 60 * SECOND * index, fraudulent(event))
        })
        .collect()
}

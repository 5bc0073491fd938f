//! Cards, merchants and devices, each computed from its number, and what a card does from day to day.
//!
//! The idea: a habit is a hash. A card has a home in one of some cities, an amount it usually spends, hours it is
//! awake, one device, and a few merchants in its town that it goes to. The invariant: numbers map to tokens one to one
//! (the mixing is a permutation of 64 bits), and nothing is kept per card.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::event::{Event, Truth};

/// Latitude and longitude in ten-thousandths of a degree.
pub(super) const CITIES: [(i32, i32); 24] = [
    (407_128, -740_060),
    (488_566, 23_522),
    (340_522, -1_182_437),
    (356_762, 1_396_503),
    (418_781, -876_298),
    (515_074, -1_278),
    (297_604, -953_698),
    (12_903, 1_038_520),
    (334_484, -1_120_740),
    (525_200, 134_050),
    (397_392, -1_049_903),
    (-338_688, 1_512_093),
    (257_617, -801_918),
    (525_676, 49_041),
    (476_062, -1_223_321),
    (190_760, 728_777),
    (423_601, -710_589),
    (404_168, -37_038),
    (327_767, -967_970),
    (375_665, 1_269_780),
    (436_532, -793_832),
    (593_293, 180_686),
    (-235_505, -466_333),
    (252_048, 552_708),
];

/// Category (ISO 18245) and what is spent there, in hundredths of a card's usual amount.
const CATEGORIES: [(u16, i64); 8] = [
    (5411, 110),
    (5814, 50),
    (5541, 100),
    (5812, 120),
    (5912, 70),
    (5311, 140),
    (4121, 60),
    (5999, 90),
];

/// How likely a card is used in each hour of its day, in percent: early, ordinary and late risers.
const HOURS: [[u8; 24]; 3] = [
    [
        5, 3, 2, 2, 5, 20, 50, 70, 80, 80, 85, 95, 100, 90, 80, 80, 85, 95, 90, 70, 45, 25, 12, 8,
    ],
    [
        4, 2, 1, 1, 2, 5, 15, 40, 60, 70, 80, 90, 100, 95, 85, 85, 90, 100, 100, 90, 70, 50, 25, 10,
    ],
    [
        40, 25, 12, 6, 3, 2, 3, 6, 15, 30, 45, 60, 75, 80, 80, 80, 85, 90, 95, 100, 100, 95, 80, 60,
    ],
];

/// How many merchants of its town a card goes to mostly.
const FAVOURITES: u64 = 8;

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    cards: u32,
    merchants: u32,
    /// Factors of an amount in thousandths, log-normal with sigma 0.35, by the sum of four bytes over four.
    factors: [i64; 256],
}

/// A card and its habits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    number: u32,
    pub(super) token: u64,
    pub(super) city: usize,
    pub(super) usual_cents: i64,
    habits: u64,
}

/// A merchant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merchant {
    pub(super) token: u64,
    pub(super) city: usize,
    pub(super) mcc: u16,
    spent_percent: i64,
    place: u64,
}

impl World {
    pub(super) fn new(seed: u64, cards: u32, merchants: u32) -> World {
        let factors = std::array::from_fn(|index| {
            // Four bytes sum to 510 with a deviation of 147.8.
            let sum = u16::try_from(index * 4).map_or(0.0, f64::from);
            #[allow(clippy::cast_possible_truncation, reason = "between 0.2 and 5")]
            let factor = (1000.0 * (0.35 * (sum - 510.0) / 147.8).exp()).round() as i64;
            factor
        });
        World {
            seed,
            cards: cards.max(1),
            merchants: merchants.max(1),
            factors,
        }
    }

    pub(super) fn card(&self, number: u32) -> Card {
        let habits = self.hash(b'h', u64::from(number));
        Card {
            number,
            token: self.hash(b'c', u64::from(number)),
            city: self.city_of(number),
            // From 12 to 80 dollars, more of them low.
            usual_cents: 1_200
                + i64::from((habits >> 8) as u16 % 6_800)
                    .min(i64::from((habits >> 24) as u16 % 6_800)),
            habits,
        }
    }

    pub(super) fn merchant(&self, number: u32) -> Merchant {
        let place = self.hash(b'p', u64::from(number));
        let (mcc, spent_percent) = CATEGORIES[(place >> 40) as usize % CATEGORIES.len()];
        Merchant {
            token: self.hash(b'm', u64::from(number)),
            city: self.city_of(number),
            mcc,
            spent_percent,
            place,
        }
    }

    /// Any card of the first `population`.
    pub(super) fn any_card(&self, population: u32, random: &mut ChaCha8Rng) -> Card {
        self.card(below(random, population.min(self.cards)))
    }

    /// A card that may be used at this time of its day.
    pub(super) fn awake_card(&self, time: i64, population: u32, random: &mut ChaCha8Rng) -> Card {
        let mut card = self.any_card(population, random);
        // Eight tries find one nearly always; the last is taken as it is.
        for _ in 0..8 {
            let local = time / 1_000_000 + i64::from(CITIES[card.city].1) * 86_400 / 3_600_000;
            let hour = usize::try_from(local.rem_euclid(86_400) / 3_600).unwrap_or_default();
            if below(random, 100) < u32::from(HOURS[card.habits as usize % HOURS.len()][hour]) {
                break;
            }
            card = self.any_card(population, random);
        }
        card
    }

    /// An ordinary swipe: three in four at a terminal in town, the others online from the card's own device.
    pub(super) fn habitual_swipe(&self, time: i64, card: &Card, random: &mut ChaCha8Rng) -> Event {
        let merchant = self.usual_merchant(card, random);
        let present = below(random, 100) < 75;
        let mut event = swipe(card, &merchant, self.amount(card, &merchant, random));
        event.time_micros = time;
        event.card_present = present;
        event.declined = below(random, 1000) < 15;
        if !present {
            event.device = Some(self.own_device(card));
            (event.lat_e4, event.lon_e4) = self.home(card);
        }
        event
    }

    /// A merchant of the card's town.
    pub(super) fn usual_merchant(&self, card: &Card, random: &mut ChaCha8Rng) -> Merchant {
        let draw = random.next_u64();
        let pick = if draw % 100 < 80 {
            self.hash(
                b'f',
                u64::from(card.number) * FAVOURITES + (draw >> 8) % FAVOURITES,
            )
        } else {
            draw >> 8
        };
        self.merchant_in(card.city, pick)
    }

    /// One of the merchants of a city.
    pub(super) fn merchant_in(&self, city: usize, pick: u64) -> Merchant {
        let cities = self.cities();
        let city = u32::try_from(city).unwrap_or_default() % cities;
        let there = (self.merchants - city).div_ceil(cities).max(1);
        let index = u32::try_from(pick % u64::from(there)).unwrap_or_default();
        self.merchant(city + index * cities)
    }

    pub(super) fn any_merchant(&self, random: &mut ChaCha8Rng) -> Merchant {
        self.merchant(below(random, self.merchants))
    }

    /// What the card spends at the merchant, in cents.
    pub(super) fn amount(&self, card: &Card, merchant: &Merchant, random: &mut ChaCha8Rng) -> i64 {
        let [a, b, c, d, ..] = random.next_u64().to_le_bytes();
        let sum = usize::from(a) + usize::from(b) + usize::from(c) + usize::from(d);
        (card.usual_cents * merchant.spent_percent / 100 * self.factors[sum / 4] / 1000).max(100)
    }

    pub(super) fn own_device(&self, card: &Card) -> u64 {
        self.hash(b'd', u64::from(card.number))
    }

    /// A device nobody has.
    pub(super) fn new_device(&self, random: &mut ChaCha8Rng) -> u64 {
        random.next_u64()
    }

    /// Where the card lives.
    pub(super) fn home(&self, card: &Card) -> (i32, i32) {
        near(card.city, card.habits)
    }

    fn cities(&self) -> u32 {
        self.merchants.min(24)
    }

    fn city_of(&self, number: u32) -> usize {
        (number % self.cities()) as usize
    }

    /// A permutation of the numbers, another one for each seed and purpose: the finalizer of SplitMix64 (Steele, Lea,
    /// Flood, "Fast splittable pseudorandom number generators", 2014).
    fn hash(&self, purpose: u8, number: u64) -> u64 {
        let key = mix(self.seed ^ (u64::from(purpose) << 56));
        mix(number.wrapping_add(key))
    }
}

/// A swipe at the merchant's terminal, its time not known yet.
pub(super) fn swipe(card: &Card, merchant: &Merchant, amount_cents: i64) -> Event {
    let (lat_e4, lon_e4) = near(merchant.city, merchant.place);
    Event {
        number: 0,
        seed: 0,
        time_micros: 0,
        card: card.token,
        merchant: merchant.token,
        device: None,
        amount_cents,
        lat_e4,
        lon_e4,
        card_present: true,
        declined: false,
        mcc: merchant.mcc,
        truth: Truth::Honest,
        incident: 0,
    }
}

/// Less than `end`.
pub(super) fn below(random: &mut ChaCha8Rng, end: u32) -> u32 {
    u32::try_from(random.next_u64() % u64::from(end.max(1))).unwrap_or_default()
}

/// A place within about ten kilometres of a city.
fn near(city: usize, hash: u64) -> (i32, i32) {
    let (lat, lon) = CITIES[city % CITIES.len()];
    let offset = |bits: u64| i32::from(bits as u16 % 1_800) - 900;
    (lat + offset(hash), lon + offset(hash >> 16))
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

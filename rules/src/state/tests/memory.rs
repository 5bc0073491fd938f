//! What a quiet card costs, over all features the card-core pack keeps by card.

use arrow::array::{Float64Array, TimestampMicrosecondArray};

use super::*;

/// The features of the card-core pack that are kept by card.
fn card_core() -> GroupPlan {
    let minutes = |m: i64| Window::Sliding {
        from: Span::seconds(m * 60),
        to: Span::ZERO,
    };
    let days = |d: i64| minutes(d * 24 * 60);
    let prior = |mut f: FeaturePlan| {
        f.scope = Scope::Prior;
        f
    };
    let mut previous = prior(of(Aggregate::Last, &[1, 2, 3], days(1)));
    previous.filter = Some(0);
    GroupPlan {
        key: vec![Type::Text],
        inputs: vec![Type::Decimal(4), Type::Timestamp, Type::Float, Type::Float],
        filters: 1,
        features: vec![
            count(minutes(10), Scope::WithCurrent),
            of(Aggregate::Sum, &[0], minutes(10)),
            previous,
            count(days(90), Scope::Prior),
            prior(of(Aggregate::Avg, &[0], days(90))),
            prior(of(Aggregate::StddevPop, &[0], days(90))),
        ],
        max_lateness: Span::seconds(120),
        limits: Limits::default(),
    }
}

#[test]
fn a_quiet_card_costs_at_most_160_bytes() {
    const CARDS: usize = 20_000;
    let mut state = GroupState::new(card_core(), HashSeed::FIXED);
    for round in 0..2i64 {
        let names = (0..CARDS).map(|i| format!("card-{i:08}"));
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(names));
        let amounts = Decimal128Array::from_iter_values((0..CARDS as i128).map(|i| i * 100));
        let micros = (0..CARDS as i64).map(|i| (round * CARDS as i64 + i) * 1_000_000);
        let times: Vec<EventTime> = micros.clone().map(EventTime).collect();
        let stamps = TimestampMicrosecondArray::from_iter_values(micros);
        let places: ArrayRef = Arc::new(Float64Array::from(vec![52.3; CARDS]));
        let step = GroupStep {
            keys: &[keys],
            inputs: &[
                Arc::new(amounts.with_data_type(Type::Decimal(4).arrow())),
                Arc::new(stamps.with_data_type(Type::Timestamp.arrow())),
                places.clone(),
                places,
            ],
            filters: &[BooleanArray::from(vec![true; CARDS])],
            times: &times,
            added: &vec![true; CARDS],
            duplicate: &vec![false; CARDS],
            horizon: &times,
        };
        state.fold(&step);
        let size = state.size();
        assert_eq!(
            (size.keys, size.events),
            (CARDS, (round as usize + 1) * CARDS)
        );
        let each = size.bytes / CARDS;
        let most = [120, 160][round as usize];
        assert!(each <= most, "{each} bytes with {} events each", round + 1);
    }
    let features = state.feature_bytes();
    assert_eq!(features.len(), 6);
    let (sum, bytes) = (features.iter().sum::<usize>(), state.size().bytes);
    assert!(sum <= bytes && sum + 6 >= bytes, "{sum} of {bytes}");
    // Sum, average and deviation share the amounts; nobody else reads the place and time of the previous event.
    assert!(features[2] > features[1] && features[1] > features[0]);
}

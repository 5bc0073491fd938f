//! Every expression of the card-core example compiles, to the type its place needs.

use std::collections::BTreeMap;

use super::super::{Names, compile};
use crate::ruleset::Column;
use crate::value::{Type, Value};

fn columns(written: &[(&str, Type)]) -> Vec<Column> {
    written
        .iter()
        .map(|(name, ty)| Column {
            name: (*name).to_owned(),
            ty: *ty,
        })
        .collect()
}

#[test]
fn card_core_compiles() {
    let columns = columns(&[
        ("ts", Type::Timestamp),
        ("card_id", Type::Text),
        ("device_id", Type::Text),
        ("amount_usd", Type::Decimal(4)),
        ("lat", Type::Float),
        ("lon", Type::Float),
        ("card_present", Type::Bool),
        ("auth_result", Type::Text),
        ("card_cnt_10m", Type::Int),
        ("card_sum_10m", Type::Decimal(4)),
        ("card_prev.ts", Type::Timestamp),
        ("card_prev.lat", Type::Float),
        ("card_prev.lon", Type::Float),
        ("dev_cards_15m", Type::Int),
        ("dev_decl_15m", Type::Int),
        ("merch_cnt_5m", Type::Int),
        ("merch_cnt_7d", Type::Int),
        ("card_dev_90d", Type::Int),
        ("card_n_90d", Type::Int),
        ("card_avg_90d", Type::Float),
        ("card_sd_90d", Type::Float),
        // The `let` values of the rules, as columns behind.
        ("km", Type::Float),
        ("hours", Type::Float),
        ("expected_5m", Type::Float),
        ("z", Type::Float),
    ]);
    let params: BTreeMap<String, Value> = [
        "n", "total", "kmh", "min_km", "cards", "declines", "floor", "ratio", "history", "amount",
        "times", "z",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), Value::Int(5)))
    .collect();
    let names = Names {
        columns: &columns,
        params: &params,
        lists: &[],
    };
    for (text, ty) in [
        ("card_present AND lat IS NOT NULL", Type::Bool),
        ("amount_usd <= 5", Type::Bool),
        ("amount_usd <= 5 AND auth_result = 'declined'", Type::Bool),
        ("card_cnt_10m >= :n AND card_sum_10m > :total", Type::Bool),
        (
            "geo_km(card_prev.lat, card_prev.lon, lat, lon)",
            Type::Float,
        ),
        (
            "greatest(seconds_between(card_prev.ts, ts), 60) / 3600.0",
            Type::Float,
        ),
        (
            "card_present AND km > :min_km AND km / hours > :kmh",
            Type::Bool,
        ),
        (
            "amount_usd <= 5 AND dev_cards_15m >= :cards AND dev_decl_15m >= :declines",
            Type::Bool,
        ),
        ("(merch_cnt_7d - merch_cnt_5m) / 2015.0", Type::Float),
        (
            "merch_cnt_5m >= :floor AND merch_cnt_5m > :ratio * greatest(expected_5m, 1.0)",
            Type::Bool,
        ),
        (
            "device_id IS NOT NULL AND card_dev_90d = 0 AND card_n_90d >= :history\n          AND amount_usd >= :amount AND amount_usd > :times * card_avg_90d",
            Type::Bool,
        ),
        (
            "(amount_usd - card_avg_90d) / greatest(card_sd_90d, 1.0)",
            Type::Float,
        ),
        ("card_n_90d >= :history AND z > :z", Type::Bool),
    ] {
        let program =
            compile(text, &names).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        assert_eq!(program.ty(), ty, "{text}");
    }
}

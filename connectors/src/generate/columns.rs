//! Swipes as columns of the card-core schema, for files of columns.
//!
//! The invariant: a column holds what the decoder makes of the member of that name in [`Event::write_json`].

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;

use super::event::Event;

/// One row per event.
#[must_use]
pub fn columns(events: &[Event]) -> RecordBatch {
    let decimals = Decimal128Array::from_iter_values(
        events
            .iter()
            .map(|event| i128::from(event.amount_cents) * 100),
    );
    let times =
        TimestampMicrosecondArray::from_iter_values(events.iter().map(|event| event.time_micros));
    let degrees = |value: fn(&Event) -> i32| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            events.iter().map(|event| f64::from(value(event)) / 1e4),
        ))
    };
    let columns: [(&str, ArrayRef); 12] = [
        (
            "swipe_id",
            texts(events, |event, out| {
                event.write_id(out);
                true
            }),
        ),
        ("ts", Arc::new(times.with_timezone("UTC"))),
        (
            "card_id",
            texts(events, |event, out| {
                event.write_card(out);
                true
            }),
        ),
        (
            "merchant_id",
            texts(events, |event, out| {
                event.write_merchant(out);
                true
            }),
        ),
        ("device_id", texts(events, Event::write_device)),
        (
            "amount_usd",
            Arc::new(decimals.with_data_type(DataType::Decimal128(18, 4))),
        ),
        ("lat", degrees(|event| event.lat_e4)),
        ("lon", degrees(|event| event.lon_e4)),
        (
            "card_present",
            Arc::new(
                events
                    .iter()
                    .map(|event| Some(event.card_present))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "auth_result",
            Arc::new(StringArray::from_iter_values(
                events.iter().map(Event::auth_result),
            )),
        ),
        (
            "mcc",
            Arc::new(StringArray::from_iter_values(
                events.iter().map(|event| event.mcc.to_string()),
            )),
        ),
        (
            "currency",
            Arc::new(StringArray::from_iter_values(events.iter().map(|_| "USD"))),
        ),
    ];
    // Every column may hold nulls as far as the schema says, so that it is the same for every batch.
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
        .unwrap_or_else(|error| unreachable!("columns of one length: {error}"))
}

/// What a function writes for each event; null where it says `false`.
fn texts(events: &[Event], write: impl Fn(&Event, &mut Vec<u8>) -> bool) -> ArrayRef {
    let mut text = Vec::new();
    let texts = events.iter().map(|event| {
        text.clear();
        write(event, &mut text).then(|| String::from_utf8_lossy(&text).into_owned())
    });
    Arc::new(texts.collect::<StringArray>())
}

//! Decisions and alerts as Arrow columns, for Parquet and for other programs.
//!
//! The names are those of the JSON members. `position` is a struct, `hits` a list of structs, `flags` a list of text,
//! times are microseconds in UTC, and `values` is the JSON object as text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::{View, json};
use crate::evaluate::cell::with_key_text;
use crate::evaluate::{Decision, Flags, Hit};

/// The columns of decisions.
#[must_use]
pub fn decision_schema() -> SchemaRef {
    let mut fields = vec![text("decision_id", false)];
    fields.extend(event_fields());
    let hits = DataType::List(Arc::new(Field::new(
        "item",
        DataType::Struct(hit_fields()),
        false,
    )));
    fields.push(Field::new("hits", hits, false));
    fields.extend(tail_fields());
    Arc::new(Schema::new(fields))
}

/// The columns of alerts.
#[must_use]
pub fn alert_schema() -> SchemaRef {
    let mut fields = vec![
        text("alert_id", false),
        text("rule", false),
        text("owner", true),
        text("notify", true),
        text("decision_id", false),
    ];
    fields.extend(event_fields());
    fields.push(Field::new("hit", DataType::Struct(hit_fields()), false));
    fields.extend(tail_fields());
    Arc::new(Schema::new(fields))
}

pub(super) fn decisions(view: &View<'_>) -> Result<RecordBatch, ArrowError> {
    let decisions: Vec<_> = view.output.decisions.iter().enumerate().collect();
    let ids = decisions
        .iter()
        .map(|(_, d)| view.renderer.decision_id(d).to_string());
    let mut columns = vec![texts(ids)];
    columns.extend(event_columns(view, &decisions)?);
    let rows = decisions.iter().map(|(_, d)| view.output.hits_of(d));
    let item = Arc::new(Field::new("item", DataType::Struct(hit_fields()), false));
    let hits = hit_column(view, rows.clone().flatten())?;
    let lengths = OffsetBuffer::from_lengths(rows.clone().map(<[Hit]>::len));
    columns.push(Arc::new(ListArray::try_new(item, lengths, hits, None)?));
    let values = decisions
        .iter()
        .zip(rows)
        .map(|((row, _), hits)| values(view, hits, *row));
    columns.push(texts(values));
    columns.extend(tail_columns(view, &decisions)?);
    RecordBatch::try_new(decision_schema(), columns)
}

pub(super) fn alerts(view: &View<'_>) -> Result<RecordBatch, ArrowError> {
    let renderer = view.renderer;
    let alerts: Vec<_> = view
        .alerts()
        .filter_map(|hit| {
            let decision = view.output.decisions.get(hit.row)?;
            Some((hit, decision, renderer.written(hit)?))
        })
        .collect();
    let decisions: Vec<_> = alerts.iter().map(|(hit, d, _)| (hit.row, *d)).collect();
    let ids = alerts
        .iter()
        .map(|(_, d, w)| renderer.alert_id(d, w.rule).to_string());
    let decision_ids = decisions
        .iter()
        .map(|(_, d)| renderer.decision_id(d).to_string());
    let optional = |column: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(column)) };
    let mut columns = vec![
        texts(ids),
        texts(alerts.iter().map(|(_, _, w)| w.rule)),
        optional(alerts.iter().map(|(_, _, w)| w.owner).collect()),
        optional(alerts.iter().map(|(_, _, w)| w.notify).collect()),
        texts(decision_ids),
    ];
    columns.extend(event_columns(view, &decisions)?);
    columns.push(hit_column(view, alerts.iter().map(|(hit, _, _)| *hit))?);
    let values = alerts
        .iter()
        .map(|(hit, _, _)| values(view, std::slice::from_ref(*hit), hit.row));
    columns.push(texts(values));
    columns.extend(tail_columns(view, &decisions)?);
    RecordBatch::try_new(alert_schema(), columns)
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn position_fields() -> Fields {
    Fields::from(vec![
        text("topic", false),
        Field::new("partition", DataType::Int32, false),
        Field::new("offset", DataType::Int64, false),
    ])
}

fn hit_fields() -> Fields {
    Fields::from(vec![
        text("rule", false),
        text("mode", false),
        text("action", false),
        Field::new("score", DataType::Int64, false),
        text("reason", false),
        text("explain", false),
    ])
}

fn event_fields() -> [Field; 5] {
    [
        text("event_id", true),
        Field::new("position", DataType::Struct(position_fields()), false),
        Field::new("event_time", time_type(), false),
        text("outcome", false),
        Field::new("score", DataType::Int64, false),
    ]
}

fn flag_item() -> Arc<Field> {
    Arc::new(text("item", false))
}

fn tail_fields() -> [Field; 3] {
    [
        text("values", false),
        Field::new("flags", DataType::List(flag_item()), false),
        text("pack", false),
    ]
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    // A builder, because `from_iter_values` wants to know the number of values and nested hits do not.
    let mut builder = StringBuilder::new();
    values.for_each(|value| builder.append_value(value));
    Arc::new(builder.finish())
}

fn event_columns(
    view: &View<'_>,
    decisions: &[(usize, &Decision)],
) -> Result<[ArrayRef; 5], ArrowError> {
    let ids = decisions
        .iter()
        .map(|(row, _)| with_key_text(view.ids.at(*row), str::to_owned));
    let all = || decisions.iter().map(|(_, decision)| *decision);
    let partitions = all().map(|d| i32::try_from(d.position.partition).unwrap_or(i32::MAX));
    let position = StructArray::try_new(
        position_fields(),
        vec![
            texts(all().map(|_| &view.renderer.topic)),
            Arc::new(Int32Array::from_iter_values(partitions)),
            Arc::new(Int64Array::from_iter_values(
                all().map(|d| d.position.offset),
            )),
        ],
        None,
    )?;
    let times = TimestampMicrosecondArray::from_iter_values(all().map(|d| d.time.0));
    let order = &view.renderer.rules.policy.order;
    let outcomes = all().map(|d| order.get(d.outcome).map_or("", String::as_str));
    Ok([
        Arc::new(ids.collect::<StringArray>()),
        Arc::new(position),
        Arc::new(times.with_timezone("UTC")),
        texts(outcomes),
        Arc::new(Int64Array::from_iter_values(all().map(|d| d.score))),
    ])
}

fn tail_columns(
    view: &View<'_>,
    decisions: &[(usize, &Decision)],
) -> Result<[ArrayRef; 2], ArrowError> {
    let flags = || decisions.iter().map(|(_, decision)| decision.flags);
    let lengths = OffsetBuffer::from_lengths(flags().map(|flags| flags.names().count()));
    let names = texts(flags().flat_map(Flags::names));
    let flags = ListArray::try_new(flag_item(), lengths, names, None)?;
    let packs = decisions.iter().map(|_| &view.renderer.rules.version);
    Ok([Arc::new(flags), texts(packs)])
}

fn hit_column<'h>(
    view: &View<'_>,
    hits: impl Iterator<Item = &'h Hit> + Clone,
) -> Result<ArrayRef, ArrowError> {
    let written = || hits.clone().filter_map(|hit| view.renderer.written(hit));
    let explains = hits.clone().map(|hit| view.output.explain_of(hit));
    let columns: Vec<ArrayRef> = vec![
        texts(written().map(|w| w.rule)),
        texts(written().map(|w| w.mode)),
        texts(written().map(|w| w.action)),
        Arc::new(Int64Array::from_iter_values(written().map(|w| w.score))),
        texts(written().map(|w| w.reason)),
        texts(explains),
    ];
    Ok(Arc::new(StructArray::try_new(hit_fields(), columns, None)?))
}

fn values(view: &View<'_>, hits: &[Hit], row: usize) -> String {
    let mut out = Vec::new();
    json::values(view, hits, row, &mut out);
    // What `json` writes is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

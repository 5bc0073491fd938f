//! `tollgate list`: what there is, derived from the lists the code itself is driven by.

use std::io;

use clap::ValueEnum;
use connectors::format::Format;
use rules::aggregate::Aggregate;
use rules::expression::function;
use rules::window::Form;

use super::explain::pages;
use super::{Exit, Io};
use crate::metrics::catalogue;

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Where events come from and where outputs go
    Connectors,
    /// How events are written
    Formats,
    /// What a feature can compute
    Aggregates,
    /// Over which events
    Windows,
    /// What an expression can call
    Functions,
    /// What can be wrong
    Errors,
    /// What is measured
    Metrics,
}

/// A line: a name and what to say about it.
type Line = (String, String);

pub(super) fn run(what: What, io: &mut Io<'_>) -> io::Result<Exit> {
    let lines = match what {
        What::Connectors => connectors(),
        What::Formats => formats(),
        What::Aggregates => aggregates(),
        What::Windows => windows(),
        What::Functions => functions(),
        What::Errors => pages()
            .iter()
            .map(|page| (page.id.to_owned(), page.title().to_owned()))
            .collect(),
        What::Metrics => metrics(),
    };
    let width = lines
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    for (name, about) in lines {
        writeln!(io.out, "{name:width$}  {about}")?;
    }
    Ok(Exit::Ok)
}

fn line(name: impl Into<String>, about: impl Into<String>) -> Line {
    (name.into(), about.into())
}

fn connectors() -> Vec<Line> {
    let all = crate::config::CONNECTORS.iter();
    all.map(|connector| {
        line(
            connector.name,
            format!("{:13}  {}", connector.ends(), connector.about),
        )
    })
    .collect()
}

fn formats() -> Vec<Line> {
    Format::ALL
        .iter()
        .map(|format| line(format.name(), format.about()))
        .collect()
}

fn aggregates() -> Vec<Line> {
    Aggregate::ALL
        .iter()
        .map(|aggregate| line(aggregate.name(), about_aggregate(*aggregate)))
        .collect()
}

fn about_aggregate(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "count(): events; count(x): events where x is known; exact",
        Aggregate::Sum => "sum(x): exact, over nothing 0",
        Aggregate::Avg => "avg(x): exact sum over count, rounded once; over nothing unknown",
        Aggregate::Min => "min(x): least; over nothing unknown",
        Aggregate::Max => "max(x): greatest; over nothing unknown",
        Aggregate::StddevPop => {
            "stddev_pop(x): standard deviation of the population; over nothing unknown"
        }
        Aggregate::StddevSamp => {
            "stddev_samp(x): standard deviation of a sample; over fewer than two unknown"
        }
        Aggregate::VarPop => "var_pop(x): variance of the population; exact, over nothing unknown",
        Aggregate::VarSamp => "var_samp(x): variance of a sample; over fewer than two unknown",
        Aggregate::Quantile { .. } => {
            "quantile(x, 0.95): below which 95 % of the values lie, interpolated; exact"
        }
        Aggregate::Median => "median(x): quantile(x, 0.5)",
        Aggregate::Mode => "mode(x): the most frequent value, of equally frequent ones the least",
        Aggregate::TopK { .. } => {
            "top_k(x, 3): the 3 most frequent values as a JSON list, ties by least; text"
        }
        Aggregate::Rate => {
            "rate(): events per second of the window's length; rate(x): sum of x per second"
        }
        Aggregate::Ewma { .. } => {
            "ewma(x, 1h): average weighted by 2^(-age/1h); approximate float, over nothing unknown"
        }
        Aggregate::CountDistinct => {
            "count_distinct(x): distinct known values; exact within the budget, over nothing 0"
        }
        Aggregate::First => "first(x, …): from the earliest event; several columns make members",
        Aggregate::Last => "last(x, …): from the latest event; several columns make members",
        Aggregate::Ratio => "ratio(p): share of true among the events where p is known",
    }
}

fn windows() -> Vec<Line> {
    Form::ALL
        .iter()
        .map(|form| line(form.written, format!("{}: {}", form.name, form.about)))
        .collect()
}

fn functions() -> Vec<Line> {
    function::ALL
        .iter()
        .map(|function| line(function.signature, function.doc))
        .collect()
}

fn metrics() -> Vec<Line> {
    let entry = |entry: &catalogue::Entry| {
        let labels = if entry.labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", entry.labels.join(","))
        };
        line(
            format!("{}{labels}", entry.name),
            format!("{:9}  {}", entry.kind.name(), entry.help),
        )
    };
    catalogue::ALL.iter().map(entry).collect()
}

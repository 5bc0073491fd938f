//! What the demo shows: a line per alert as it happens, and a status line about every second.
//!
//! The invariant: a reader that went away ends the demo; nothing else that happens on the terminal disturbs the worker.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hdrhistogram::Histogram;
use rules::evaluate::cell::{Cell, Cells};
use rules::evaluate::{Decision, Hit, Hitter};

use crate::clock::Clock;
use crate::observe::{Observer, StepView};
use crate::shutdown::{Reason, Shutdown};

/// How often the status line is renewed.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Latencies beyond this are shown as this.
const LATENCY_US_MAX: u64 = 60_000_000;

/// How it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Lines only, no escape sequences.
    Plain,
    /// Colours, and a status line that overwrites itself.
    Rich,
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Tally {
    events: u64,
    live_events: u64,
    decisions: BTreeMap<String, u64>,
    alerts: BTreeMap<String, u64>,
    latency_us: Option<Histogram<u64>>,
    elapsed: Duration,
}

/// The observer.
pub(super) struct Terminal {
    look: Look,
    begin_us: i64,
    for_: Option<Duration>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    tally: Arc<Mutex<Tally>>,
    status_at: Duration,
    status_events: u64,
    status_shown: bool,
}

impl Look {
    /// Rich on a terminal.
    pub(super) fn of_this_terminal() -> Look {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && !plain {
            Look::Rich
        } else {
            Look::Plain
        }
    }
}

impl Terminal {
    pub(super) fn new(
        look: Look,
        begin_us: i64,
        for_: Option<Duration>,
        clock: Arc<dyn Clock>,
        shutdown: Shutdown,
    ) -> Terminal {
        let tally = Tally {
            events: 0,
            live_events: 0,
            decisions: BTreeMap::new(),
            alerts: BTreeMap::new(),
            latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).ok(),
            elapsed: Duration::ZERO,
        };
        Terminal {
            look,
            begin_us,
            for_,
            clock,
            shutdown,
            tally: Arc::new(Mutex::new(tally)),
            status_at: Duration::ZERO,
            status_events: 0,
            status_shown: false,
        }
    }

    /// What it counts, to be read when all is over.
    pub(super) fn tally(&self) -> Arc<Mutex<Tally>> {
        Arc::clone(&self.tally)
    }

    fn show(&mut self, lines: &[String], status: Option<&str>) {
        let mut out = io::stdout().lock();
        if self.write(&mut out, lines, status).is_err() {
            self.shutdown.request(Reason::Finished);
        }
    }

    fn write(
        &mut self,
        out: &mut dyn Write,
        lines: &[String],
        status: Option<&str>,
    ) -> io::Result<()> {
        if self.look == Look::Rich && self.status_shown {
            write!(out, "\r\u{1b}[2K")?;
            self.status_shown = false;
        }
        for line in lines {
            writeln!(out, "{line}")?;
        }
        if let Some(status) = status {
            if self.look == Look::Rich {
                write!(out, "{status}")?;
                self.status_shown = true;
            } else {
                writeln!(out, "{status}")?;
            }
        }
        out.flush()
    }
}

impl Observer for Terminal {
    fn step(&mut self, view: &StepView<'_>) {
        let mut lines = Vec::new();
        {
            let mut tally = lock(&self.tally);
            for decision in &view.output.decisions {
                let outcome = view
                    .rules
                    .policy
                    .order
                    .get(decision.outcome)
                    .cloned()
                    .unwrap_or_default();
                tally.events += 1;
                // The weeks of habits only teach; the demo begins with the first swipe of now.
                if decision.time.0 < self.begin_us {
                    continue;
                }
                tally.live_events += 1;
                *tally.decisions.entry(outcome).or_default() += 1;
                for hit in view.output.hits_of(decision).iter().filter(|hit| hit.alert) {
                    let Some((rule, line)) = alert(view, decision, hit, self.look) else {
                        continue;
                    };
                    *tally.alerts.entry(rule).or_default() += 1;
                    lines.push(line);
                }
            }
            let live = view
                .output
                .decisions
                .iter()
                .filter(|decision| decision.time.0 >= self.begin_us)
                .count();
            let us = u64::try_from(view.latency.as_micros()).unwrap_or(LATENCY_US_MAX);
            if let Some(latency) = tally.latency_us.as_mut() {
                latency.saturating_record_n(
                    us.clamp(1, LATENCY_US_MAX),
                    u64::try_from(live).unwrap_or_default(),
                );
            }
        }
        if !lines.is_empty() {
            self.show(&lines, None);
        }
    }

    fn tick(&mut self) {
        let now = self.clock.elapsed();
        if self.for_.is_some_and(|time| now >= time) {
            self.shutdown.request(Reason::Finished);
        }
        let passed = now.saturating_sub(self.status_at);
        if passed < STATUS_EVERY {
            return;
        }
        let status = {
            let mut tally = lock(&self.tally);
            tally.elapsed = now;
            let rate = (tally.events - self.status_events) as f64 / passed.as_secs_f64();
            self.status_events = tally.events;
            status(&tally, rate)
        };
        self.status_at = now;
        self.show(&[], Some(&status));
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rule and line of an alert: when, card, amount, rule, why.
fn alert(
    view: &StepView<'_>,
    decision: &Decision,
    hit: &Hit,
    look: Look,
) -> Option<(String, String)> {
    let Hitter::Rule(index) = hit.by else {
        return None;
    };
    let rule = view.rules.rules.get(index)?;
    let action = view.rules.policy.order.get(rule.action)?;
    let cell = |name: &str| {
        let at = view
            .rules
            .schema
            .fields
            .iter()
            .position(|field| field.name == name);
        let column = at.and_then(|at| view.events.columns().get(at));
        column.map_or_else(
            || "?".to_owned(),
            |column| shown(Cells::of(column).at(hit.row)),
        )
    };
    let (card, amount) = (cell("card_id"), format!("${}", cell("amount_usd")));
    let (time, why) = (
        time_of_day(decision.time.0),
        printable(view.output.explain_of(hit)),
    );
    let style = match (look, action.as_str()) {
        (Look::Plain, _) => Style::new(),
        (_, "decline") => AnsiColor::Red.on_default().bold(),
        (_, "review" | "challenge") => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Cyan.on_default(),
    };
    let line = format!(
        "{time}  {card:<18} {amount:>11}  {style}{:<8} {action:<9}{style:#}  {why}",
        rule.id
    );
    Some((rule.id.clone(), line))
}

fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => printable(text),
        Cell::Int(value) => value.to_string(),
        // Money on a terminal has cents; the rest of the scale is zero for card amounts.
        Cell::Decimal(mantissa, scale) => {
            let cents = mantissa / 10i128.pow(u32::from(scale.saturating_sub(2)));
            format!("{}.{:02}", cents / 100, (cents % 100).abs())
        }
        _ => "?".to_owned(),
    }
}

/// Text of an event cannot move the cursor.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn time_of_day(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn status(tally: &Tally, rate: f64) -> String {
    let decisions: u64 = tally.decisions.values().sum();
    format!(
        "-- {rate:.0} events/s · {decisions} decisions · alerts {} · latency {}",
        counted(&tally.alerts),
        latency(tally)
    )
}

fn counted(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn latency(tally: &Tally) -> String {
    let Some(histogram) = tally
        .latency_us
        .as_ref()
        .filter(|histogram| !histogram.is_empty())
    else {
        return "-".to_owned();
    };
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", ms(0.5), ms(0.99))
}

/// What is left to say at the end.
pub(super) fn summary(tally: &Mutex<Tally>, out: &mut dyn Write) -> io::Result<()> {
    let tally = lock(tally);
    let habits = tally.events - tally.live_events;
    writeln!(
        out,
        "\nended after {:.0} s: {} swipes decided, after {habits} of habits",
        tally.elapsed.as_secs_f64(),
        tally.live_events
    )?;
    writeln!(out, "decisions: {}", counted(&tally.decisions))?;
    writeln!(out, "alerts:    {}", counted(&tally.alerts))?;
    writeln!(out, "latency:   {}", latency(&tally))
}

//! Engine latency, open loop: from the moment a record was due to the moment its decision is written.
//!
//! The idea: when each event is due is settled before the run, at random with a fixed seed, as independent senders
//! would send; a system that falls behind is charged for all that waits (no coordinated omission). First the
//! sustainable rate is found with everything there at once, then the run is at half of it. As a worker does, a step takes
//! all that is due, at most 256 records.
//!
//! It is run twice over. Gross: by the machine's clock. Net: by one that stands still while the machine is elsewhere
//! (`gaps.rs`), for senders and engine alike, so that neither a gap nor the queue it leaves behind is charged.
//!
//! The invariant: every event of a run is in its histogram once.

use arrow::array::Array;
use hdrhistogram::Histogram;
use pipeline::clock::{Clock, SystemClock};

use super::engine::{Driven, lines};
use super::gaps::Gaps;
use super::swipes::mixed;

const STEP: usize = 256;
/// Idle readings of the clock between two looks into the kernel's account.
const LOOK_EVERY: u32 = 4_096;

/// One run of the open loop.
struct Run {
    latencies: Histogram<u64>,
    gaps: Gaps,
    steps: u64,
    took_ns: u64,
}

/// Prints a line of JSON. `seconds` is how long the open loop shall last, if there are events enough.
pub(crate) fn run(pack: &str, events: &str, seconds: u64) {
    let clock = SystemClock::new();
    let now = || u64::try_from(clock.elapsed().as_nanos()).unwrap();
    let records = lines(events);
    let mut driven = Driven::new(pack);

    // Half of the events make the state warm, the second half of those says the rate.
    let warm = records.len() / 2;
    let mut begun = 0;
    for from in (0..warm).step_by(STEP) {
        if begun == 0 && from >= warm / 2 {
            begun = now();
        }
        driven.step(&records.slice(from, STEP.min(warm - from)), from);
    }
    let sustainable = 1e9 * (warm - warm / 2) as f64 / (now() - begun) as f64;

    let rate = sustainable / 2.0;
    let count = (rate * seconds as f64) as usize;
    let due = schedule(count.min((records.len() - warm) / 2), rate);
    let mut at = warm;
    let mut run = |net| {
        let run = open_loop(&due, &now, net, |from, count| {
            driven.step(&records.slice(at + from, count), at + from);
        });
        at += due.len();
        run
    };
    let (gross, net) = (run(false), run(true));
    report(&gross, &net, due.len(), sustainable, rate);
}

/// When each event is due, in nanoseconds from the start: exponential gaps of this mean.
fn schedule(count: usize, rate: f64) -> Vec<u64> {
    let (mut state, mut at) = (0x9e37_79b9_7f4a_7c15_u64, 0.0);
    let mut next = || {
        let drawn = mixed(state);
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // 53 bits, never 0.
        (drawn >> 11) as f64 / 9_007_199_254_740_992.0 + f64::EPSILON / 4.0
    };
    let gap = |_| {
        at += -next().ln() * 1e9 / rate;
        at as u64
    };
    (0..count).map(gap).collect()
}

fn open_loop(
    due: &[u64],
    now: &impl Fn() -> u64,
    net: bool,
    mut step: impl FnMut(usize, usize),
) -> Run {
    let mut run = Run {
        latencies: Histogram::new(3).expect("three digits"),
        gaps: Gaps::new(),
        steps: 0,
        took_ns: 0,
    };
    let (start, mut at, mut spins) = (now(), 0, 0);
    let mut before = start;
    while at < due.len() {
        let begin = now();
        run.gaps.idle(before, begin);
        before = begin;
        let past = run.past(start, begin, net);
        let ready = due[at..].iter().take(STEP);
        let ready = ready.take_while(|due| **due <= past).count();
        if ready == 0 {
            spins += 1;
            if spins == LOOK_EVERY {
                spins = 0;
                run.gaps.settle();
                before = now();
            }
            continue;
        }
        step(at, ready);
        let done = now();
        run.gaps.worked(begin, done);
        let past = run.past(start, done, net);
        for due in &due[at..at + ready] {
            run.latencies
                .record(past.saturating_sub(*due))
                .expect("it grows");
        }
        at += ready;
        run.steps += 1;
        before = now();
    }
    run.took_ns = now() - start;
    run
}

impl Run {
    /// How much time has passed by the clock of this run.
    fn past(&self, start: u64, now: u64, net: bool) -> u64 {
        let gaps = if net { self.gaps.total } else { 0 };
        (now - start).saturating_sub(gaps)
    }
}

fn report(gross: &Run, net: &Run, events: usize, sustainable: f64, rate: f64) {
    let us = |ns: u64| ns as f64 / 1e3;
    let told = |run: &Run| {
        let at = |quantile| us(run.latencies.value_at_quantile(quantile));
        let gaps = &run.gaps;
        serde_json::json!({
            "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "max": us(run.latencies.max()),
            "events_per_step": events as f64 / run.steps as f64,
            "gaps": gaps.all.len(),
            "gaps_share_of_time": gaps.total as f64 / run.took_ns as f64,
            "longest_gap": us(gaps.all.iter().copied().max().unwrap_or(0)),
        })
    };
    println!(
        "{}",
        serde_json::json!({
            "events": events,
            "sustainable_per_second": sustainable.round(),
            "rate_per_second": rate.round(),
            "gross_us": told(gross),
            "net_us": told(net),
        })
    );
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_schedule_has_its_rate_and_never_goes_back() {
        let due = schedule(100_000, 1_000_000.0);
        assert!(due.is_sorted());
        let seconds = *due.last().unwrap() as f64 / 1e9;
        assert!((0.098..0.102).contains(&seconds), "{seconds}");
        // Of exponential gaps 1 in e is longer than the mean.
        let long = due.windows(2).filter(|two| two[1] - two[0] > 1_000).count();
        assert!((36_000..37_600).contains(&long), "{long}");
    }

    /// A step of 5 ms while events are due each 10 µs: each that waited is charged from when it was due.
    #[test]
    fn who_waits_for_a_slow_step_is_charged_for_it() {
        let clock = Cell::new(0u64);
        let now = || {
            clock.set(clock.get() + 40);
            clock.get()
        };
        let due: Vec<u64> = (1..=1_000).map(|event| event * 10_000).collect();
        let run = open_loop(&due, &now, false, |from, _| {
            let slow = from == 100;
            clock.set(clock.get() + if slow { 5_000_000 } else { 1_000 });
        });
        let latencies = run.latencies;
        assert_eq!(latencies.len(), 1_000);
        let slow = latencies.len() - latencies.count_between(0, 1_000_000);
        // 5 ms less the 1 ms that is fast enough: 400 events, one each 10 µs.
        assert!((395..=405).contains(&slow), "{slow}");
        let worst = latencies.max();
        assert!((4_990_000..5_020_000).contains(&worst), "{worst}");
    }

    /// A clock that jumps by 5 ms while there is nothing to do: gross it is charged, and the queue behind it; net not.
    #[test]
    fn a_gap_of_the_machine_is_charged_gross_and_not_net() {
        for (net, slow_events) in [(false, 395..=405), (true, 0..=0)] {
            let (clock, reads) = (Cell::new(0u64), Cell::new(0u64));
            let now = || {
                reads.set(reads.get() + 1);
                let gap = if reads.get() == 5_000 { 5_000_000 } else { 0 };
                clock.set(clock.get() + 40 + gap);
                clock.get()
            };
            let due: Vec<u64> = (1..=1_000).map(|event| event * 10_000).collect();
            let run = open_loop(&due, &now, net, |_, _| clock.set(clock.get() + 1_000));
            let slow = run.latencies.len() - run.latencies.count_between(0, 1_000_000);
            assert!(slow_events.contains(&slow), "{net} {slow}");
            assert_eq!(run.gaps.all, [5_000_040], "{net}");
        }
    }
}

//! Engine latency, open loop: from the moment a record was due to the moment its decision is written.
//!
//! The idea: when each event is due is settled before the run, at random with a fixed seed, as independent senders
//! would send; a system that falls behind is charged for all that waits (no coordinated omission). First the
//! sustainable rate is found with everything there at once, then the run is at half of it. As a worker does, a step takes
//! all that is due, at most 256 records.
//!
//! The invariant: every event of the run is in the histograms once, gross and net of the machine's own [`gaps`].

use arrow::array::Array;
use hdrhistogram::Histogram;
use pipeline::clock::{Clock, SystemClock};

use super::engine::{Driven, lines};
use super::gaps::Gaps;

const STEP: usize = 256;
/// Idle readings of the clock between two looks into the kernel's account.
const LOOK_EVERY: u32 = 4_096;

struct Run {
    gross: Histogram<u64>,
    net: Histogram<u64>,
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
    let due = schedule(count.min(records.len() - warm), rate);
    let run = open_loop(&due, &now, |from, count| {
        driven.step(&records.slice(warm + from, count), warm + from);
    });
    report(&run, &due, sustainable, rate);
}

/// When each event is due, in nanoseconds from the start: exponential gaps of this mean.
fn schedule(count: usize, rate: f64) -> Vec<u64> {
    let (mut state, mut at) = (0x9e37_79b9_7f4a_7c15_u64, 0.0);
    let mut next = || {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 53 bits, never 0.
        ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0 + f64::EPSILON / 4.0
    };
    let gap = |_| {
        at += -next().ln() * 1e9 / rate;
        at as u64
    };
    (0..count).map(gap).collect()
}

fn open_loop(due: &[u64], now: &impl Fn() -> u64, mut step: impl FnMut(usize, usize)) -> Run {
    let histogram = || Histogram::new(3).expect("three digits");
    let mut run = Run {
        gross: histogram(),
        net: histogram(),
        gaps: Gaps::new(),
        steps: 0,
        took_ns: 0,
    };
    let (start, mut at, mut spins) = (now(), 0, 0);
    let mut before = 0;
    while at < due.len() {
        let begin = now() - start;
        run.gaps.idle(before, begin);
        before = begin;
        let ready = due[at..].iter().take(STEP);
        let ready = ready.take_while(|due| **due <= begin).count();
        if ready == 0 {
            run.gaps.forget();
            spins += 1;
            if spins == LOOK_EVERY {
                spins = 0;
                run.gaps.settle();
                before = now() - start;
            }
            continue;
        }
        step(at, ready);
        let done = now() - start;
        run.gaps.worked(begin, done);
        for due in &due[at..at + ready] {
            let gross = done - due;
            let net = gross.saturating_sub(run.gaps.within(*due, done));
            run.gross.record(gross).expect("it grows");
            run.net.record(net).expect("it grows");
        }
        at += ready;
        run.steps += 1;
        before = now() - start;
    }
    run.took_ns = now() - start;
    run
}

fn report(run: &Run, due: &[u64], sustainable: f64, rate: f64) {
    let us = |ns: u64| ns as f64 / 1e3;
    let told = |h: &Histogram<u64>| {
        let at = |quantile| us(h.value_at_quantile(quantile));
        serde_json::json!({ "p50": at(0.5), "p99": at(0.99), "p99.9": at(0.999), "max": us(h.max()) })
    };
    let gaps = &run.gaps.all;
    println!(
        "{}",
        serde_json::json!({
            "events": due.len(),
            "sustainable_per_second": sustainable.round(),
            "rate_per_second": rate.round(),
            "achieved_per_second": (1e9 * due.len() as f64 / run.took_ns as f64).round(),
            "events_per_step": due.len() as f64 / run.steps as f64,
            "gross_us": told(&run.gross),
            "net_us": told(&run.net),
            "gaps": {
                "count": gaps.len(),
                "share_of_time": gaps.iter().sum::<u64>() as f64 / run.took_ns as f64,
                "longest_us": us(gaps.iter().copied().max().unwrap_or(0)),
            },
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
        let run = open_loop(&due, &now, |from, _| {
            clock.set(clock.get() + if from == 100 { 5_000_000 } else { 1_000 });
        });
        assert_eq!((run.gross.len(), run.net.len()), (1_000, 1_000));
        let slow = |h: &Histogram<u64>| h.len() - h.count_between(0, 1_000_000);
        // 5 ms less the 1 ms that is fast enough: 400 events, one each 10 µs.
        assert!(
            (395..=405).contains(&slow(&run.gross)),
            "{}",
            slow(&run.gross)
        );
        assert!(
            (4_990_000..5_020_000).contains(&run.gross.max()),
            "{}",
            run.gross.max()
        );
    }
}

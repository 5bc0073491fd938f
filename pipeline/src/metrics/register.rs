//! From a catalogue entry to a registered handle. The invariant: name, help, labels and buckets come from the entry.

use prometheus::core::Collector;
use prometheus::{
    Counter, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::catalogue::Entry;

/// Registers with one registry.
#[derive(Debug)]
pub(super) struct Register<'a> {
    registry: &'a Registry,
}

fn opts(entry: &Entry) -> Opts {
    Opts::new(entry.name, entry.help)
}

fn histogram_opts(entry: &Entry) -> HistogramOpts {
    HistogramOpts::new(entry.name, entry.help).buckets(entry.buckets.to_vec())
}

#[allow(
    clippy::disallowed_methods,
    reason = "this module is where metrics are registered"
)]
impl<'a> Register<'a> {
    pub(super) fn new(registry: &'a Registry) -> Register<'a> {
        Register { registry }
    }

    fn add<T: Collector + Clone + 'static>(&self, made: T) -> Result<T, Error> {
        self.registry.register(Box::new(made.clone()))?;
        Ok(made)
    }

    pub(super) fn counter(&self, entry: &Entry) -> Result<IntCounter, Error> {
        self.add(IntCounter::with_opts(opts(entry))?)
    }

    pub(super) fn float_counter(&self, entry: &Entry) -> Result<Counter, Error> {
        self.add(Counter::with_opts(opts(entry))?)
    }

    pub(super) fn counters(&self, entry: &Entry) -> Result<IntCounterVec, Error> {
        self.add(IntCounterVec::new(opts(entry), entry.labels)?)
    }

    pub(super) fn gauge(&self, entry: &Entry) -> Result<IntGauge, Error> {
        self.add(IntGauge::with_opts(opts(entry))?)
    }

    pub(super) fn gauges(&self, entry: &Entry) -> Result<IntGaugeVec, Error> {
        self.add(IntGaugeVec::new(opts(entry), entry.labels)?)
    }

    pub(super) fn float_gauge(&self, entry: &Entry) -> Result<Gauge, Error> {
        self.add(Gauge::with_opts(opts(entry))?)
    }

    pub(super) fn float_gauges(&self, entry: &Entry) -> Result<GaugeVec, Error> {
        self.add(GaugeVec::new(opts(entry), entry.labels)?)
    }

    pub(super) fn histogram(&self, entry: &Entry) -> Result<Histogram, Error> {
        self.add(Histogram::with_opts(histogram_opts(entry))?)
    }

    pub(super) fn histograms(&self, entry: &Entry) -> Result<HistogramVec, Error> {
        self.add(HistogramVec::new(histogram_opts(entry), entry.labels)?)
    }
}

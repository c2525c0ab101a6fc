//! Making metrics and putting them into a registry.

use moodify_core::port::Unavailable;
use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Adds metrics to a registry.
pub(super) struct Families<'a>(pub(super) &'a Registry);

impl Families<'_> {
    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Unavailable> {
        self.add(IntCounter::new(name, help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, by: &[&str]) -> Result<IntCounterVec, Unavailable> {
        self.add(IntCounterVec::new(Opts::new(name, help), by))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Unavailable> {
        self.add(IntGauge::new(name, help))
    }

    pub(super) fn seconds(&self, name: &str, help: &str) -> Result<Gauge, Unavailable> {
        self.add(Gauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, by: &[&str]) -> Result<IntGaugeVec, Unavailable> {
        self.add(IntGaugeVec::new(Opts::new(name, help), by))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, Unavailable> {
        self.add(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec())))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        bounds: &[f64],
        by: &[&str],
    ) -> Result<HistogramVec, Unavailable> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds.to_vec()), by))
    }

    fn add<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> Result<C, Unavailable> {
        let metric = made.map_err(Unavailable::lasting)?;
        self.0.register(Box::new(metric.clone())).map_err(Unavailable::lasting)?;
        Ok(metric)
    }
}

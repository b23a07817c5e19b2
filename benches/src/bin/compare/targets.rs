//! What casty is to reach: ratios of medians in one run on two cores.

use casty_benches::{Metric, Scenario};

/// A bound for one of a scenario's figures. Each ratio is casty's figure over the other's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Target {
    /// Against raw tokio.
    pub(crate) raw: Option<f64>,
    /// Against the best of kameo, ractor and actix over two arbiters.
    pub(crate) best: Option<f64>,
    /// In the figure's own unit.
    pub(crate) own: Option<f64>,
}

const fn ratios(raw: f64, best: f64) -> Target {
    Target { raw: Some(raw), best: Some(best), own: None }
}

const fn bytes(own: f64) -> Target {
    Target { raw: Some(0.35), best: Some(0.7), own: Some(own) }
}

impl Target {
    /// The targets for a figure of a scenario.
    pub(crate) fn of(scenario: Scenario, figure: usize) -> Self {
        match (scenario, figure) {
            (Scenario::OneProducer, _) => ratios(1.5, 5.0),
            (Scenario::FourProducers, _) => ratios(2.0, 3.0),
            (Scenario::Ask, 0) => ratios(1.2, 0.6),
            (Scenario::Ask, _) => Self::default(),
            (Scenario::Askers, _) => ratios(0.9, 1.5),
            (Scenario::PingPong, _) => ratios(0.8, 2.5),
            (Scenario::Lifecycle, _) => ratios(1.3, 1.0),
            (Scenario::Idle, 0 | 2) => bytes(500.0),
            (Scenario::Idle, _) => bytes(600.0),
            (Scenario::Tree, _) => ratios(1.0, 1.0),
            (Scenario::RoundRobin, _) => ratios(1.0, 2.0),
        }
    }
}

/// The bound and whether it is met; nothing without a bound.
pub(crate) fn judged(figure: f64, bound: Option<f64>, metric: Metric) -> String {
    let Some(bound) = bound else {
        return String::new();
    };
    let (sign, met) = if metric.more_is_better { ("≥", figure >= bound) } else { ("≤", figure <= bound) };
    let verdict = if met { "met" } else { "NOT met" };
    format!(" ({sign} {bound}: {verdict})")
}

//! How quickly silence is noticed.

use std::{
    num::{NonZeroU8, NonZeroUsize},
    time::Duration,
};

use thiserror::Error;

use super::seal::OVERHEAD;

/// How quickly a node that does not answer is suspected, and taken for dead.
///
/// Each node probes another one every `probe_period`. One that answers neither it nor, asked by others, them by the end
/// of that period is suspected; one that does not object within `suspicion` is taken for dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwimConfig {
    /// How often a node probes another one. At least three times `probe_rtt`.
    pub probe_period: Duration,
    /// How long a node waits for a direct answer before it asks others to probe as well.
    pub probe_rtt: Duration,
    /// How long a suspected node has time to object. Not less than `probe_rtt`.
    pub suspicion: Duration,
    /// How often news are passed on. Not more than `suspicion`.
    pub gossip_period: Duration,
    /// Whether suspicion is enough for a node whose lease has lapsed to be declared down; otherwise it takes that
    /// the suspicion was not refuted.
    pub down_on_suspicion: bool,
}

impl SwimConfig {
    /// Notices a killed node within about a second, and forgives pauses of half a second.
    pub const DEFAULT: Self = Self {
        probe_period: Duration::from_millis(250),
        probe_rtt: Duration::from_millis(80),
        suspicion: Duration::from_millis(600),
        gossip_period: Duration::from_millis(100),
        down_on_suspicion: false,
    };

    /// For a quick and undisturbed network: takes a node that is silent for about 250 ms for dead, so a pause of the
    /// process or the machine that long is enough to lose a healthy one.
    pub const fn fast() -> Self {
        Self {
            probe_period: Duration::from_millis(100),
            probe_rtt: Duration::from_millis(30),
            suspicion: Duration::from_millis(200),
            gossip_period: Duration::from_millis(25),
            down_on_suspicion: true,
        }
    }

    /// For a slow or unsteady network: forgives pauses of two seconds.
    pub const fn relaxed() -> Self {
        Self {
            probe_period: Duration::from_secs(1),
            probe_rtt: Duration::from_millis(300),
            suspicion: Duration::from_millis(2500),
            gossip_period: Duration::from_millis(200),
            down_on_suspicion: false,
        }
    }

    /// Says what is wrong with these times, if they do not go together.
    ///
    /// # Errors
    /// If a time is zero, or too long or too short beside another one.
    pub fn validate(&self) -> Result<(), InvalidSwimConfig> {
        let Self { probe_period, probe_rtt, suspicion, gossip_period, .. } = *self;
        for (name, time) in [("probe_period", probe_period), ("probe_rtt", probe_rtt), ("gossip_period", gossip_period)] {
            if time.is_zero() {
                return Err(InvalidSwimConfig::Zero { name });
            }
        }
        if probe_rtt.checked_mul(3).is_none_or(|three| three > probe_period) {
            return Err(InvalidSwimConfig::ProbeTooShort { probe_period, probe_rtt });
        }
        if suspicion < probe_rtt {
            return Err(InvalidSwimConfig::SuspicionTooShort { suspicion, probe_rtt });
        }
        if gossip_period > suspicion {
            return Err(InvalidSwimConfig::GossipTooRare { gossip_period, suspicion });
        }
        Ok(())
    }

    /// Whether a lapsed lease and a suspicion are enough to propose that a node is down.
    pub(crate) fn proposes_on_suspicion(&self) -> bool {
        self.down_on_suspicion
    }

    /// All fields given: foca's own presets are far slower.
    pub(super) fn to_foca(&self) -> foca::Config {
        let periodic = |frequency, members| foca::PeriodicParams { frequency, num_members: count(members) };
        foca::Config {
            probe_period: self.probe_period,
            probe_rtt: self.probe_rtt,
            num_indirect_probes: count(3),
            max_transmissions: NonZeroU8::MIN.saturating_add(14),
            suspect_to_down_after: self.suspicion,
            remove_down_after: None,
            max_packet_size: count(MAX_PACKET),
            notify_down_members: true,
            periodic_announce: Some(periodic(Duration::from_secs(10), 1)),
            periodic_announce_to_down_members: Some(periodic(Duration::from_secs(2), 2)),
            periodic_gossip: Some(periodic(self.gossip_period, 3)),
        }
    }
}

impl Default for SwimConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What fits a datagram that no usual network breaks up, its seal taken off.
pub(super) const MAX_PACKET: usize = 1400 - OVERHEAD;

fn count(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

/// Why a [`SwimConfig`] was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSwimConfig {
    /// A time is zero.
    #[error("SwimConfig: {name} is zero")]
    Zero {
        /// Which one.
        name: &'static str,
    },
    /// A probe by way of others does not fit into the period.
    #[error("SwimConfig: probe_period ({probe_period:?}) must be at least three times probe_rtt ({probe_rtt:?})")]
    ProbeTooShort {
        /// As it was given.
        probe_period: Duration,
        /// As it was given.
        probe_rtt: Duration,
    },
    /// A suspected node could not object in time.
    #[error("SwimConfig: suspicion ({suspicion:?}) must not be shorter than probe_rtt ({probe_rtt:?})")]
    SuspicionTooShort {
        /// As it was given.
        suspicion: Duration,
        /// As it was given.
        probe_rtt: Duration,
    },
    /// A suspected node would not hear of it in time.
    #[error("SwimConfig: gossip_period ({gossip_period:?}) must not be longer than suspicion ({suspicion:?})")]
    GossipTooRare {
        /// As it was given.
        gossip_period: Duration,
        /// As it was given.
        suspicion: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for preset in [SwimConfig::default(), SwimConfig::fast(), SwimConfig::relaxed()] {
            assert_eq!(preset.validate(), Ok(()));
        }
    }

    #[test]
    fn times_that_do_not_go_together_are_refused() {
        let refused = |turn: fn(&mut SwimConfig)| {
            let mut config = SwimConfig::default();
            turn(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(refused(|c| c.gossip_period = Duration::ZERO).contains("gossip_period is zero"));
        assert!(refused(|c| c.probe_rtt = c.probe_period).contains("three times"));
        assert!(refused(|c| c.suspicion = Duration::ZERO).contains("suspicion"));
        assert!(refused(|c| c.gossip_period = Duration::MAX).contains("gossip_period"));
        assert!(refused(|c| c.probe_rtt = Duration::MAX).contains("three times"));
    }
}

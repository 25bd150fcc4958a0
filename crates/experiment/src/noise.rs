//! What else the host did during a trial, and from how much on the trial counts as disturbed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Time stolen by a hypervisor, per cent of one core, from which on a trial is disturbed: two
/// ticks of `/proc/stat` in a second, the least that is more than rounding.
pub const STEAL_PERCENT_DISTURBS: f64 = 2.0;

/// Processor time of everything outside the instance, per cent of one core, from which on a
/// trial is disturbed. A quiet host with its daemons stays under a tenth of this.
pub const OTHER_CPU_PERCENT_DISTURBS: f64 = 20.0;

/// What else the host did during a trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostNoise {
    /// Time stolen by the hypervisor below us, share of one core in per cent.
    pub steal_percent: Option<f64>,
    /// Processor time of everything outside the instance, share of one core in per cent.
    pub other_cpu_percent: Option<f64>,
}

impl HostNoise {
    /// What disturbed the trial, in words; nothing where the host was quiet or nobody could
    /// tell.
    #[must_use]
    pub fn disturbances(&self) -> Vec<String> {
        let over = |percent: Option<f64>, limit: f64| percent.filter(|percent| *percent >= limit);
        let steal = over(self.steal_percent, STEAL_PERCENT_DISTURBS)
            .map(|percent| format!("{percent:.0} % of a core stolen by the hypervisor"));
        let other = over(self.other_cpu_percent, OTHER_CPU_PERCENT_DISTURBS)
            .map(|percent| format!("{percent:.0} % of a core used by others"));
        steal.into_iter().chain(other).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_and_enough_disturbs() {
        let noise =
            |steal_percent, other_cpu_percent| HostNoise { steal_percent, other_cpu_percent };
        assert!(noise(None, None).disturbances().is_empty());
        assert!(noise(Some(1.9), Some(19.9)).disturbances().is_empty());
        assert_eq!(
            noise(Some(2.0), Some(20.0)).disturbances(),
            ["2 % of a core stolen by the hypervisor", "20 % of a core used by others"]
        );
    }
}

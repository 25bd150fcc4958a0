//! What else the host did during a trial, and from how much on the trial counts as disturbed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Time stolen by a hypervisor, per cent of one core, from which on a trial is disturbed: two
/// ticks of `/proc/stat` in a second, the least that is more than rounding.
pub const STEAL_PERCENT_DISTURBS: f64 = 2.0;

/// Processor time of everything outside the instance, per cent of one core, from which on a
/// trial is disturbed. A quiet host with its daemons stays under a tenth of this.
pub const OTHER_CPU_PERCENT_DISTURBS: f64 = 20.0;

/// Per cent of the frequency that the processor is sold with, below which even its fastest core
/// was slowed down. Kernels report frequencies to within a few per cent.
pub const FREQUENCY_PERCENT_DISTURBS: f64 = 90.0;

/// What the bits of a Raspberry Pi's `get_throttled` mean, from bit 0.
/// Source: Raspberry Pi documentation, `vcgencmd get_throttled`.
const BOARD: [&str; 4] = [
    "its board had too little voltage",
    "its board capped the frequency",
    "its board throttled the processor",
    "its board was at its soft limit of temperature",
];

/// What else the host did during a trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostNoise {
    /// Time stolen by the hypervisor below us, share of one core in per cent.
    pub steal_percent: Option<f64>,
    /// Processor time of everything outside the instance, share of one core in per cent.
    pub other_cpu_percent: Option<f64>,
    /// How often a processor was slowed down for heat during the trial, by the kernel's count
    /// over all cores and packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heat_throttles: Option<u64>,
    /// Frequency of the fastest core when the trial ended, in per cent of the one that the
    /// processor is sold with; only of trials that kept half a core busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_percent: Option<f64>,
    /// What a Raspberry Pi's board did during the trial: bits 0 to 3 of `get_throttled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_bits: Option<u32>,
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
        let heat = self.heat_throttles.filter(|count| *count > 0).map(|count| match count {
            1 => "the processor was slowed down for heat once".to_owned(),
            count => format!("the processor was slowed down for heat {count} times"),
        });
        let slow = self.frequency_percent.filter(|percent| *percent < FREQUENCY_PERCENT_DISTURBS);
        let slow =
            slow.map(|percent| format!("its fastest core ran at {percent:.0} % of its frequency"));
        let bits = self.board_bits.unwrap_or(0);
        let board = BOARD.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
        let board = board.map(|(_, words)| (*words).to_owned());
        [steal, other, heat, slow].into_iter().flatten().chain(board).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_and_enough_disturbs() {
        let noise = |steal_percent, other_cpu_percent| HostNoise {
            steal_percent,
            other_cpu_percent,
            ..HostNoise::default()
        };
        assert!(noise(None, None).disturbances().is_empty());
        assert!(noise(Some(1.9), Some(19.9)).disturbances().is_empty());
        assert_eq!(
            noise(Some(2.0), Some(20.0)).disturbances(),
            ["2 % of a core stolen by the hypervisor", "20 % of a core used by others"]
        );
    }

    #[test]
    fn heat_frequency_and_the_board_disturb_where_they_slowed_something_down() {
        let quiet = HostNoise {
            heat_throttles: Some(0),
            frequency_percent: Some(90.0),
            board_bits: Some(0),
            ..HostNoise::default()
        };
        assert!(quiet.disturbances().is_empty());
        let hot = HostNoise {
            heat_throttles: Some(3),
            frequency_percent: Some(61.4),
            board_bits: Some(0b101),
            ..HostNoise::default()
        };
        assert_eq!(
            hot.disturbances(),
            [
                "the processor was slowed down for heat 3 times",
                "its fastest core ran at 61 % of its frequency",
                "its board had too little voltage",
                "its board throttled the processor",
            ]
        );
    }
}

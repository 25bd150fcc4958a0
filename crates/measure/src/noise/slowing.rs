//! Whether the processor was slowed down: the kernel's counts of heat, the frequency of the
//! fastest core, and what a Raspberry Pi's board says of itself. A host without one of these
//! (a virtual machine has none) tells nothing, which is not "quiet".

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weighbridge_experiment::HostNoise;

use crate::Roots;

/// Bits of `get_throttled` that say what is so now; the same 16 higher say what was so since
/// the board started.
const NOW: u32 = 0b1111;
const SINCE_START: u32 = 16;

/// Where a Raspberry Pi's board tells what it did, if this is one.
#[derive(Debug)]
pub(super) enum Board {
    /// A file of the kernel.
    File(PathBuf),
    /// A program of the system.
    Program(PathBuf),
    None,
}

impl Board {
    pub(super) fn of(roots: &Roots) -> Self {
        let file = roots.sys.join("devices/platform/soc/soc:firmware/get_throttled");
        if file.exists() {
            return Self::File(file);
        }
        // Only on such a board: elsewhere a program of this name is another one.
        let model = fs::read_to_string(roots.proc.join("device-tree/model")).unwrap_or_default();
        let program = Path::new("/usr/bin/vcgencmd");
        if model.starts_with("Raspberry Pi") && program.exists() {
            return Self::Program(program.into());
        }
        Self::None
    }

    fn bits(&self) -> Option<u32> {
        match self {
            Self::File(path) => parse_bits(&fs::read_to_string(path).ok()?),
            Self::Program(program) => {
                let told = Command::new(program)
                    .arg("get_throttled")
                    .stdin(Stdio::null())
                    .output()
                    .ok()?;
                parse_bits(&String::from_utf8_lossy(&told.stdout))
            }
            Self::None => None,
        }
    }
}

/// `throttled=0x50005`, or the number alone, hexadecimal either way.
fn parse_bits(text: &str) -> Option<u32> {
    let text = text.trim();
    let number = text.split_once('=').map_or(text, |(_, number)| number);
    u32::from_str_radix(number.strip_prefix("0x").unwrap_or(number), 16).ok()
}

/// What was so at the start or the end, or began to be so in between.
fn bits_between(first: u32, last: u32) -> u32 {
    let appeared = (last >> SINCE_START) & !(first >> SINCE_START);
    (first | last | appeared) & NOW
}

/// Counts at the start of a trial.
#[derive(Debug)]
pub(super) struct Slowing {
    processors: PathBuf,
    board: Board,
    throttles: Option<u64>,
    bits: Option<u32>,
}

impl Slowing {
    pub(super) fn start(roots: &Roots, board: Board) -> Self {
        let processors = roots.sys.join("devices/system/cpu");
        let throttles = throttles(&processors);
        let bits = board.bits();
        Self { processors, board, throttles, bits }
    }

    /// What happened since; the frequency only where the trial kept the processor `busy`.
    pub(super) fn stop(self, busy: bool) -> HostNoise {
        let throttles = self.throttles.zip(throttles(&self.processors));
        HostNoise {
            // A processor that came back since counts from 0: that is no reading.
            heat_throttles: throttles.and_then(|(first, last)| last.checked_sub(first)),
            frequency_percent: busy.then(|| frequency_percent(&self.processors)).flatten(),
            board_bits: self.bits.zip(self.board.bits()).map(|(a, b)| bits_between(a, b)),
            ..HostNoise::default()
        }
    }
}

/// Directories of single processors.
fn each(processors: &Path) -> impl Iterator<Item = PathBuf> {
    let is_processor = |name: &str| {
        let number = name.strip_prefix("cpu").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let entries = fs::read_dir(processors).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.file_name().to_str().is_some_and(is_processor))
        .map(|entry| entry.path())
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// How often the kernel saw processors slowed for heat since it started: counts of cores, and
/// of packages, which every processor of a package shows. `None` where nothing is counted.
fn throttles(processors: &Path) -> Option<u64> {
    let of = |name: &str| -> Vec<u64> {
        each(processors)
            .filter_map(|one| number(&one.join("thermal_throttle").join(name)))
            .collect()
    };
    let (cores, packages) = (of("core_throttle_count"), of("package_throttle_count"));
    if cores.is_empty() && packages.is_empty() {
        return None;
    }
    let shared = packages.into_iter().max().unwrap_or(0);
    Some(cores.into_iter().fold(shared, u64::saturating_add))
}

/// The fastest core's frequency now over the one it is sold with. Where only the highest that
/// a single core may reach for a moment is known, nothing is told: all cores never do.
fn frequency_percent(processors: &Path) -> Option<f64> {
    let boosted = number(&processors.join("cpufreq/boost")) == Some(1)
        || number(&processors.join("intel_pstate/no_turbo")) == Some(0);
    let share = |one: PathBuf| {
        let directory = one.join("cpufreq");
        let nominal = number(&directory.join("base_frequency"))
            .or_else(|| number(&directory.join("cpuinfo_max_freq")).filter(|_| !boosted))?;
        let now = number(&directory.join("scaling_cur_freq"))?;
        (nominal > 0).then(|| 100.0 * now as f64 / nominal as f64)
    };
    each(processors).filter_map(share).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("written");
    }

    fn throttled(root: &Path, processor: u32, core: u64, package: u64) {
        let at = format!("sys/devices/system/cpu/cpu{processor}/thermal_throttle");
        write(root, &format!("{at}/core_throttle_count"), &format!("{core}\n"));
        write(root, &format!("{at}/package_throttle_count"), &format!("{package}\n"));
    }

    fn between(directory: &Path, busy: bool, change: impl FnOnce()) -> HostNoise {
        let roots = Roots::below(directory);
        let slowing = Slowing::start(&roots, Board::of(&roots));
        change();
        slowing.stop(busy)
    }

    #[test]
    fn a_host_that_tells_nothing_is_not_called_quiet() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(between(directory.path(), true, || {}), HostNoise::default());
    }

    #[test]
    fn counts_of_cores_add_up_and_that_of_their_package_counts_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        (0..2).for_each(|processor| throttled(root, processor, 5, 9));
        // No processor, though it begins like one.
        write(root, "sys/devices/system/cpu/cpufreq/thermal_throttle/core_throttle_count", "7\n");
        assert_eq!(between(root, true, || {}).heat_throttles, Some(0));
        let hot = between(root, true, || {
            throttled(root, 0, 6, 11);
            throttled(root, 1, 5, 11);
        });
        assert_eq!(hot.heat_throttles, Some(3));
        assert_eq!(between(root, true, || throttled(root, 0, 0, 0)).heat_throttles, None);
    }

    #[test]
    fn the_fastest_core_of_a_busy_trial_tells_whether_all_were_slowed() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let set = |processor: u32, file: &str, text: &str| {
            write(root, &format!("sys/devices/system/cpu/cpu{processor}/cpufreq/{file}"), text);
        };
        for processor in 0..2 {
            set(processor, "cpuinfo_max_freq", "1500000\n");
            set(processor, "scaling_cur_freq", "600000\n");
        }
        let percent = |busy| between(root, busy, || {}).frequency_percent;
        assert_eq!((percent(true), percent(false)), (Some(40.0), None));
        set(1, "scaling_cur_freq", "1500000\n");
        assert_eq!(percent(true), Some(100.0));
        // The highest frequency is one for moments: what is normal is not known any more …
        write(root, "sys/devices/system/cpu/intel_pstate/no_turbo", "0\n");
        assert_eq!(percent(true), None);
        // … until the processor tells it.
        (0..2).for_each(|processor| set(processor, "base_frequency", "3000000\n"));
        assert_eq!(percent(true), Some(50.0));
    }

    #[test]
    fn what_a_board_did_in_between_is_seen_and_what_it_did_long_before_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let file = "sys/devices/platform/soc/soc:firmware/get_throttled";
        let over = |before: &str, after: &str| {
            write(root, file, before);
            between(root, false, || write(root, file, after)).board_bits
        };
        assert_eq!(over("0\n", "0\n"), Some(0));
        assert_eq!(over("50000\n", "50000\n"), Some(0), "of long ago");
        assert_eq!(over("0\n", "50000\n"), Some(0b101), "over by now");
        assert_eq!(over("0\n", "20002\n"), Some(0b10), "still so");
        assert_eq!(over("nothing", "0\n"), None);
        assert_eq!(parse_bits("throttled=0x50005\n"), Some(0x50005));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,20}") {
            let _ = parse_bits(&text);
        }
    }
}

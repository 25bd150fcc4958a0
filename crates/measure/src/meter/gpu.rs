//! The first NVIDIA GPU of the host, by the library of its driver (NVML), where there is one.
//!
//! The library is opened once a process, at the first reading: opening takes milliseconds, and
//! a host without it answers at once. What it tells is of the whole GPU, so it does not know
//! which instance computed. Untried on a GPU: no machine with one was at hand.

use std::sync::OnceLock;

use nvml_wrapper::Nvml;
use weighbridge_experiment::Instrument;

static LIBRARY: OnceLock<Result<Nvml, String>> = OnceLock::new();

fn library() -> &'static Result<Nvml, String> {
    LIBRARY.get_or_init(|| {
        let nvml = Nvml::init().map_err(|error| error.to_string())?;
        match nvml.device_count() {
            Ok(0) => Err("the driver knows no GPU".to_owned()),
            Ok(_) => Ok(nvml),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// What is read, or why nothing is.
pub(super) fn instrument() -> Instrument {
    match library() {
        Ok(_) => Instrument::Present(
            "NVML of the NVIDIA driver: the whole first GPU, whoever uses it".to_owned(),
        ),
        Err(reason) => {
            Instrument::Missing(format!("NVML (libnvidia-ml.so.1) of the NVIDIA driver: {reason}"))
        }
    }
}

/// Utilisation in per cent and bytes in use; `None` where there is no GPU.
pub(super) fn read() -> Option<(Option<u32>, Option<u64>)> {
    let device = library().as_ref().ok()?.device_by_index(0).ok()?;
    let utilization = device.utilization_rates().ok().map(|rates| rates.gpu);
    Some((utilization, device.memory_info().ok().map(|memory| memory.used)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_gpu_and_readings_or_a_reason_and_none() {
        match instrument() {
            Instrument::Present(_) => assert!(read().is_some()),
            Instrument::Missing(reason) => {
                assert!(reason.contains("libnvidia-ml.so.1"), "{reason}");
                assert_eq!(read(), None);
                println!("hardware absent: {reason}");
            }
        }
    }
}

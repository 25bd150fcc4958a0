//! The file's own shape: what may be written, before anything is checked.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use crate::{
    Accelerator, ByteSize, ContainerSettings, CpuCount, Difference, DiskSettings, DockerSettings,
    GuestNetwork, InstrumentChoice, JailerUse, QemuMachine, Restart, SshSettings, StartMode,
};

/// An experiment: the same applications weighed in several environments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFile {
    /// Name of the experiment; `experiment` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seed of the order of trials and of every interval; 42 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// When the agent of a cell starts anew: in every "block" (the default), or once a "run".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// What may differ between cells that are compared; nothing unless given. Such a
    /// comparison is labelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_differences: Vec<Difference>,
    /// How often a trial that the host disturbed is done again, at most; 0 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_disturbed: Option<u32>,
    /// Which instruments read processor use: the same "one" in every environment (the
    /// default), or with "paper" also the edge paper's for each kind, shown beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentChoice>,
    /// Environments to compare; native and container unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentTable>,
    /// Workloads to run in each; the main job (derain and traffic-light) unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workload: Vec<WorkloadTable>,
    /// When `weighbridge campaign` runs the experiment again; `weighbridge run` runs it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleTable>,
}

/// `[schedule]`: the slots of a campaign, by `every` or by `cron`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleTable {
    /// The time from one slot to the next, such as "6h"; the first slot is due at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// Minute, hour, day of the month, month and day of the week, such as "0 */6 * * *".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Time zone of `cron`, such as "Asia/Seoul"; "UTC" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How many slots there are, such as 28.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How late a slot may begin and still be run, such as "10m"; a tenth of the time between
    /// two slots, 15 minutes at most, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<String>,
}

/// A place in which the workloads run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentTable {
    /// Its name in tables and figures; its kind unless given. Two of one kind need names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of "native", "container", "docker", "qemu", "firecracker", "ssh", "simulated".
    pub kind: String,
    /// Share of CPUs, such as 2 or 0.5; all of the host's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuCount>,
    /// Memory limit, such as "2GiB"; none unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// What the environment costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceTable>,
    /// Kind "container": its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSettings>,
    /// Kind "docker": its daemon and image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerSettings>,
    /// Kind "ssh": the way to the other host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshSettings>,
    /// Kind "qemu": which machine, and whose processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qemu: Option<QemuTable>,
    /// Kind "firecracker": its program, kernel, and how guests start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firecracker: Option<FirecrackerTable>,
    /// Kinds "qemu" and "firecracker": a data disk of the guest, such as { size = "6GiB", cache = "none" }.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSettings>,
}

/// `[environment.qemu]`: a virtual machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QemuTable {
    /// "q35" (a PC of today) or "microvm" (as little as a kernel needs); "q35" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<QemuMachine>,
    /// "auto" (the host's processor where a guest was seen to run on it), "kvm" (nothing but
    /// that) or "tcg" (emulated in software); "auto" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accel: Option<Accelerator>,
}

/// `[environment.firecracker]`: a small virtual machine of Firecracker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirecrackerTable {
    /// The program, relative to this file; "firecracker" on the search path unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// A kernel that is not packed (a vmlinux file), relative to this file; the one that
    /// `weighbridge env prepare firecracker` got unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// "auto" (locked in by Firecracker's jailer where this is root and it is found), "never" or
    /// "always"; "auto" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jailer: Option<JailerUse>,
    /// "boot" (the guest's kernel boots) or "snapshot" (from what a guest had in memory when its
    /// agent began to listen); "boot" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartMode>,
    /// "none" or "tap" (an interface that leads to the host; takes root); "none" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<GuestNetwork>,
}

/// What an environment costs: an entry of the price book, or a price per hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// An entry of the price book, such as "aws/us-east-1/c7i.large".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// A price per hour with its currency, such as "0.085 USD".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly: Option<String>,
}

/// Something to run in every environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadTable {
    /// Its name in tables and figures; its application's, else its kind's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// "application" (the default), "onnx" (any model), "command" (any program), or a system
    /// benchmark: "cpu", "memory", "fileio", "startup", "transfer", "density".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Kind "application": its name, as `weighbridge app list` prints it. Kinds "startup" and
    /// "density": what instances load; "traffic-light" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// An ONNX model: a path relative to this file, "https://…" together with `sha256`, or
    /// "seeded:FAMILY" for random weights. Of kind "application", its own unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// SHA-256 of a model that is given by address, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Kind "application": a text file with the name of one class a line, in the order of the
    /// model's output; the application's own unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// "auto" (onnxruntime where its library is found, else rten; the default), "rten",
    /// "onnxruntime" or "onnxruntime-cuda". The same in every environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// A file, or a directory of them, relative to this file. Of kind "application", photos or
    /// recordings; the shipped samples unless given. Of kind "onnx", `.npy` or `.npz` files;
    /// drawn at random from the seed unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Inputs that make one trial, taken in turn; all of them once unless given, small shipped
    /// samples several times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs_per_trial: Option<u32>,
    /// Kind "onnx": a `.npy` or `.npz` file of the outputs that must come, or a directory with
    /// one for each input under the same name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Kind "onnx": largest difference from what is expected, as a share of the range of the
    /// expected values; 0.0001 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Kind "command": the program and its arguments. No shell reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Kind "command": files that it finds in its working directory, relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// Kind "command": how often one trial runs it; 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_per_trial: Option<u32>,
    /// Kind "command": after this time it is ended, such as "90s" or "10m"; "60s" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Trials in each environment; 20 unless given, 6 of a system benchmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// Passes over the inputs before the timed one, kept and shown apart; 1 unless given,
    /// 0 of a system benchmark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u32>,
    /// Threads of the engine or the benchmark; the environment's CPUs, rounded up, unless given;
    /// 2 of kind "fileio".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// "warm": the model is loaded before the trial. "process": each trial is a process of its
    /// own, timed from its start to its end. "warm" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
    /// Kind "cpu": one event tests every number up to this one; 10000 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_prime: Option<u32>,
    /// Kinds "cpu" (10 unless given), "memory" (each kernel; 2) and "fileio" (each mode and block
    /// size; 5): for so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Kind "memory": size of each array, such as "256MiB"; four times the last-level cache
    /// unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<ByteSize>,
    /// Kind "fileio": any of "sequential-read", "sequential-write", "random-read",
    /// "random-write"; all unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<String>>,
    /// Kind "fileio": bytes of one request, such as ["4KiB", "1MiB"].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_sizes: Option<Vec<ByteSize>>,
    /// Kind "fileio": bytes of all files together; "1GB" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,
    /// Kind "fileio": whether requests pass the page cache by (O_DIRECT); true unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<bool>,
    /// Kind "fileio": when written data must have reached storage: "never", "end" (the default)
    /// or "each" request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<String>,
    /// Kind "fileio": every mode and block size over the whole size once, in place of `seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole_size: Option<bool>,
    /// Kind "fileio": "own" (the default), or "fio" where the environment has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Kind "transfer": the ssh server, as "host" or "user@host".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Kind "transfer": its port; 22 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Kind "transfer": a private key that the server knows, relative to this file; the ssh
    /// client's own unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Kind "transfer": the file in which the server's key stands, relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<String>,
    /// Kind "transfer": how many files; 300 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<u32>,
    /// Kind "transfer": bytes of each file; "48KB" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<ByteSize>,
    /// Kind "density": memory of the host that is kept free; "1GiB" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reserve: Option<ByteSize>,
    /// Kind "density": no answer may take longer, such as "500ms"; "1s" unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_limit: Option<String>,
    /// Kind "density": never more instances than these; 100 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances_max: Option<u32>,
    /// Kind "onnx": length of each axis that the model leaves open, by its name, such as
    /// { batch = 1, height = 224 }.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<BTreeMap<String, u64>>,
    /// Kind "onnx": inputs of the model that are the same in every inference, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensors: Option<BTreeMap<String, TensorTable>>,
}

/// One input of a model: a file, or drawn at random.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TensorTable {
    /// An `.npy` file, or raw little-endian values with `dtype` and `shape`, relative to this
    /// file; drawn at random unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// "f32", "f64", "i8", "u8", "i32", "i64" or "bool"; the model's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Length of each axis; the model's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// Least value that is drawn; 0 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Values that are drawn are less than this; 1 for floating point numbers and 2 for whole
    /// ones unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// The JSON Schema of an experiment file, for editors.
#[must_use]
pub fn experiment_schema() -> Schema {
    schema_for!(ExperimentFile)
}

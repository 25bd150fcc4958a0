use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use weighbridge_experiment::{Difference, EngineWish, InstrumentChoice};

use crate::engines::Package;

/// Weigh AI services: how fast, how steadily and at what price the same application runs in
/// each place where it could run.
#[derive(Debug, Parser)]
#[command(
    name = "weighbridge",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Data lies in $WEIGHBRIDGE_HOME, else in the XDG data directory.
Exit status: 0 done, 1 failed or interrupted, 2 usage, 3 the run finished but a
requested environment was unavailable or a cell gave no number."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Weigh applications in environments, side by side
    Run(RunArguments),
    /// Run an experiment again and again: every 6 hours for a week, say
    Campaign(super::campaigns::CampaignArguments),
    /// Environments: what works here, and why not
    Env(EnvArguments),
    /// Applications: what there is, what is trained; try one, export its model
    App(AppArguments),
    /// Engines that execute models: which are there, and installing the fastest
    Engine(EngineArguments),
    /// Load a service with requests and say how long they took
    Load(Box<super::load::LoadArguments>),
    /// List the runs in the registry
    Runs(RunsArguments),
    /// Render the report of a run
    Report(ReportArguments),
    /// Draw one figure or table of a run
    Figure(FigureArguments),
    /// Compare the same cells of two runs
    Compare(CompareArguments),
    /// Check an experiment file without running anything
    Check(CheckArguments),
    /// Prices: import a provider's list, look one up
    Price(super::prices::PriceArguments),
    /// Check a provider's bill
    Bill(super::bills::BillArguments),
    /// Serve applications over HTTP: a page for people, interfaces for programs
    Serve(super::serve::ServeArguments),
    /// Remove whatever killed runs left on this host
    Reap,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of a published format
    Schema {
        /// The format
        #[arg(value_enum)]
        name: super::schema::SchemaName,
    },
    /// Print the manual page in roff; view it with `weighbridge man | man -l -`
    Man,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs; the schemas are in docs/schema
    Json,
    /// For spreadsheets
    Csv,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge run                          both applications, both environments
  weighbridge run --app derain --inputs .  your own photos
  weighbridge run edge.toml --trials 50    an experiment file, more trials
  weighbridge run --resume latest          go on after Ctrl-C or a crash

Trials of all cells are interleaved in random blocks, and the agent starts
anew for each, so that drift of the host falls on all environments alike.")]
pub(crate) struct RunArguments {
    /// Experiment file; without one, derain and traffic-light in `native` and `container`
    pub(crate) file: Option<PathBuf>,
    /// Only this environment, by kind or by its name in the file; repeatable
    #[arg(long = "env", value_name = "KIND")]
    pub(crate) environments: Vec<String>,
    /// Only this application, or workload by its name in the file; repeatable
    #[arg(long = "app", value_name = "NAME")]
    pub(crate) applications: Vec<String>,
    /// Trials of each application in each environment [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) trials: Option<u32>,
    /// A photo or a directory of photos in place of the shipped samples
    #[arg(long, value_name = "DIR")]
    pub(crate) inputs: Option<PathBuf>,
    /// Engine of every workload: auto, rten, onnxruntime, onnxruntime-cuda
    #[arg(long, value_name = "NAME", value_parser = engine_wish)]
    pub(crate) engine: Option<EngineWish>,
    /// Seed of the order of trials and of every interval [default: 42]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Compare cells although this differs, and say so beside the comparison: accelerator,
    /// threads, cpus, memory, disk-cache, engine, results; repeatable
    #[arg(long = "allow-difference", value_name = "WHAT", value_parser = difference)]
    pub(crate) allow_differences: Vec<Difference>,
    /// Repeat a trial that the host disturbed (time stolen, other programs busy), at most N
    /// times [3]; what is still disturbed then is kept and marked
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "3",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) strict: Option<u32>,
    /// What reads processor use: the same "one" in every environment, or "paper" to have beside
    /// it what the edge paper used for each kind (`docker stats`, `top` of the hypervisor)
    #[arg(long, value_name = "WHICH", value_parser = instrument_choice)]
    pub(crate) instrument: Option<InstrumentChoice>,
    /// Directory with agents for hosts of kind ssh whose processor is another than this host's,
    /// each as MACHINE/weighbridge-agent (`cargo run -p xtask -- agent aarch64` builds one)
    #[arg(long, value_name = "DIR")]
    pub(crate) agent_dir: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Go on with a run that was interrupted or killed: an id, a unique prefix, or `latest`
    #[arg(long, value_name = "RUN", conflicts_with_all = ["file", "environments", "applications", "trials", "inputs", "engine", "seed", "allow_differences", "strict", "instrument", "agent_dir", "slow_down"])]
    pub(crate) resume: Option<String>,
    /// Slow one environment down on purpose, by a busy loop after each inference, to see
    /// whether a difference of known size is found: `NAME=PERCENT`. The run says so.
    #[arg(long, value_name = "ENV=PERCENT", hide = true)]
    pub(crate) slow_down: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(subcommand)]
    pub(crate) command: EnvCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Try each environment once for real and say what works
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Get the kernel that virtual machines boot, and keep it in the data directory
    Prepare(PrepareArguments),
}

#[derive(Debug, Args)]
pub(crate) struct PrepareArguments {
    /// Kind of environment
    #[arg(value_parser = ["qemu", "firecracker"])]
    pub(crate) environment: String,
    /// Kernel to boot (a vmlinuz file); the distribution's for virtual machines, else that of
    /// this host unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// Directory of its modules, such as /lib/modules/RELEASE; everything is taken to be built
    /// into the kernel unless given
    #[arg(long, value_name = "DIRECTORY", requires = "kernel")]
    pub(crate) modules: Option<PathBuf>,
}

fn difference(name: &str) -> Result<Difference, String> {
    let known = || Difference::ALL.map(Difference::as_str).join(", ");
    Difference::from_name(name).ok_or_else(|| format!("give one of: {}", known()))
}

fn instrument_choice(name: &str) -> Result<InstrumentChoice, String> {
    let known = || InstrumentChoice::NAMES.join(", ");
    InstrumentChoice::from_name(name).ok_or_else(|| format!("give one of: {}", known()))
}

pub(super) fn engine_wish(name: &str) -> Result<EngineWish, String> {
    EngineWish::from_name(name).ok_or_else(|| {
        format!("there is no such engine; use one of: {}", EngineWish::NAMES.join(", "))
    })
}

#[derive(Debug, Args)]
pub(crate) struct EngineArguments {
    #[command(subcommand)]
    pub(crate) command: EngineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Say which engines are there, in which version, and what they use on this processor
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Get ONNX Runtime from PyPI into the data directory, every file checked by its hash
    Install(InstallArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge engine install onnxruntime
  weighbridge engine install onnxruntime --from onnxruntime-1.31.1-cp312-….whl   offline

The download needs python3 with pip. What is installed is used from then on by
every run whose engine is \"auto\", the default.")]
pub(crate) struct InstallArguments {
    /// Which build
    #[arg(value_enum)]
    pub(crate) package: Package,
    /// Its version [default: the one this weighbridge was tested with]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// A wheel that was fetched before, in place of a download
    #[arg(long, value_name = "WHEEL", conflicts_with = "version")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AppArguments {
    #[command(subcommand)]
    pub(crate) command: AppCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// List the applications
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Run an application on inputs of your own and show what comes out
    Run(AppRunArguments),
    /// Write the model of an application to a file
    Export(AppExportArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge app run derain rainy.jpg --out dry     writes dry/rainy-derain.png
  weighbridge app run traffic-light lights/          prints what each photo shows
  weighbridge app run traffic-light a.jpg --format json

Results are looked at, not measured: `weighbridge run` measures.")]
pub(crate) struct AppRunArguments {
    /// The application, as `weighbridge app list` names it
    pub(crate) name: String,
    /// Files, or directories of them; the shipped samples unless given
    pub(crate) inputs: Vec<PathBuf>,
    /// A model in place of the application's own: a path, https://…, or seeded:FAMILY
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
    /// Digest of a model given by address, as `sha256sum` prints it
    #[arg(long, value_name = "HEX", requires = "model")]
    pub(crate) sha256: Option<String>,
    /// Names of the model's classes, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Engine: auto, rten, onnxruntime, onnxruntime-cuda
    #[arg(long, value_name = "NAME", value_parser = engine_wish)]
    pub(crate) engine: Option<EngineWish>,
    /// Threads of the engine [default: all CPUs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Directory for pictures [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct AppExportArguments {
    /// The application, as `weighbridge app list` names it
    pub(crate) name: String,
    /// A seeded architecture in place of the shipped model: FAMILY or FAMILY:FORM
    #[arg(long, value_name = "V")]
    pub(crate) variant: Option<String>,
    /// The file to write; one that is there is kept
    #[arg(long, value_name = "FILE.onnx")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArguments {
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How a report is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One self-contained page
    Html,
    /// Markdown
    Md,
    /// One row a cell
    Csv,
    /// weighbridge.report/1
    Json,
    /// weighbridge.run/1: the whole record, every raw sample included
    Record,
    /// As `weighbridge run` prints it
    Table,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// An id, a unique prefix, or `latest`
    pub(crate) run: String,
    /// What to render
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge figure edge.fig2 --run latest --out fig2.svg   .png works too
  weighbridge figure edge.appendix1 --run latest             a table; also .csv, .json
  weighbridge figure cloud.table2 --campaign latest          of a whole campaign")]
pub(crate) struct FigureArguments {
    /// Which one, e.g. edge.fig2; a wrong name lists them
    pub(crate) id: String,
    /// Of this run: an id, a unique prefix, or `latest`
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Of this campaign: cloud.table1, cloud.table2, cloud.table3, cloud.fig2
    #[arg(long, value_name = "CAMPAIGN", conflicts_with = "run")]
    pub(crate) campaign: Option<String>,
    /// Write to this file; its extension chooses the format: svg, png, csv, json, txt
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// The run that is compared with: an id, a unique prefix, or `latest`
    pub(crate) a: String,
    /// The run that is compared
    pub(crate) b: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The experiment file
    pub(crate) file: PathBuf,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

//! `weighbridge bill`: what a provider's bill says, checked against itself.

mod document;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use weighbridge_price::bill::{BillCheck, BillFormat, BillSummary, Finding};

use super::arguments::Format;
use super::{Outcome, output};

pub(super) use document::BillCheckDocument;

#[derive(Debug, Args)]
pub(crate) struct BillArguments {
    #[command(subcommand)]
    command: BillCommand,
}

#[derive(Debug, Subcommand)]
enum BillCommand {
    /// Recompute every line of a bill from its own quantity and price
    Check(BillCheckArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge bill check cur-2026-10.csv.gz              what differs, and why
  weighbridge bill check *.csv.gz --format json          one document a file, in their order
  weighbridge bill check focus.csv --from focus

Reads CSV, plain or with gzip. Every line is held to the price that it prints itself and to
the provider's rounding; docs/bills.md has the rules and both lists of causes.

Exit status: 0 every priced line is exact or its difference explained, 1 a file cannot be
read, 2 usage, 3 a difference has no explanation, or a line holds no number where it should.")]
struct BillCheckArguments {
    /// The bill; several files are checked one after another
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Format of the files
    #[arg(long, value_enum, default_value_t)]
    from: From,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Format of a bill, as it is named on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum From {
    /// Found out from the header
    #[default]
    Auto,
    /// AWS Cost and Usage Report, legacy
    Cur,
    /// AWS Cost and Usage Report 2.0
    Cur2,
    /// FOCUS 1.0 to 1.3
    Focus,
    /// Azure cost details, EA or MCA
    Azure,
    /// Google Cloud billing export
    Gcp,
    /// Oracle Cloud cost report
    Oci,
}

impl From {
    fn asked(self) -> Option<BillFormat> {
        match self {
            Self::Auto => None,
            Self::Cur => Some(BillFormat::Cur),
            Self::Cur2 => Some(BillFormat::Cur2),
            Self::Focus => Some(BillFormat::Focus),
            Self::Azure => Some(BillFormat::Azure),
            Self::Gcp => Some(BillFormat::Gcp),
            Self::Oci => Some(BillFormat::Oci),
        }
    }
}

/// Answers `weighbridge bill`.
pub(super) fn bill(arguments: &BillArguments) -> anyhow::Result<Outcome> {
    let BillCommand::Check(arguments) = &arguments.command;
    check(arguments)
}

/// Checks every file, also those after one that cannot be read.
fn check(arguments: &BillCheckArguments) -> anyhow::Result<Outcome> {
    let mut printer = Printer::new(arguments.format)?;
    let mut unreadable = 0;
    let mut open_questions = false;
    for path in &arguments.files {
        let checked = check_file(path, arguments.from.asked(), &mut printer);
        match checked {
            Ok(summary) => open_questions |= summary.unexplained() + summary.damaged > 0,
            Err(error) if output::is_broken_pipe(&error) || arguments.files.len() == 1 => {
                return Err(error);
            }
            Err(error) => {
                unreadable += 1;
                output::print_error(&error);
            }
        }
    }
    anyhow::ensure!(
        unreadable == 0,
        "{unreadable} of {} files could not be checked",
        arguments.files.len()
    );
    Ok(if open_questions { Outcome::Incomplete } else { Outcome::Done })
}

fn check_file(
    path: &Path,
    asked: Option<BillFormat>,
    printer: &mut Printer,
) -> anyhow::Result<BillSummary> {
    let named = || format!("cannot check {}", path.display());
    let file = File::open(path).with_context(named)?;
    let length = file.metadata().with_context(named)?.len();
    let bar = output::file_progress(path, length);
    let mut check = BillCheck::open(bar.wrap_read(file), asked).with_context(named)?;
    let mut document = BillCheckDocument::default();
    while let Some(finding) = check.next_finding().with_context(named)? {
        printer.finding(path, finding, &mut document)?;
    }
    bar.finish_and_clear();
    printer.end_of_file(path, &check, document)?;
    Ok(check.summary().clone())
}

/// How findings leave: rows at once, documents and tables at the end of each file.
struct Printer {
    format: Format,
}

impl Printer {
    fn new(format: Format) -> anyhow::Result<Self> {
        if format == Format::Csv {
            output::write_text("file,line,finding,billed,computed,cause")?;
        }
        Ok(Self { format })
    }

    fn finding(
        &mut self,
        path: &Path,
        finding: Finding,
        document: &mut BillCheckDocument,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Csv => output::write_text(&table::csv_row(path, &finding)?),
            Format::Json => document.add(finding).context("cannot keep the findings aside"),
            Format::Table => {
                document.add_first(finding);
                Ok(())
            }
        }
    }

    fn end_of_file<R: Read>(
        &mut self,
        path: &Path,
        check: &BillCheck<R>,
        mut document: BillCheckDocument,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Csv => Ok(()),
            Format::Json => {
                document.conclude(check.summary()).context("cannot keep the findings aside")?;
                output::write_json_streamed(&document)
            }
            Format::Table => {
                let text = table::summary(path, check.format(), check.summary(), &document);
                output::write_text(&text)
            }
        }
    }
}

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::civil::Date;
use weighbridge_price::list::{
    AwsOffer, ListError, Rate, read_aws, read_azure, read_csv, read_gcp,
};

use super::ImportArguments;
use super::partitions::Partitions;
use super::shelf::{Label, NewList, Shelf};
use crate::cli::output;

/// Whose format a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum From {
    /// Offer file of the AWS Price List
    Aws,
    /// Azure Retail Prices API
    Azure,
    /// Google Cloud Billing Catalog
    Gcp,
    /// A table of one's own
    Csv,
}

/// Reads the files and puts their prices on the shelf. Nothing is kept of a list that cannot
/// be read to its end.
pub(super) fn import(
    shelf: &Shelf,
    arguments: &ImportArguments,
    retrieved: Date,
) -> anyhow::Result<()> {
    if arguments.from == From::Aws {
        // Each offer file is a list of its own; the pages of the others are one.
        for path in &arguments.files {
            let mut list = shelf.begin()?;
            let offer = read(path, |reader| aws(reader, &mut list))?;
            conclude(list, aws_label(&offer, retrieved))?;
        }
        return Ok(());
    }
    let mut list = shelf.begin()?;
    for path in &arguments.files {
        read(path, |reader| {
            let keep = &mut |rate: Rate| list.add(&rate).map_err(ListError::Keep);
            match arguments.from {
                From::Azure => read_azure(reader, keep),
                From::Gcp => read_gcp(reader, keep),
                From::Csv | From::Aws => read_csv(reader, keep),
            }
        })?;
    }
    let (name, provider, source) = match arguments.from {
        From::Azure => (format!("azure-retail-{retrieved}"), "azure", "Azure Retail Prices API"),
        From::Gcp => (format!("gcp-catalog-{retrieved}"), "gcp", "Google Cloud Billing Catalog"),
        From::Csv | From::Aws => {
            let stem = arguments.files.first().and_then(|path| path.file_stem());
            let stem = stem.map(|stem| file_name(&stem.to_string_lossy())).unwrap_or_default();
            (format!("csv-{stem}"), "own", "a table of one's own")
        }
    };
    let label = label(name, provider, source.to_owned(), None, retrieved);
    conclude(list, label)
}

fn conclude(list: NewList<'_>, label: Label) -> anyhow::Result<()> {
    let label = list.finish(label)?;
    output::write_text(&format!("{}: {} prices, {}", label.name, label.prices, label.source))
}

fn read<T>(
    path: &Path,
    with: impl FnOnce(&mut dyn Read) -> Result<T, ListError>,
) -> anyhow::Result<T> {
    let named = || format!("cannot import {}", path.display());
    let file = File::open(path).with_context(named)?;
    let length = file.metadata().with_context(named)?.len();
    let bar = output::file_progress(path, length);
    let result = with(&mut BufReader::new(bar.wrap_read(file))).with_context(named);
    bar.finish_and_clear();
    result
}

fn aws(reader: &mut dyn Read, list: &mut NewList<'_>) -> Result<AwsOffer, ListError> {
    let mut partitions = Partitions::new();
    let offer = read_aws(reader, &mut |part| partitions.add(&part).map_err(ListError::Keep))?;
    partitions.join(&mut |rate| list.add(&rate).map_err(ListError::Keep))?;
    Ok(offer)
}

fn aws_label(offer: &AwsOffer, retrieved: Date) -> Label {
    let code = offer.code.as_deref().unwrap_or("unknown");
    let published = offer.published.clone();
    let stamp = published.clone().unwrap_or_else(|| retrieved.to_string());
    let name = file_name(&format!("aws-{code}-{stamp}"));
    let source = format!("AWS Price List offer file {code}, published {stamp}");
    label(name, "aws", source, published, retrieved)
}

fn label(
    name: String,
    provider: &str,
    source: String,
    published: Option<String>,
    retrieved: Date,
) -> Label {
    Label { name, provider: provider.to_owned(), source, published, retrieved, prices: 0 }
}

/// What comes out of a file or its name becomes part of a path: letters, digits, `-`, `.`.
fn file_name(text: &str) -> String {
    let kept = |letter: char| {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.') { letter } else { '-' }
    };
    text.chars().take(100).map(kept).collect()
}

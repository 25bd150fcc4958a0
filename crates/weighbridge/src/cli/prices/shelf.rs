//! Where imported lists lie: for each a file of rates, one JSON object a line, and a label
//! beside it that says what the list is. A list is there once its label is.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use weighbridge_price::PriceBook;
use weighbridge_price::list::Rate;

use crate::data_directory::create_private;

/// What a list is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Label {
    /// Its name on this host.
    pub(super) name: String,
    /// Whose list it is.
    pub(super) provider: String,
    /// What it was taken from.
    pub(super) source: String,
    /// When the provider published it, in the list's own words, where it says so.
    pub(super) published: Option<String>,
    /// The day on which it was taken from the provider.
    #[schemars(with = "String")]
    pub(super) retrieved: Date,
    /// How many prices it has.
    pub(super) prices: u64,
}

/// The directory of imported lists.
pub(super) struct Shelf {
    directory: PathBuf,
}

impl Shelf {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The labels of all lists, by name.
    pub(super) fn lists(&self) -> anyhow::Result<Vec<Label>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| {
                format!("cannot read the directory {}", self.directory.display())
            })?,
        };
        let mut lists = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&path);
                let label = text.map_err(anyhow::Error::from).and_then(|text| {
                    serde_json::from_str::<Label>(&text).map_err(anyhow::Error::from)
                });
                lists.push(label.with_context(|| damaged(&path))?);
            }
        }
        lists.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(lists)
    }

    /// Every price: those of the shipped book, then those of every list.
    pub(super) fn each(
        &self,
        take: &mut dyn FnMut(Rate) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for entry in PriceBook::shipped().entries() {
            take(Rate::from(entry))?;
        }
        for list in self.lists()? {
            let path = self.rates_of(&list.name);
            let file = File::open(&path).with_context(|| damaged(&path))?;
            for line in BufReader::new(file).lines() {
                let line = line.with_context(|| damaged(&path))?;
                take(serde_json::from_str(&line).with_context(|| damaged(&path))?)?;
            }
        }
        Ok(())
    }

    /// Begins a list. It replaces one of the same name once it is labelled, not before.
    pub(super) fn begin(&self) -> anyhow::Result<NewList<'_>> {
        create_private(&self.directory)?;
        let file = NamedTempFile::new_in(&self.directory)
            .with_context(|| format!("cannot write into {}", self.directory.display()))?;
        Ok(NewList { shelf: self, rates: BufWriter::new(file), prices: 0 })
    }

    fn rates_of(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.jsonl"))
    }
}

fn damaged(path: &Path) -> String {
    format!("cannot read the imported list {}; import it again", path.display())
}

/// A list that is being written.
pub(super) struct NewList<'s> {
    shelf: &'s Shelf,
    rates: BufWriter<NamedTempFile>,
    prices: u64,
}

impl NewList<'_> {
    pub(super) fn add(&mut self, rate: &Rate) -> io::Result<()> {
        self.prices += 1;
        serde_json::to_writer(&mut self.rates, rate)?;
        self.rates.write_all(b"\n")
    }

    /// Puts the list on the shelf, with its count of prices in the label.
    pub(super) fn finish(self, label: Label) -> anyhow::Result<Label> {
        let label = Label { prices: self.prices, ..label };
        let place = format!("cannot keep the list {}", label.name);
        let rates = self.rates.into_inner().map_err(io::IntoInnerError::into_error);
        let path = self.shelf.rates_of(&label.name);
        rates.and_then(|file| Ok(file.persist(&path)?)).with_context(|| place.clone())?;
        let mut file =
            NamedTempFile::new_in(&self.shelf.directory).with_context(|| place.clone())?;
        serde_json::to_writer_pretty(&mut file, &label).with_context(|| place.clone())?;
        file.persist(path.with_extension("json")).context(place)?;
        Ok(label)
    }
}

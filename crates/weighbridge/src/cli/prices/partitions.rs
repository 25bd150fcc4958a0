//! Products and terms of an AWS offer file brought together by SKU without holding either: both
//! are dealt out to files by a hash of the SKU, then each file, a small part of the whole, is
//! joined in memory.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use weighbridge_price::list::{AwsPart, ListError, Rate};

/// An offer file of 8 GB comes to about 32 MB each.
const COUNT: usize = 256;

pub(super) struct Partitions {
    files: Vec<Option<BufWriter<File>>>,
}

impl Partitions {
    pub(super) fn new() -> Self {
        Self { files: (0..COUNT).map(|_| None).collect() }
    }

    pub(super) fn add(&mut self, part: &AwsPart) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        part.sku().hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % COUNT as u64).unwrap_or_default();
        let file = match &mut self.files[index] {
            Some(file) => file,
            empty => empty.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        serde_json::to_writer(&mut *file, part)?;
        file.write_all(b"\n")
    }

    /// Hands over every price, with what it is the price of.
    pub(super) fn join(
        self,
        take: &mut dyn FnMut(Rate) -> Result<(), ListError>,
    ) -> Result<(), ListError> {
        for file in self.files.into_iter().flatten() {
            let (mut products, mut terms) = (HashMap::new(), Vec::new());
            for part in parts(file).map_err(ListError::Keep)? {
                let sku = part.sku().to_owned();
                match part {
                    AwsPart::Product(product) => drop(products.insert(sku, product)),
                    AwsPart::Term(term) => terms.push((sku, term)),
                }
            }
            for (sku, term) in terms {
                let product = products.get(&sku).ok_or_else(|| ListError::Price {
                    reason: "the file has no product of this SKU".to_owned(),
                    sku,
                })?;
                term.rates(product)?.into_iter().try_for_each(&mut *take)?;
            }
        }
        Ok(())
    }
}

fn parts(mut file: BufWriter<File>) -> io::Result<Vec<AwsPart>> {
    file.flush()?;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    let part = |line: io::Result<String>| Ok(serde_json::from_str(&line?)?);
    BufReader::new(file).lines().map(part).collect()
}

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use weighbridge_experiment::{ByteSize, CpuCount, Money};

use super::{PriceBook, PriceEntry};

/// The file as it is written: sources once, entries that refer to them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BookFile {
    name: String,
    source: BTreeMap<String, SourceTable>,
    entry: Vec<EntryTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    text: String,
    retrieved: String,
    checked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryTable {
    name: String,
    cpus: CpuCount,
    memory: String,
    operating_system: String,
    hourly: String,
    source: String,
    valid_from: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<PriceBook, String> {
    let file: BookFile = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut entries = BTreeMap::new();
    for table in file.entry {
        let entry = entry(&table, &file.source)
            .map_err(|reason| format!("entry `{}`: {reason}", table.name))?;
        if entries.insert(entry.name.clone(), entry).is_some() {
            return Err(format!("entry `{}` stands there twice", table.name));
        }
    }
    Ok(PriceBook { name: file.name, entries })
}

fn entry(
    table: &EntryTable,
    sources: &BTreeMap<String, SourceTable>,
) -> Result<PriceEntry, String> {
    let parts: Vec<&str> = table.name.split('/').collect();
    let [provider, region, instance] = parts.as_slice() else {
        return Err("its name is not `provider/region/instance`".to_owned());
    };
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err("its name is not `provider/region/instance`".to_owned());
    }
    let source = sources
        .get(&table.source)
        .ok_or_else(|| format!("there is no source `{}`", table.source))?;
    let hourly: Money = table.hourly.parse().map_err(|error| format!("{error}"))?;
    if hourly.amount <= Decimal::ZERO {
        // Nothing is rented out for nothing: a zero here is a slip, and would make a run free.
        return Err(format!("its price is {hourly}, which is not above zero"));
    }
    Ok(PriceEntry {
        name: table.name.clone(),
        provider: (*provider).to_owned(),
        region: (*region).to_owned(),
        instance: (*instance).to_owned(),
        cpus: table.cpus,
        memory: table.memory.parse::<ByteSize>().map_err(|error| error.to_string())?,
        operating_system: table.operating_system.clone(),
        hourly,
        valid_from: table.valid_from.as_deref().map(date).transpose()?,
        source: source.text.clone(),
        retrieved: date(&source.retrieved)?,
        checked: source.checked,
    })
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is not a day; write it as \"2026-11-20\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOOK: &str = r#"
        name = "test"
        [source.page]
        text = "a page"
        retrieved = "2026-11-20"
        checked = false
        [[entry]]
        name = "aws/us-east-1/t2.micro"
        cpus = 1
        memory = "1GiB"
        operating_system = "linux"
        hourly = "0.0116 USD"
        source = "page"
    "#;

    fn complaint(from: &str, to: &str) -> String {
        parse(&BOOK.replace(from, to)).expect_err("the book is wrong")
    }

    #[test]
    fn a_book_is_read() {
        let book = parse(BOOK).expect("a book");
        let entry = book.entry("aws/us-east-1/t2.micro").expect("the entry");
        assert_eq!((entry.provider.as_str(), entry.instance.as_str()), ("aws", "t2.micro"));
        assert_eq!(entry.hourly.to_string(), "0.0116 USD");
        assert_eq!(entry.source_line(), "a page (not checked against a document)");
    }

    #[test]
    fn slips_are_refused_by_name() {
        assert_eq!(
            complaint("0.0116 USD", "0 USD"),
            "entry `aws/us-east-1/t2.micro`: its price is 0 USD, which is not above zero"
        );
        assert!(complaint("0.0116 USD", "0.0116").contains("is not an amount of money"));
        assert!(complaint("\"page\"", "\"sage\"").contains("there is no source `sage`"));
        assert!(complaint("2026-11-20", "20.11.2026").contains("is not a day"));
        assert!(
            complaint("aws/us-east-1/t2.micro", "t2.micro").contains("provider/region/instance")
        );
        assert!(
            complaint("aws/us-east-1/t2.micro", "aws//t2.micro")
                .contains("provider/region/instance")
        );
        assert!(complaint("hourly =", "yearly =").contains("yearly"));
        let entry = &BOOK[BOOK.find("[[entry]]").expect("an entry")..];
        assert!(
            parse(&format!("{BOOK}{entry}")).expect_err("twice").contains("stands there twice")
        );
    }

    proptest! {
        #[test]
        fn mutated_books_never_panic(at in 0_usize..400, with in "\\PC{0,3}") {
            let mut text: Vec<char> = BOOK.chars().collect();
            let at = at.min(text.len());
            text.splice(at..(at + 1).min(text.len()), with.chars());
            let _ = parse(&text.into_iter().collect::<String>());
        }
    }
}

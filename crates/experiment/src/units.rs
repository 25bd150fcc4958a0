use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Why a quantity with a unit could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// The text is not a number followed by a byte unit.
    #[error(
        "`{0}` is not a size; write a number and a unit, such as \"512MiB\", \"2GiB\" or \"6GB\""
    )]
    ByteSize(String),
    /// The size does not fit 64 bits, or is zero.
    #[error("`{0}` is out of range; a size lies between 1B and 8EiB")]
    ByteSizeRange(String),
    /// The number of CPUs is not usable.
    #[error("`{0}` is not a number of CPUs; write a number from 0.01 to 4096, such as 2 or 0.5")]
    CpuCount(String),
}

/// A number of bytes, written with a unit: `"512MiB"`, `"2GiB"`, `"6GB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl ByteSize {
    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let invalid = || UnitError::ByteSize(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(invalid)?;
        let (number, unit) = trimmed.split_at(split);
        let factor = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, factor)| *factor)
            .ok_or_else(invalid)?;
        let number: f64 = number.trim().parse().map_err(|_| invalid())?;
        let bytes = number * factor as f64;
        // 2^63 keeps every later sum of two sizes inside 64 bits.
        if !(1.0..9_223_372_036_854_775_808.0).contains(&bytes) {
            return Err(UnitError::ByteSizeRange(text.to_owned()));
        }
        Ok(Self(bytes.round() as u64))
    }
}

impl fmt::Display for ByteSize {
    /// The largest binary unit in which the size is at least 1, with at most two decimals.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = UNITS[..5]
            .iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor)
            .copied()
            .unwrap_or(("B", 1));
        let value = self.0 as f64 / factor as f64;
        let digits = format!("{value:.2}");
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        write!(formatter, "{digits} {name}")
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ByteSize;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as \"2GiB\", or a number of bytes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                u64::try_from(bytes)
                    .map(ByteSize)
                    .map_err(|_| E::custom(UnitError::ByteSizeRange(bytes.to_string())))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a number of bytes, or a size with its unit such as \"2GiB\"",
            "oneOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\s*[0-9.]+\s*([KMGT]i?)?[Bb]\s*$"}
            ]
        })
    }
}

/// A share of processors: 2 is two whole ones, 0.5 half the time of one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct CpuCount(f64);

impl CpuCount {
    /// Checks that the number lies between 0.01 and 4096.
    pub fn new(count: f64) -> Result<Self, UnitError> {
        if (0.01..=4096.0).contains(&count) {
            Ok(Self(count))
        } else {
            Err(UnitError::CpuCount(count.to_string()))
        }
    }

    /// The number of CPUs.
    #[must_use]
    pub const fn count(self) -> f64 {
        self.0
    }

    /// Threads that fill this share: rounded up, at least one.
    #[must_use]
    pub fn threads(self) -> u32 {
        self.0.ceil().max(1.0) as u32
    }
}

impl fmt::Display for CpuCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl<'de> Deserialize<'de> for CpuCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_with_binary_and_decimal_units() {
        assert_eq!("2GiB".parse(), Ok(ByteSize(2 << 30)));
        assert_eq!("1.5 MiB".parse(), Ok(ByteSize(1_572_864)));
        assert_eq!("6gb".parse(), Ok(ByteSize(6_000_000_000)));
        assert_eq!("64".parse::<ByteSize>(), Err(UnitError::ByteSize("64".into())));
        assert_eq!("-1MiB".parse::<ByteSize>(), Err(UnitError::ByteSizeRange("-1MiB".into())));
        assert!("2 parsecs".parse::<ByteSize>().is_err());
        assert!("inf GiB".parse::<ByteSize>().is_err());
    }

    #[test]
    fn sizes_are_shown_in_the_largest_binary_unit() {
        assert_eq!(ByteSize(2 << 30).to_string(), "2 GiB");
        assert_eq!(ByteSize(1_572_864).to_string(), "1.5 MiB");
        assert_eq!(ByteSize(17).to_string(), "17 B");
    }

    #[test]
    fn threads_fill_the_share() {
        assert_eq!(CpuCount::new(0.25).map(CpuCount::threads), Ok(1));
        assert_eq!(CpuCount::new(1.5).map(CpuCount::threads), Ok(2));
        assert!(CpuCount::new(0.0).is_err());
        assert!(CpuCount::new(f64::NAN).is_err());
    }

    proptest! {
        #[test]
        fn reading_a_size_never_panics(text in "\\PC*") {
            let _ = text.parse::<ByteSize>();
        }

        #[test]
        fn whole_mebibytes_survive_a_round_trip(mebibytes in 1_u64..10_000_000) {
            let size: ByteSize = format!("{mebibytes}MiB").parse().expect("a valid size");
            prop_assert_eq!(size.bytes(), mebibytes << 20);
        }
    }
}

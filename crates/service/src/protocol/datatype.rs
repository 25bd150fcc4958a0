//! Element types by the protocol's names, and their bytes: little-endian, row-major.

use weighbridge_inference::engine::{Port, Values};

/// Types that the engines take. The protocol has more: 16-bit types and text are refused.
pub(crate) const TAKEN: &str = "FP32, FP64, INT8, INT32, INT64, UINT8 and BOOL";

/// The protocol's name of a port's type; what the engines do not say is taken for `FP32`.
pub(crate) fn of_port(port: &Port) -> &'static str {
    match port.element {
        Some("f64") => "FP64",
        Some("i8") => "INT8",
        Some("u8") => "UINT8",
        Some("i32") => "INT32",
        Some("i64") => "INT64",
        Some("bool") => "BOOL",
        _ => "FP32",
    }
}

/// The protocol's name of these values' type.
pub(crate) const fn of(values: &Values) -> &'static str {
    match values {
        Values::F32(_) => "FP32",
        Values::F64(_) => "FP64",
        Values::I8(_) => "INT8",
        Values::U8(_) => "UINT8",
        Values::I32(_) => "INT32",
        Values::I64(_) => "INT64",
        Values::Bool(_) => "BOOL",
    }
}

/// Bytes of one value; `None` for a type that is not taken.
pub(crate) fn width(datatype: &str) -> Option<usize> {
    match datatype {
        "INT8" | "UINT8" | "BOOL" => Some(1),
        "FP32" | "INT32" => Some(4),
        "FP64" | "INT64" => Some(8),
        _ => None,
    }
}

/// Values out of their bytes; `None` where the type is not taken, or the bytes are no whole
/// number of values.
pub(crate) fn read(datatype: &str, bytes: &[u8]) -> Option<Values> {
    macro_rules! numbers {
        ($number:ty) => {{
            let (whole, rest) = bytes.as_chunks::<{ size_of::<$number>() }>();
            rest.is_empty()
                .then(|| whole.iter().map(|bytes| <$number>::from_le_bytes(*bytes)).collect())
        }};
    }
    match datatype {
        "FP32" => numbers!(f32).map(Values::F32),
        "FP64" => numbers!(f64).map(Values::F64),
        "INT8" => numbers!(i8).map(Values::I8),
        "UINT8" => Some(Values::U8(bytes.to_vec())),
        "INT32" => numbers!(i32).map(Values::I32),
        "INT64" => numbers!(i64).map(Values::I64),
        "BOOL" => Some(Values::Bool(bytes.iter().map(|byte| *byte != 0).collect())),
        _ => None,
    }
}

/// The bytes of values.
pub(crate) fn write(values: &Values) -> Vec<u8> {
    match values {
        Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::U8(values) => values.clone(),
        Values::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Values::Bool(values) => values.iter().map(|value| u8::from(*value)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn values_come_back_from_their_bytes(bytes in proptest::collection::vec(0_u8..=255, 0..64)) {
            for datatype in ["FP32", "FP64", "INT8", "UINT8", "INT32", "INT64", "BOOL"] {
                let width = width(datatype).expect("a type that is taken");
                let values = read(datatype, &bytes);
                proptest::prop_assert_eq!(values.is_some(), bytes.len() % width == 0);
                if let Some(values) = values {
                    proptest::prop_assert_eq!(of(&values), datatype);
                    if datatype != "BOOL" {
                        proptest::prop_assert_eq!(write(&values), bytes.clone());
                    }
                }
            }
        }
    }

    #[test]
    fn types_that_no_engine_takes_are_not_read() {
        for datatype in ["FP16", "BF16", "INT16", "UINT64", "BYTES", "", "fp32"] {
            assert_eq!((width(datatype), read(datatype, &[0; 8])), (None, None));
        }
    }
}

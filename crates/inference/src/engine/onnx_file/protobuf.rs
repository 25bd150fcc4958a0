//! The encoding of protobuf messages
//! (<https://protobuf.dev/programming-guides/encoding/>), read without copying. Knows field
//! numbers and wire types, not what any field means.

/// The value of a field.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Why a field cannot be read.
#[derive(Clone, Copy)]
pub(super) enum FieldFlaw {
    Short { missing: u64 },
    Malformed,
}

/// The fields of one protobuf message.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field with its number; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, FieldFlaw> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return Err(FieldFlaw::Malformed),
        };
        if key >> 3 == 0 { Err(FieldFlaw::Malformed) } else { Ok(Some((key >> 3, value))) }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], FieldFlaw> {
        let split =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((taken, rest)) = split else {
            return Err(FieldFlaw::Short { missing: length - self.rest.len() as u64 });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// A base-128 number, least significant group first, at most ten bytes.
    pub(super) fn number(&mut self) -> Result<u64, FieldFlaw> {
        let mut number = 0_u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        if self.rest.len() < 10 {
            Err(FieldFlaw::Short { missing: 1 })
        } else {
            Err(FieldFlaw::Malformed)
        }
    }
}

//! JSON lists element by element: nothing but the element at hand is in memory.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};

use super::error::ListError;

/// What takes the elements.
pub(super) type Sink<'s, T> = &'s mut dyn FnMut(T) -> Result<(), ListError>;

/// Hands every element of the array called one of `names` in the outermost object to `sink`.
pub(super) fn each<T: DeserializeOwned>(
    reader: impl Read,
    names: &'static [&'static str],
    sink: Sink<'_, T>,
) -> Result<(), ListError> {
    let mut state = State { names, sink, found: false, failed: None, item: PhantomData };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let read = json.deserialize_map(Outermost(&mut state)).and_then(|()| json.end());
    let found = state.found;
    finish(read, state.failed)?;
    if found { Ok(()) } else { Err(ListError::NoList(names[0])) }
}

/// The error of a sink comes out as itself, not as one of JSON.
pub(super) fn finish(
    read: Result<(), serde_json::Error>,
    failed: Option<ListError>,
) -> Result<(), ListError> {
    match failed {
        Some(error) => Err(error),
        None => read.map_err(ListError::Json),
    }
}

struct State<'s, T> {
    names: &'static [&'static str],
    sink: Sink<'s, T>,
    found: bool,
    failed: Option<ListError>,
    item: PhantomData<T>,
}

struct Outermost<'a, 's, T>(&'a mut State<'s, T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Outermost<'_, '_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object that holds a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.0.names.contains(&key.as_str()) {
                self.0.found = true;
                map.next_value_seed(Items(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Items<'a, 's, T>(&'a mut State<'s, T>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Items<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Items<'_, '_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<T>()? {
            if let Err(error) = (self.0.sink)(item) {
                self.0.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

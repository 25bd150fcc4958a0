use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fact about a host or a guest: a value, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// Name with its unit where it has one: `memory_total_bytes`.
    pub name: String,
    /// The value as text.
    pub value: Option<String>,
    /// Why there is no value. `None` where there is one.
    pub reason: Option<String>,
    /// The file or call that was read.
    pub instrument: String,
}

impl Fact {
    /// A fact that was read.
    #[must_use]
    pub fn known(name: &str, value: impl Into<String>, instrument: &str) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
            reason: None,
            instrument: instrument.into(),
        }
    }

    /// A fact that could not be read.
    #[must_use]
    pub fn missing(name: &str, reason: impl Into<String>, instrument: &str) -> Self {
        Self {
            name: name.into(),
            value: None,
            reason: Some(reason.into()),
            instrument: instrument.into(),
        }
    }
}

/// The facts of one host or guest, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HostFacts(pub Vec<Fact>);

impl HostFacts {
    /// The value of a fact by name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|fact| fact.name == name)?.value.as_deref()
    }
}

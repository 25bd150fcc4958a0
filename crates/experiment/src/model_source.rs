//! Where a model comes from, as users write it in a file or on a command line.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sha256Digest;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelSource {
    /// A file of this host.
    File(String),
    /// An address that is read once and kept.
    Address {
        /// Where it is.
        url: String,
        /// What it must be.
        sha256: Sha256Digest,
    },
    /// A model of this family with weights drawn from a fixed seed: good for speed only.
    Seeded(String),
}

/// Why what was written names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct ModelSourceProblem {
    /// Whether it is the digest that is wrong, not the model.
    pub of_digest: bool,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl ModelSourceProblem {
    /// A digest where nothing is fetched.
    #[must_use]
    pub fn digest_without_address() -> Self {
        Self {
            of_digest: true,
            message: "`sha256` is for a model that is given by address".to_owned(),
            help: "give the model as https://…, or remove `sha256`",
        }
    }

    fn of_model(message: String, help: &'static str) -> Self {
        Self { of_digest: false, message, help }
    }
}

impl ModelSource {
    /// A path, `seeded:FAMILY`, or an address with the digest of what it must give.
    ///
    /// # Errors
    ///
    /// When an address is not encrypted (this host's own may be) or has no digest, and when a
    /// digest stands beside anything else.
    pub fn read(written: &str, sha256: Option<&str>) -> Result<Self, ModelSourceProblem> {
        if written.contains("://") && !written.starts_with("seeded:") {
            return Self::address(written, sha256);
        }
        if sha256.is_some() {
            return Err(ModelSourceProblem::digest_without_address());
        }
        match written.strip_prefix("seeded:") {
            Some("") => Err(ModelSourceProblem::of_model(
                "`seeded:` names no family".to_owned(),
                "write \"seeded:yolov5s\"",
            )),
            Some(family) => Ok(Self::Seeded(family.to_owned())),
            None => Ok(Self::File(written.to_owned())),
        }
    }

    fn address(url: &str, sha256: Option<&str>) -> Result<Self, ModelSourceProblem> {
        usable_address(url)?;
        let problem = |of_digest, message: &str| ModelSourceProblem {
            of_digest,
            message: message.to_owned(),
            help: "give the digest that `sha256sum` prints of the file that you trust",
        };
        let written =
            sha256.ok_or_else(|| problem(false, "a model by address needs its `sha256`"))?;
        let sha256 = Sha256Digest::parse(written)
            .ok_or_else(|| problem(true, "`sha256` is not 64 hexadecimal digits"))?;
        Ok(Self::Address { url: url.to_owned(), sha256 })
    }
}

/// Only encrypted addresses, and this host itself.
fn usable_address(address: &str) -> Result<(), ModelSourceProblem> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback());
    let problem = ModelSourceProblem::of_model;
    match scheme {
        _ if host.is_empty() => {
            Err(problem(format!("`{address}` names no host"), "write \"https://HOST/PATH\""))
        }
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        "http" => Err(problem(
            format!("`{address}` is not encrypted"),
            "use https://; http:// is for this host itself only",
        )),
        _ => Err(problem(format!("`{scheme}://` cannot be read"), "use https://, or a path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_addresses_and_this_host_are_read() {
        for good in ["https://a.example/m.onnx", "http://127.0.0.1:80/m", "http://[::1]:8/m"] {
            assert_eq!(usable_address(good), Ok(()), "{good}");
        }
        for bad in [
            "http://a.example/m",
            "http://127.0.0.1@a.example/m",
            "http://localhost.example/m",
            "http://127.a.example/m",
            "ftp://a/m",
            "https:///m",
        ] {
            assert!(usable_address(bad).is_err(), "{bad}");
        }
    }
}

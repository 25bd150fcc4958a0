use std::net::{SocketAddr, ToSocketAddrs as _};

use weighbridge_experiment::load::LoadTarget;

use super::error::LoadError;

/// The addresses of a target, asked for once: a name server is not what is being measured.
pub(super) fn resolve(target: &LoadTarget) -> Result<Vec<SocketAddr>, LoadError> {
    let failed = |source| LoadError::Resolve { host: target.host.clone(), source };
    let addresses: Vec<SocketAddr> =
        (target.host.as_str(), target.port).to_socket_addrs().map_err(failed)?.collect();
    if addresses.is_empty() {
        return Err(failed(std::io::Error::other("the name has no address")));
    }
    Ok(addresses)
}

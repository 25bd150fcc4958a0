//! What the client trusts, and which protocols it offers.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use weighbridge_experiment::load::HttpVersion;

use super::error::LoadError;

/// A configuration that trusts the well-known authorities, or those of `authorities` (PEM)
/// alone, or anybody.
pub(super) fn configuration(
    http: HttpVersion,
    authorities: Option<&[u8]>,
    trust_anybody: bool,
) -> Result<Arc<ClientConfig>, LoadError> {
    let provider = Arc::new(ring::default_provider());
    let refused = |reason: String| LoadError::Certificates { reason };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?;
    let mut configuration = if trust_anybody {
        let verifier = Arc::new(TrustAnybody(provider));
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    } else {
        let roots = match authorities {
            Some(pem) => roots_of(pem)?,
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        };
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    configuration.alpn_protocols = match http {
        HttpVersion::One => vec![b"http/1.1".to_vec()],
        HttpVersion::Two => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(configuration))
}

/// A configuration for what is not HTTP: trusts the authorities of `authorities` (PEM), else the
/// well-known ones.
///
/// # Errors
///
/// The certificates cannot be used.
pub fn client_tls(authorities: Option<&[u8]>) -> Result<Arc<ClientConfig>, LoadError> {
    let configuration = configuration(HttpVersion::One, authorities, false)?;
    let mut configuration = ClientConfig::clone(&configuration);
    configuration.alpn_protocols.clear();
    Ok(Arc::new(configuration))
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, LoadError> {
    let refused = |reason: String| LoadError::Certificates { reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("there is none in the file".to_owned()));
    }
    Ok(roots)
}

/// Takes any certificate, for a service with one of its own making. Signatures are checked
/// all the same, so that the work of a handshake is the real one.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

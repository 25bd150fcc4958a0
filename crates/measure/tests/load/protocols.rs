//! TLS and HTTP/2.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use weighbridge_experiment::load::{HttpVersion, LoadSpec};
use weighbridge_measure::load::{LoadControl, LoadError, LoadOptions, run_load};

use super::server::{Behaviour, Server, converse};
use super::{run, time, totals};

const CERTIFICATE: &[u8] = include_bytes!("certificate.pem");
const KEY: &[u8] = include_bytes!("key.pem");

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(configuration))
}

#[test]
fn tls_is_spoken_with_whom_it_is_told_to_trust() {
    let acceptor = acceptor();
    let server = Server::start_with(move |stream, seen, first| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, &Behaviour::Delays(vec![1]), &seen, first).await;
            }
        }
    });
    let spec = LoadSpec { users: Some(2), duration: time("200ms"), ..LoadSpec::default() };
    let url = format!("https://localhost:{}/", server.address.port());
    let plan = spec.resolve(&url).expect("a plan");
    let with =
        |options: LoadOptions| run_load(&plan, &options, &LoadControl::default(), &mut |_| {});
    let error = with(LoadOptions::default()).expect_err("nobody vouches for it");
    assert!(
        matches!(&error, LoadError::Connect { reason, .. } if reason.starts_with("TLS: ")),
        "{error}"
    );
    for options in [
        LoadOptions { authorities: Some(CERTIFICATE.to_vec()), ..LoadOptions::default() },
        LoadOptions { trust_anybody: true, ..LoadOptions::default() },
    ] {
        let record = with(options).expect("a load");
        assert!(totals(&record).0 > 0 && totals(&record).1 == 0, "{:?}", record.errors);
    }
    let nonsense = LoadOptions { authorities: Some(b"nothing".to_vec()), ..LoadOptions::default() };
    assert!(matches!(with(nonsense), Err(LoadError::Certificates { .. })));
    let plain = run(&spec, &server.url()).expect("a load");
    assert_eq!(totals(&plain).0, totals(&plain).1, "plain HTTP to a TLS port fails");
}

#[test]
fn http_2_is_spoken_by_prior_knowledge() {
    let server = Server::start_with(|stream, seen, _| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            seen.requests.fetch_add(1, Ordering::Relaxed);
            assert_eq!(request.uri().path(), "/path");
            let answer = hyper::Response::new(());
            if let Ok(mut body) = respond.send_response(answer, false) {
                let _ = body.send_data(hyper::body::Bytes::from_static(b"hello"), true);
            }
        }
    });
    let spec = LoadSpec {
        users: Some(3),
        duration: time("300ms"),
        http: Some(HttpVersion::Two),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("a load");
    let (requests, failures) = totals(&record);
    assert!(requests > 10 && failures == 0, "{requests} {:?}", record.errors);
    assert_eq!(server.seen.requests.load(Ordering::Relaxed), requests);
    assert_eq!(record.requests[0].received_bytes, requests * 5);
}

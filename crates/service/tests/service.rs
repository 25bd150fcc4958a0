//! The service over its own socket: what programs ask, what hostile ones try, what happens
//! when there are too many, and how it ends.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod serving;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serving::{Answer, Running, form, request, sample, settings};
use weighbridge_experiment::ApplicationName::{Derain, SpeechToText, TrafficLight};
use weighbridge_inference::{Input, Outcome, Photo};
use weighbridge_service::{Limits, TlsSettings};

#[test]
fn a_photo_comes_back_as_the_picture_or_the_json_that_was_asked_for() {
    let service = Running::start(settings(&[Derain, TrafficLight, SpeechToText]));
    let photo = sample(Derain, 3);
    let mut session = serving::make(Derain)().unwrap();
    let (outcome, _) = session.run_once(&Input::new("it", photo)).unwrap();
    let Outcome::Photo(expected) = outcome else { panic!("a photo is made") };

    let png = service.post("/v1/derain", &[], photo);
    assert_eq!((png.status, png.header("content-type")), (200, Some("image/png")));
    assert_eq!(Photo::decode(&png.body, "png").unwrap(), expected, "every pixel");
    assert!(png.header("server-timing").unwrap().contains("infer;dur="));

    let jpeg = service.post("/v1/derain", &[("accept", "image/jpeg")], photo);
    assert_eq!(jpeg.header("content-type"), Some("image/jpeg"));
    assert_eq!(Photo::decode(&jpeg.body, "jpeg").unwrap().width(), expected.width());

    let (content_type, body) = form("rocket.jpg", photo);
    let headers = [("accept", "application/json"), ("content-type", content_type.as_str())];
    let json = service.post("/v1/derain", &headers, &body).json();
    assert_eq!(json["format"], "weighbridge.inference/1");
    assert_eq!((&json["result"]["kind"], &json["engine"]["threads"]), (&"photo".into(), &1.into()));
    assert_eq!(json["result"]["width"], expected.width());

    let light = service.post("/v1/traffic-light", &[], sample(TrafficLight, 4)).json();
    assert_eq!(
        (&light["result"]["kind"], &light["result"]["label"]),
        (&"label".into(), &"red".into())
    );
    let said = service.post("/v1/speech-to-text", &[], sample(SpeechToText, 4)).json();
    assert_eq!(said["result"]["text"], "seven stop nine");

    let refused = service.post("/v1/traffic-light", &[("accept", "image/png")], photo);
    assert!(refused.problem(406, "not-acceptable").contains("application/json"));
}

#[test]
fn hostile_and_broken_inputs_get_an_answer_that_teaches() {
    let limits = Limits { body_bytes: 1 << 20, ..settings(&[]).limits };
    let service = Running::start(weighbridge_service::ServiceSettings {
        limits,
        ..settings(&[Derain, SpeechToText])
    });
    let photo = sample(Derain, 3);
    // A head that promises 60,000 x 60,000 pixels, with nothing behind it.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0".to_vec();
    bomb.extend(0x6de8_c72e_u32.to_be_bytes());
    bomb.extend(b"\0\0\0\x04IDAT\0\0\0\0\0\0\0\0");
    for (what, body, needle) in [
        ("nothing", &b""[..], "curl --data-binary"),
        ("text", b"<html>no photo</html>", "not a photo"),
        (
            "markup that would be a picture",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "not a photo",
        ),
        ("a GIF", b"GIF89a\x01\0\x01\0\0\0\0;", "convert it to JPEG"),
        ("half a photo", &photo[..photo.len() / 2], "truncated"),
        ("the head of a photo", &photo[..40], "truncated"),
        ("a bomb", &bomb, "the body"),
    ] {
        let detail = service.post("/v1/derain", &[], body).problem(422, "bad-input");
        assert!(detail.contains(needle), "{what}: {detail}");
    }
    let detail = service.post("/v1/speech-to-text", &[], photo).problem(422, "bad-input");
    assert!(detail.contains("the body"), "{detail}");

    for body in
        [&b"--wb\r\n"[..], b"", b"--wb\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"]
    {
        let headers = [("content-type", "multipart/form-data; boundary=wb")];
        let detail = service.post("/v1/derain", &headers, body).problem(400, "bad-request");
        assert!(detail.contains("curl --form"), "{detail}");
    }
    let without = [("content-type", "multipart/form-data")];
    service.post("/v1/derain", &without, b"x").problem(400, "bad-request");

    let large = vec![0; (1 << 20) + 1];
    assert!(service.post("/v1/derain", &[], &large).problem(413, "too-large").contains("1 MiB"));
    let mut stream = service.connect();
    stream
        .write_all(b"POST /v1/derain HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n")
        .unwrap();
    let _ = stream.write_all(&[0; 0x20_0000]);
    Answer::read(&mut stream).problem(413, "too-large");

    let unknown = service.post("/v1/paint", &[], photo).problem(404, "not-found");
    assert!(unknown.contains("derain"), "{unknown}");
    assert!(
        service
            .post("/v1/traffic-sign", &[], photo)
            .problem(404, "not-found")
            .contains("not served")
    );
    service.get("/v1/derain").problem(405, "method");
    service.get("/../../etc/passwd").problem(404, "not-found");
    service.get("/assets/..%2f..%2fsecret").problem(404, "not-found");
    // It goes on.
    assert_eq!(service.post("/v1/derain", &[], photo).status, 200);
}

#[test]
fn over_the_limit_everybody_gets_an_answer_and_most_a_503() {
    let mut settings = settings(&[Derain]);
    settings.models[0].queue = 1;
    let service = Arc::new(Running::start(settings));
    let askers: Vec<_> = (0..8)
        .map(|_| {
            let service = Arc::clone(&service);
            std::thread::spawn(move || service.post("/v1/derain", &[], sample(Derain, 1)))
        })
        .collect();
    let answers: Vec<Answer> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert_eq!(served + refused.len(), 8);
    assert!(served >= 2, "one runs, one waits: {served}");
    assert!(!refused.is_empty());
    for answer in refused {
        answer.problem(503, "overloaded");
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    }
    let counted = service.counter("weighbridge_refusals_total{reason=\"overloaded\"}");
    assert_eq!(counted, Some((8 - served) as f64));
    assert_eq!(service.counter("weighbridge_waiting_requests{model=\"derain\"}"), Some(0.0));
}

#[test]
fn a_client_that_leaves_is_not_worked_for() {
    let service = Running::start(settings(&[Derain]));
    let photo = request("POST", "/v1/derain", &[], sample(Derain, 1));
    let streams: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = service.connect();
            stream.write_all(&photo).unwrap();
            stream
        })
        .collect();
    service.until("weighbridge_waiting_requests{model=\"derain\"}", 3.0);
    for stream in streams {
        stream.shutdown(Shutdown::Both).unwrap();
    }
    service.until("weighbridge_abandoned_requests_total", 4.0);
    assert_eq!(service.counter("weighbridge_waiting_requests{model=\"derain\"}"), Some(0.0));
    assert_eq!(service.counter("weighbridge_held_bodies_bytes"), Some(0.0));
}

#[test]
fn a_deadline_that_passed_is_told_and_the_next_is_served() {
    let mut settings = settings(&[Derain]);
    settings.limits.deadline = Duration::from_millis(1);
    let service = Arc::new(Running::start(settings));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let service = Arc::clone(&service);
            std::thread::spawn(move || service.post("/v1/derain", &[], sample(Derain, 1)))
        })
        .collect();
    let answers: Vec<Answer> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
    let late: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!late.is_empty(), "whoever waits behind a photo of 200 ms is late");
    for answer in late {
        answer.problem(503, "late");
    }
}

#[test]
fn told_to_stop_it_finishes_what_runs_and_takes_nothing_new() {
    let mut service = Running::start(settings(&[Derain]));
    let mut stream = service.connect();
    stream.write_all(&request("POST", "/v1/derain", &[], sample(Derain, 1))).unwrap();
    let mut waiting = service.connect();
    waiting.write_all(&request("POST", "/v1/derain", &[], sample(Derain, 3))).unwrap();
    service.until("weighbridge_waiting_requests{model=\"derain\"}", 1.0);
    let mut idle = service.connect();
    service.until("weighbridge_open_connections", 4.0);
    service.tell();
    assert_eq!(Answer::read(&mut stream).status, 200);
    assert_eq!(Answer::read(&mut waiting).status, 200);
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "a connection without a request is closed");
    let address = service.address;
    assert_eq!(service.stop().cut_off, 0);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_token_is_asked_of_everybody_and_a_browser_types_it_once() {
    let mut with_token = settings(&[TrafficLight]);
    with_token.token = Some("a token of some length".into());
    let service = Running::start(with_token);
    let light = sample(TrafficLight, 0);
    let refused = service.post("/v1/traffic-light", &[], light);
    assert!(refused.problem(401, "unauthorized").contains("Authorization: Bearer"));
    assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
    let wrong = [("authorization", "Bearer a token of some lengthh")];
    service.post("/v1/traffic-light", &wrong, light).problem(401, "unauthorized");
    let right = [("authorization", "Bearer a token of some length")];
    assert_eq!(service.post("/v1/traffic-light", &right, light).status, 200);
    for path in ["/metrics", "/v2", "/openapi.json", "/"] {
        assert_eq!(service.get(path).status, 401, "{path}");
    }
    for path in ["/health/live", "/health/ready", "/v2/health/ready"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    let page = service.ask("GET", "/", &[("accept", "text/html")], b"");
    assert!(page.status == 401 && page.text().contains("type=\"password\""));
    let typed = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(service.post("/sign-in", &typed, b"token=wrong").status, 401);
    let signed_in = service.post("/sign-in", &typed, b"token=a+token+of+some+length");
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("some"));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(service.ask("GET", "/app/traffic-light", &[("cookie", cookie)], b"").status, 200);
}

#[test]
fn a_trace_goes_on_and_every_answer_bears_its_headers() {
    let service = Running::start(settings(&[TrafficLight]));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = service.ask("GET", "/app/traffic-light", &[("traceparent", &parent)], b"");
    let response = answer.header("traceresponse").unwrap();
    assert!(
        response.starts_with(&format!("00-{trace}-")) && !response.contains("00f067aa0ba902b7")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let page = answer.text();
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("style="));
    let foreign = [("origin", "http://evil.example")];
    service.post("/v1/traffic-light", &foreign, sample(TrafficLight, 0)).problem(403, "foreign");
    let document = service.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v2/models/{model}/infer"]["post"].is_object(), "{document}");
    assert!(service.get("/api").text().contains("/v1/{application}"));
}

#[test]
fn clients_that_dawdle_are_closed_and_ten_thousand_that_are_silent_cost_nobody_an_answer() {
    let mut patient = settings(&[TrafficLight]);
    patient.limits.head_timeout = Duration::from_secs(3);
    patient.limits.body_timeout = Duration::from_millis(200);
    // Both ends are in this process: half of the descriptors that it may have, less some.
    let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let idle = hard.map_or(10_000, |hard| (hard as usize / 2).saturating_sub(400)).min(10_000);
    assert!(idle >= 1_000, "so few file descriptors are allowed that this test says nothing");
    patient.limits.connections = (hard.unwrap_or(65_536) as usize).saturating_sub(300).min(20_000);
    let service = Running::start(patient);
    rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit { current: hard, maximum: hard },
    )
    .unwrap();
    let mut silent: Vec<TcpStream> = (0..idle).map(|_| service.connect()).collect();
    let mut dawdling = service.connect();
    dawdling.write_all(b"POST /v1/traffic-light HTTP/1.1\r\nhost: a\r\nx: ").unwrap();
    let mut half = service.connect();
    half.write_all(b"POST /v1/traffic-light HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9000\r\n\r\nabc")
        .unwrap();
    let answer = service.post("/v1/traffic-light", &[], sample(TrafficLight, 0));
    assert_eq!(answer.status, 200, "while {idle} connections are silent");
    assert!(Answer::read(&mut half).problem(408, "too-slow").contains("faster"));
    // Closed by the service, each in its time; a reset where it closed with bytes unread.
    let closed = |stream: &mut TcpStream| match stream.read(&mut [0; 1024]) {
        Ok(count) => count == 0 || stream.read(&mut [0; 1024]).is_ok_and(|count| count == 0),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(closed(&mut dawdling));
    assert!(silent.iter_mut().all(closed));
    assert_eq!(service.counter("weighbridge_open_connections"), Some(1.0));
}

#[test]
fn an_encrypted_service_speaks_to_those_who_trust_it_and_is_named_by_what_is_wrong() {
    let file = |name: &str| {
        std::path::PathBuf::from(format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR")))
    };
    let mut encrypted = settings(&[TrafficLight]);
    encrypted.tls =
        Some(TlsSettings { certificate: file("certificate.pem"), key: file("key.pem") });
    let service = Running::start(encrypted);
    let answer = serving::block_on(async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
        use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("certificate.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect(service.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        stream.write_all(&request("GET", "/health/ready", &[], b"")).await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        Answer::read(&mut &all[..])
    });
    assert_eq!(answer.status, 200);
    // Whoever does not encrypt gets no answer, and takes nobody else's.
    let mut plain = service.connect();
    plain.write_all(&request("GET", "/health/ready", &[], b"")).unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    for (certificate, key, needle) in [
        ("nothing.pem", "key.pem", "nothing.pem"),
        ("key.pem", "key.pem", "holds no certificate"),
        ("certificate.pem", "certificate.pem", "private key"),
    ] {
        let mut wrong = settings(&[TrafficLight]);
        wrong.tls = Some(TlsSettings { certificate: file(certificate), key: file(key) });
        let error = serving::block_on(weighbridge_service::Service::start(wrong)).err().unwrap();
        assert!(error.to_string().contains(needle), "{error}");
    }
}

//! A service in this process, on a port of its own, and a client that says no more than it must.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use weighbridge_experiment::{ApplicationName, Sha256Digest};
use weighbridge_inference::{Session, catalogue};
use weighbridge_service::{
    Limits, MakeSession, ModelSettings, Service, ServiceSettings, Stopped, StoreSettings,
};

/// Longest wait of a client for anything: a test that waits longer has failed.
const WITHIN: Duration = Duration::from_secs(60);

/// A model by its application: one that is made from a seed takes a while.
type Known = (ApplicationName, Vec<u8>);

/// The shipped model of an application on the embedded engine.
pub fn make(name: ApplicationName) -> MakeSession {
    static MODELS: OnceLock<Mutex<Vec<Known>>> = OnceLock::new();
    let mut models = MODELS.get_or_init(Default::default).lock().unwrap();
    if !models.iter().any(|(known, _)| *known == name) {
        models.push((name, (catalogue::shipped(name).model)().into_owned()));
    }
    let bytes = models.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    Arc::new(move || Session::load(name, bytes.clone(), 1))
}

pub fn sample(name: ApplicationName, number: usize) -> &'static [u8] {
    catalogue::shipped(name).samples[number].1
}

/// Settings of a service of these applications; each test changes what it is about.
pub fn settings(names: &[ApplicationName]) -> ServiceSettings {
    let model = |name: &ApplicationName| ModelSettings {
        application: *name,
        file: format!("{name}.onnx"),
        sha256: Sha256Digest::of(b"the model"),
        notes: Vec::new(),
        make: make(*name),
        workers: 1,
        queue: 8,
    };
    ServiceSettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        models: names.iter().map(model).collect(),
        token: None,
        tls: None,
        limits: Limits { connections: 4_000, drain: WITHIN, ..Limits::default() },
        store: StoreSettings {
            directory: None,
            bytes_max: 64 << 20,
            age_max: Duration::from_secs(3600),
        },
        clock: Arc::new(|| Timestamp::from_second(1_800_000_000).unwrap()),
    }
}

/// A service that runs on a thread of its own until it is dropped or told to stop.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Stopped>>,
}

impl Running {
    pub fn start(settings: ServiceSettings) -> Self {
        let (sender, address) = std::sync::mpsc::channel();
        let (stop, stopping) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let service = Service::start(settings).await.expect("it starts");
                sender.send(service.address()).unwrap();
                service
                    .run(async {
                        let _ = stopping.await;
                    })
                    .await
            })
        });
        let address = address.recv().expect("it listens");
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Tells it to stop; does not wait.
    pub fn tell(&mut self) {
        drop(self.stop.take());
    }

    pub fn stop(mut self) -> Stopped {
        self.tell();
        self.thread.take().unwrap().join().expect("it ends")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.ask("POST", path, headers, body)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(&request(method, path, headers, body)).expect("sent");
        Answer::read(&mut stream)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream
    }

    /// One counter of `/metrics`.
    pub fn counter(&self, line: &str) -> Option<f64> {
        let text = self.get("/metrics").text();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        found.map(|value| value.parse().expect("a number"))
    }

    /// Waits until a counter has reached a value; a test that waits for ever is broken off.
    pub fn until(&self, line: &str, wanted: f64) {
        for _ in 0..6_000 {
            if self.counter(line).is_some_and(|value| value >= wanted) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("`{line}` never reached {wanted}:\n{}", self.get("/metrics").text());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tell();
    }
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [format!("{head}\r\n").as_bytes(), body].concat()
}

/// An answer over HTTP/1.1 whose connection ends with it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read(stream: &mut impl Read) -> Self {
        let mut all = Vec::new();
        // TLS without a farewell is an error after the last byte, which is there.
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("no head in {} bytes: {}", all.len(), String::from_utf8_lossy(&all))
        });
        let head = String::from_utf8(all[..end].to_vec()).expect("a head of text");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Self { status, head, body: all[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// What a problem says, after a check of its status.
    pub fn problem(&self, status: u16, kind: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["type"], kind, "{problem}");
        assert_eq!(problem["status"], status);
        problem["detail"].as_str().expect("a detail").to_owned()
    }
}

/// Runs something asynchronous of a test.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(WITHIN, work).await.expect("in time") })
}

/// A form with one file.
pub fn form(name: &str, file: &[u8]) -> (String, Vec<u8>) {
    let head = format!(
        "--wb\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
    );
    let body = [head.as_bytes(), file, b"\r\n--wb--\r\n"].concat();
    ("multipart/form-data; boundary=wb".to_owned(), body)
}

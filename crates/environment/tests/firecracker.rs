//! Firecracker's order of calls, its jailer, its snapshots and its networks, with a stand-in
//! that enforces the order: nothing of it is a guest. What every environment promises is tested
//! elsewhere.

// Clippy lets a test unwrap and print, but not the functions that tests share.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "private/firecracker.rs"]
mod firecracker;
#[path = "private/stand_in.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod stand_in;
#[path = "private/talk.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod talk;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use talk::eventually;
use weighbridge_environment::{
    Environment, FirecrackerEnvironment, KernelSource, Port, prepare_kernel, reap,
};
use weighbridge_experiment::{
    ByteSize, CreateRequest, DiskCache, DiskSettings, Endpoint, EnvironmentKind,
    EnvironmentSettings, FirecrackerSettings, GuestCounters, GuestNetwork, JailerUse, MeterTarget,
    Resource, StartMode,
};

struct Bench {
    place: tempfile::TempDir,
    environment: FirecrackerEnvironment,
    settings: FirecrackerSettings,
}

impl Bench {
    /// The kernel is no kernel: the stand-in only looks whether it is there.
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let settings = firecracker::installed(&place.path().join("release"), &stand_in::stand_in());
        let kernel = place.path().join("vmlinux");
        std::fs::write(&kernel, "\x7fELF").unwrap();
        let settings =
            FirecrackerSettings { kernel: Some(kernel.to_str().unwrap().to_owned()), ..settings };
        let store = place.path().join("store");
        std::fs::create_dir(&store).unwrap();
        let environment = FirecrackerEnvironment::new(store, stand_in::stand_in());
        Self { place, environment, settings }
    }

    fn request(&self, name: &str, change: impl FnOnce(&mut FirecrackerSettings)) -> CreateRequest {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let kind = EnvironmentKind::Firecracker;
        let settings = EnvironmentSettings::Firecracker(settings);
        let mut request = stand_in::request(kind, self.place.path(), settings, name, &["agent"]);
        request.limits.memory = Some(ByteSize(512 << 20));
        request
    }

    /// Talks to the agent behind the guest's port.
    fn connect(&self, resource: &Resource) -> UnixStream {
        let endpoint = self.environment.endpoint(resource, Port::Agent).unwrap();
        let Endpoint::GuestPort { socket, port } = endpoint else { panic!("{endpoint:?}") };
        let mut open = None;
        eventually("the agent answers", || {
            let Ok(mut stream) = UnixStream::connect(&socket) else { return false };
            let mut answer = [0; 3];
            let asked = writeln!(stream, "CONNECT {port}");
            if asked.and_then(|()| stream.read_exact(&mut answer)).is_err() {
                return false;
            }
            assert_eq!(&answer, b"OK ");
            while answer[0] != b'\n' {
                stream.read_exact(&mut answer[..1]).unwrap();
            }
            open = Some(stream);
            true
        });
        open.unwrap()
    }
}

/// Firecracker alone, asked by hand.
struct Asked {
    process: Child,
    place: tempfile::TempDir,
}

impl Asked {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let settings = firecracker::installed(place.path(), Path::new("/bin/true"));
        let process = Command::new(settings.binary.unwrap())
            .args(["--api-sock", "api.sock"])
            .current_dir(place.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for name in ["log", "metrics", "vmlinux", "image"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        eventually("it listens", || place.path().join("api.sock").exists());
        Self { process, place }
    }

    /// Status and words of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.place.path().join("api.sock")).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        (status.split(' ').nth(1).unwrap().parse().unwrap(), rest)
    }

    fn refused(&self, method: &str, path: &str, body: &str, said: &str) {
        let (status, words) = self.ask(method, path, body);
        assert!(status == 400 && words.contains(said), "{method} {path}: {status} {words}");
    }

    fn done(&self, method: &str, path: &str, body: &str) {
        let (status, words) = self.ask(method, path, body);
        assert!(status == 204, "{method} {path}: {status} {words}");
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_stand_in_refuses_what_firecracker_refuses() {
    let asked = Asked::new();
    const BEFORE: &str = "not supported before starting";
    const AFTER: &str = "not supported after starting";
    const START: &str = r#"{"action_type":"InstanceStart"}"#;
    asked.refused("PUT", "/actions", START, "without kernel configuration");
    asked.refused("PATCH", "/vm", r#"{"state":"Paused"}"#, BEFORE);
    asked.refused("PUT", "/snapshot/create", "{}", BEFORE);
    asked.refused("PUT", "/boots", "{}", "Invalid request method and/or path");
    asked.refused("PUT", "/machine-config", r#"{"vcpu_count":33,"mem_size_mib":1}"#, "invalid");
    let launch = r#"{"arguments":[],"serves":false,"libraries":0,"disk":false,"channel":"vsock"}"#;
    let digits: String = launch.bytes().map(|byte| format!("{byte:02x}")).collect();
    let source = format!(
        r#"{{"kernel_image_path":"vmlinux","initrd_path":"image","boot_args":"console=ttyS0 reboot=k panic=-1 weighbridge.launch={digits}"}}"#
    );
    asked.done("PUT", "/boot-source", &source);
    asked.refused("PUT", "/snapshot/load", "{}", "not allowed after configuring");
    asked.done("PUT", "/metrics", r#"{"metrics_path":"metrics"}"#);
    asked.refused("PUT", "/metrics", r#"{"metrics_path":"metrics"}"#, "Reinitialization");
    asked.done("PUT", "/vsock", r#"{"guest_cid":3,"uds_path":"v.sock"}"#);
    asked.done("PUT", "/actions", START);
    // Nothing of the guest can be changed now; it may have ended already.
    if let Ok(mut stream) = UnixStream::connect(asked.place.path().join("api.sock")) {
        let body = r#"{"guest_cid":3,"uds_path":"w.sock"}"#;
        let request =
            format!("PUT /vsock HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut answer = String::new();
        if stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
        {
            assert!(answer.is_empty() || answer.contains(AFTER), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_guest_with_everything_is_made_metered_and_gone() {
    let bench = Bench::new();
    let root = rustix::process::geteuid().is_root();
    let tun = std::fs::File::options().read(true).write(true).open("/dev/net/tun").is_ok();
    let network = if root && tun { GuestNetwork::Tap } else { GuestNetwork::None };
    let disk = DiskSettings { size: ByteSize(16 << 20), cache: DiskCache::Writeback };
    let request = bench.request("all", |settings| {
        settings.disk = Some(disk);
        settings.network = network;
    });
    let resource = &request.resource;
    bench.environment.create(&request).await.unwrap();
    let agent = bench.connect(resource);
    assert_eq!(talk::ask(&agent, "list work"), "");

    let facts = bench.environment.describe(resource).await;
    assert_eq!(facts.value("jailer"), Some(if root { "yes" } else { "no" }), "{facts:?}");
    assert_eq!(facts.value("runtime"), Some("Firecracker 0.0.0-stand-in"));
    assert_eq!(facts.value("guest_start"), Some("boot"));
    let target = bench.environment.meter_target(resource).await.unwrap();
    let MeterTarget::Guest { counters, .. } = target else { panic!("{target:?}") };
    assert!(matches!(&counters, GuestCounters::Firecracker { metrics, .. } if metrics.is_file()));
    let service = bench.environment.endpoint(resource, Port::Service(8080));
    assert_eq!(service.is_ok(), network == GuestNetwork::Tap, "{service:?}");

    // A fresh environment knows only the resource, as after a crash.
    reap(&FirecrackerEnvironment::without_store(), resource).await.unwrap();
    assert!(!bench.environment.exists(resource).await);
    assert_eq!(weighbridge_environment::traces(resource), Vec::new());
}

#[tokio::test]
async fn a_snapshot_is_made_once_and_guests_start_from_it() {
    let bench = Bench::new();
    let store = bench.place.path().join("store/snapshots");
    let mut kept = Vec::new();
    for name in ["first", "second"] {
        let request = bench.request(name, |settings| settings.start = StartMode::Snapshot);
        bench.environment.create(&request).await.unwrap();
        let agent = bench.connect(&request.resource);
        assert_eq!(talk::ask(&agent, "list work"), "");
        let facts = bench.environment.describe(&request.resource).await;
        assert_eq!(facts.value("guest_start"), Some("snapshot"));
        reap(&bench.environment, &request.resource).await.unwrap();
        let found: Vec<_> =
            std::fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        kept.push(std::fs::metadata(found[0].join("snapshot.memory")).unwrap().modified().unwrap());
    }
    assert_eq!(kept[0], kept[1], "the second did not make it anew");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_to_do_and_leaves_nothing() {
    let bench = Bench::new();
    let failed = async |name: &str, change: fn(&mut FirecrackerSettings)| {
        let request = bench.request(name, change);
        let error = bench.environment.create(&request).await.unwrap_err().to_string();
        assert!(!bench.environment.exists(&request.resource).await, "{error}");
        error
    };
    let nowhere = failed("none", |settings| settings.binary = Some("/no/firecracker".into())).await;
    assert!(nowhere.contains("/no/firecracker") && nowhere.contains("releases"), "{nowhere}");
    let other = failed("other", |settings| settings.binary = Some("/bin/false".into())).await;
    assert!(other.contains("ended at once"), "{other}");
    if !rustix::process::geteuid().is_root() {
        let jail = failed("jail", |settings| settings.jailer = JailerUse::Always).await;
        assert!(jail.contains("root"), "{jail}");
    }
    let absent = EnvironmentSettings::Firecracker(FirecrackerSettings {
        binary: Some("/no/firecracker".into()),
        ..FirecrackerSettings::default()
    });
    let none = bench.environment.probe(&absent).await;
    assert!(
        !none.available && none.reason.as_ref().is_some_and(|why| why.contains("releases")),
        "{none:?}"
    );
}

/// The real one, where it is: whether guests boot there is for its probe to say.
#[tokio::test]
async fn the_real_firecracker_boots_a_guest_or_says_why_not() {
    let Ok(binary) = std::env::var("FIRECRACKER_BIN") else {
        println!("hardware absent: FIRECRACKER_BIN names no Firecracker");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    prepare_kernel(place.path(), &KernelSource::Automatic, &|_| {}).unwrap();
    let environment = FirecrackerEnvironment::new(place.path().to_owned(), stand_in::stand_in());
    let settings = FirecrackerSettings { binary: Some(binary), ..FirecrackerSettings::default() };
    let answer = environment.probe(&EnvironmentSettings::Firecracker(settings)).await;
    let reason = answer.reason.unwrap_or_default();
    assert!(answer.available || reason.contains("no guest boots"), "{reason}");
    if !answer.available {
        println!("hardware absent: Firecracker, {reason}");
    }
}

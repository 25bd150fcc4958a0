//! System benchmarks through the executable, each for a moment.

mod through_binary;

use serde_json::Value;
use through_binary::{Done, Home, checkout, privileged, traces};

fn environments() -> &'static str {
    if privileged() {
        "[[environment]]\nkind = \"native\"\ncpus = 1\n[[environment]]\nkind = \"container\"\ncpus = 1\n"
    } else {
        "[[environment]]\nkind = \"native\"\n"
    }
}

/// Runs one workload, written without its table's head.
fn run(home: &Home, workload: &str) -> Done {
    home.run_workload(environments(), workload)
}

/// The cells of a run that worked.
fn cells(done: &Done) -> Vec<Value> {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
    report["cells"].as_array().expect("cells").clone()
}

fn rows(cell: &Value) -> &Vec<Value> {
    cell["system"].as_array().unwrap_or_else(|| panic!("no benchmark: {cell}"))
}

#[test]
fn events_a_second_are_reported_in_every_form_and_never_as_a_time_of_a_trial() {
    let home = Home::new();
    let done = run(&home, "kind = \"cpu\"\nmax_prime = 500\nseconds = 0.1\nthreads = 1\n");
    for cell in cells(&done) {
        let row = &rows(&cell)[0];
        assert_eq!((&row["mode"], &row["trials"]), (&"primes up to 500".into(), &2.into()));
        let quantity = &row["quantities"][0];
        assert_eq!(quantity["unit"], "events/s");
        let per_second = quantity["mean"].as_f64().expect("a figure");
        let events = row["operations"].as_f64().expect("a count");
        // Two trials of a tenth of a second: the rate and the count say the same.
        assert!(per_second > 0.0 && events / per_second > 0.19, "{row}");
        assert!(row["latency_us"]["p50"].as_f64() > Some(0.0), "{row}");
        assert_eq!((&cell["inference_ms"], &cell["cost_per_1000"]), (&Value::Null, &Value::Null));
        assert!(cell["cpu_percent"]["mean_all"].as_f64() > Some(0.0), "{cell}");
    }
    let of = |format: &str| home.run(&["report", "latest", "--format", format]).stdout;
    for format in ["table", "html", "md", "csv", "json", "record"] {
        let text = of(format);
        assert!(text.contains("primes up to 500"), "{format}: {text}");
        assert!(text.contains("as sysbench 1.0 cpu does it"), "{format} names no instrument");
    }
    let table = of("table");
    assert!(table.contains("events/s") && !table.contains("mean trial"), "{table}");
    let csv = of("csv");
    let header = csv.lines().next().expect("a header");
    assert!(header.ends_with("latency_us_p50,latency_us_p95,latency_us_p99"), "{header}");
    for figure in ["edge.fig2", "edge.fig3"] {
        assert_ne!(home.run(&["figure", figure, "--run", "latest"]).code, Some(0), "{figure}");
    }
}

#[test]
fn read_as_the_edge_paper_did_processor_use_stands_beside_the_common_instrument() {
    let home = Home::new();
    let environments = format!("instrument = \"paper\"\n{}", environments());
    // The tools show a figure a second: two whole seconds are in each trial.
    let workload = "kind = \"cpu\"\nseconds = 2.3\nthreads = 1\n";
    for cell in cells(&home.run_workload(&environments, workload)) {
        let used = &cell["cpu_percent"];
        assert!(used["mean_all"].as_f64() > Some(0.0), "{cell}");
        let paper = &used["paper"];
        if cell["environment"] == "native" {
            assert_eq!(paper["mean_all"], Value::Null, "{paper}");
            let reason = paper["mean_all_reason"].as_str().expect("a reason");
            assert!(reason.contains("no environment without walls"), "{reason}");
            continue;
        }
        assert!(paper["figures"].as_u64() >= Some(2), "{paper}");
        // One thread at work: more than nothing, and no more than one core and a tick.
        let shown = paper["mean_all"].as_f64().expect("a figure");
        assert!(shown > 1.0 && shown < 110.0, "{paper}");
        assert!(paper["instrument"].to_string().contains("docker stats"), "{paper}");
    }
    let wrong = home.run(&["run", "--instrument", "both"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("one, paper"), "{}", wrong.stderr);
}

#[test]
fn memory_is_copied_and_added_and_says_when_it_came_from_caches() {
    let home = Home::new();
    let done = run(&home, "kind = \"memory\"\narray = \"256KiB\"\nseconds = 0.02\nthreads = 2\n");
    for cell in cells(&done) {
        let modes: Vec<&str> = rows(&cell).iter().filter_map(|row| row["mode"].as_str()).collect();
        assert_eq!(modes, ["copy", "triad", "host memory beyond the workload's"]);
        let overhead = &rows(&cell)[2];
        assert_eq!(overhead["quantities"][0]["unit"], "MB", "{overhead}");
        let megabytes = overhead["quantities"][0]["mean"].as_f64().expect("a figure");
        // A process of the host has none but what two meters read at two moments; a container
        // has the process that watches over it.
        assert!(
            (cell["kind"] != "container" || megabytes > 0.1) && megabytes < 100.0,
            "{overhead}"
        );
        for row in &rows(&cell)[..2] {
            assert_eq!(row["quantities"][0]["unit"], "GB/s");
            assert!(row["quantities"][0]["mean"].as_f64() > Some(0.0), "{row}");
            let labels = row["labels"].to_string();
            assert!(labels.contains("cache"), "arrays this small are never only memory: {row}");
        }
    }
}

#[test]
fn files_are_read_and_written_in_every_mode_and_size() {
    let home = Home::new();
    let workload = "kind = \"fileio\"\nblock_sizes = [\"4KiB\", \"64KiB\"]\nsize = \"1MiB\"\n\
        direct = false\nwhole_size = true\n";
    for cell in cells(&run(&home, workload)) {
        assert_eq!(rows(&cell).len(), 8, "{cell}");
        for row in rows(&cell) {
            let units = [0, 1].map(|index| row["quantities"][index]["unit"].clone());
            assert_eq!(units, ["MB/s", "IOPS"].map(Value::from), "{row}");
            let mode = row["mode"].as_str().expect("a mode");
            let block = if mode.ends_with(" 4 KiB") { 4 << 10 } else { 64 << 10 };
            assert_eq!(row["operations"], 2 * ((1 << 20) / block), "{row}");
            if mode.contains("write") {
                assert!(row["labels"].to_string().contains("synced at the end"), "{row}");
            }
        }
    }
    let csv = home.run(&["report", "latest", "--format", "csv"]).stdout;
    let environments = if privileged() { 2 } else { 1 };
    assert_eq!(csv.lines().count(), 1 + environments * 8 * 2, "{csv}");
}

#[test]
fn requests_past_the_cache_are_either_that_or_missing() {
    let home = Home::new();
    let workload = "kind = \"fileio\"\nmodes = [\"random-read\"]\nblock_sizes = [\"4KiB\"]\n\
        size = \"1MiB\"\nseconds = 0.05\n";
    for cell in cells(&run(&home, workload)) {
        let row = &rows(&cell)[0];
        assert!(row["instrument"].to_string().contains("O_DIRECT"), "{row}");
        if row["quantities"] == Value::Array(Vec::new()) {
            let reason = row["quantities_reason"].as_str().expect("a reason");
            assert!(reason.contains("refuses O_DIRECT"), "{reason}");
        } else {
            assert!(row["operations"].as_u64() > Some(0), "{row}");
        }
    }
    if !std::path::Path::new("/dev/shm").is_dir() {
        return;
    }
    let memory = Home::below(std::path::Path::new("/dev/shm"));
    for cell in cells(&run(&memory, workload)) {
        let row = &rows(&cell)[0];
        assert_eq!((&row["trials"], &row["operations"]), (&0.into(), &0.into()), "{row}");
        let reason = row["quantities_reason"].as_str().expect("a reason");
        assert!(reason.contains("tmpfs lies in memory"), "{reason}");
    }
}

#[test]
fn a_disk_that_is_too_small_is_said_before_the_run() {
    let home = Home::new();
    let file = home.file(
        "experiment.toml",
        "[[environment]]\nkind = \"native\"\n[[workload]]\nkind = \"fileio\"\ntrials = 1\nsize = \"60TiB\"\n",
    );
    let done = home.run(&["run", file.to_str().expect("UTF-8"), "--format", "json"]);
    assert_eq!(done.code, Some(3), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("the disk is full: 60 TiB are needed"), "{}", done.stdout);
    assert_eq!(traces(&home.data()), Vec::<String>::new());
}

#[test]
fn fio_does_the_same_work_where_it_is_there_and_is_missing_by_name_where_not() {
    let home = Home::new();
    let workload = "kind = \"fileio\"\ntool = \"fio\"\nmodes = [\"sequential-write\"]\n\
        block_sizes = [\"64KiB\"]\nsize = \"1MiB\"\ndirect = false\nwhole_size = true\n";
    for cell in cells(&run(&home, workload)) {
        let row = &rows(&cell)[0];
        let there = cell["kind"] == "native" && std::path::Path::new("/usr/bin/fio").exists();
        if there {
            assert!(row["instrument"].to_string().contains("fio-"), "{row}");
            assert_eq!(row["operations"], 32, "{row}");
        } else {
            let reason = row["quantities_reason"].as_str().expect("a reason");
            assert!(reason.contains("no `fio` in the environment"), "{reason}");
        }
    }
}

#[test]
fn a_simulated_environment_gives_no_figure_of_a_machine() {
    let home = Home::new();
    let text =
        "[[environment]]\nkind = \"simulated\"\n[[workload]]\nkind = \"cpu\"\nseconds = 0.01\n";
    let file = home.file("simulated.toml", text);
    let done = home.run(&["run", file.to_str().expect("UTF-8")]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("a simulated environment does no benchmark"), "{}", done.stdout);
}

#[test]
fn the_example_asks_for_every_benchmark() {
    let example = checkout().join("examples/system.toml");
    let checked = Home::new().run(&["check", example.to_str().expect("UTF-8")]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    for kind in ["cpu", "memory", "fileio", "startup", "density"] {
        assert!(checked.stdout.contains(&format!(": {kind},")), "{}", checked.stdout);
    }
}

#[test]
fn a_cold_start_is_told_apart_into_phases_that_add_up() {
    let home = Home::new();
    for cell in cells(&run(&home, "kind = \"startup\"\n")) {
        let of = |mode: &str| {
            let row = rows(&cell).iter().find(|row| row["mode"] == mode);
            let row = row.unwrap_or_else(|| panic!("no `{mode}` in {cell}"));
            assert_eq!((&row["trials"], &row["quantities"][0]["unit"]), (&2.into(), &"s".into()));
            row["quantities"][0]["mean"].as_f64().expect("seconds")
        };
        let phases =
            ["created", "agent answers", "files copied and model loaded", "first inference"];
        let sum: f64 = phases.iter().map(|mode| of(mode)).sum();
        assert!((of("request to first result") - sum).abs() < 1e-9, "{cell}");
        assert!(phases.iter().all(|mode| of(mode) > 0.0), "{cell}");
        assert!(cell["engine"]["name"].is_string(), "a model was loaded: {cell}");
    }
    let text = "restart = \"run\"\n[[workload]]\nkind = \"startup\"\n";
    let file = home.file("wrong.toml", text);
    let refused = home.run(&["check", file.to_str().expect("UTF-8")]);
    assert!(refused.stderr.contains("wrong.toml:1:11: workload `startup`"), "{}", refused.stderr);
}

#[test]
fn instances_are_added_until_the_most_that_was_asked_and_all_are_gone_after() {
    let home = Home::new();
    let workload = "kind = \"density\"\ninstances_max = 3\nlatency_limit = \"60s\"\n\
        memory_reserve = \"64MiB\"\nthreads = 1\n";
    for cell in cells(&run(&home, workload)) {
        let row = &rows(&cell)[0];
        assert_eq!(row["mode"], "instances side by side");
        assert_eq!(row["quantities"][0]["values"], serde_json::json!([3.0, 3.0]), "{row}");
        assert!(row["labels"].to_string().contains("`instances_max` = 3"), "{row}");
    }
    // The reserve is more than there is: the trial's own instance is all that may stand.
    let greedy = "kind = \"density\"\nmemory_reserve = \"60TiB\"\n";
    for cell in cells(&run(&home, greedy)) {
        let row = &rows(&cell)[0];
        assert_eq!(row["quantities"][0]["mean"], 1.0, "{row}");
        assert!(row["labels"].to_string().contains("of the host's memory are free"), "{row}");
    }
}

/// An ssh server of our own, with the key that it takes; ended with the test.
struct Server {
    process: std::process::Child,
    port: u16,
    received: std::path::PathBuf,
}

impl Server {
    /// `None`, said on the way, where there is none to start.
    fn start(home: &Home) -> Option<Self> {
        Self::start_at(home, "127.0.0.1")
    }

    /// The same on another address of this host.
    #[allow(clippy::print_stdout, reason = "what is left out must be seen")]
    fn start_at(home: &Home, address: &str) -> Option<Self> {
        let there = std::path::Path::new("/usr/sbin/sshd").exists();
        if !there || !privileged() {
            println!("LEFT OUT: tests of transfers: need root and openssh-server");
            return None;
        }
        std::fs::create_dir_all("/run/sshd").expect("sshd's own directory");
        let port = std::net::TcpListener::bind((address, 0)).expect("a port");
        let port = port.local_addr().expect("an address").port();
        for key in ["host", "user"] {
            let path = home.path(key);
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&path)
                .status();
            assert!(made.expect("ssh-keygen").success());
        }
        let received = home.path("received");
        std::fs::create_dir(&received).expect("a directory");
        let at = |name: &str| home.path(name).display().to_string();
        let settings = format!(
            "Port {port}\nListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n\
             Subsystem sftp internal-sftp\nForceCommand internal-sftp -d {}\n",
            at("host"),
            at("user.pub"),
            received.display()
        );
        let settings = home.file("sshd_config", settings);
        let public = std::fs::read_to_string(home.path("host.pub")).expect("a key");
        home.file("known_hosts", format!("[{address}]:{port} {public}"));
        let process = std::process::Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(settings)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("sshd");
        let mut server = Self { process, port, received };
        server.wait(address);
        Some(server)
    }

    fn wait(&mut self, address: &str) {
        for _ in 0..200 {
            if std::net::TcpStream::connect((address, self.port)).is_ok() {
                return;
            }
            assert!(self.process.try_wait().expect("a status").is_none(), "sshd ended");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("sshd does not listen");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn files_are_sent_to_an_ssh_server_over_one_connection_and_over_many() {
    let home = Home::new();
    let Some(server) = Server::start(&home) else { return };
    let workload = format!(
        "kind = \"transfer\"\ndestination = \"root@127.0.0.1\"\nport = {}\nidentity = \"user\"\n\
         known_hosts = \"known_hosts\"\nfile_count = 3\nfile_size = \"48KB\"\n",
        server.port
    );
    for cell in cells(&run(&home, &workload)) {
        let modes: Vec<&str> = rows(&cell).iter().filter_map(|row| row["mode"].as_str()).collect();
        assert_eq!(modes, ["a connection a file", "one connection"]);
        for row in rows(&cell) {
            assert!(row["labels"].to_string().contains("route: "), "{row}");
            if cell["kind"] == "native" {
                let units = [0, 1].map(|index| row["quantities"][index]["unit"].clone());
                assert_eq!(units, ["KB/s", "s"].map(Value::from), "{row}");
                assert_eq!(row["operations"], 6, "{row}");
            } else {
                // A container has a network of its own with no way out unless it is asked for.
                assert_eq!(row["trials"], 0, "{row}");
                assert!(
                    row["quantities_reason"].to_string().contains("nothing can be sent"),
                    "{row}"
                );
            }
        }
    }
    let left = std::fs::read_dir(&server.received).expect("entries").count();
    assert_eq!(left, 0, "files and directories at the server are removed");

    // A server with another key is not talked to.
    home.file("known_hosts", "127.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    for cell in cells(&run(&home, &workload)) {
        for row in rows(&cell) {
            let reason = row["quantities_reason"].as_str().expect("a reason");
            assert!(row["trials"] == 0 && reason.contains("nothing can be sent"), "{reason}");
        }
    }
}

/// An address of this host that is not loopback's, as a container with a network reaches it.
/// From the range that is set aside for examples (RFC 5737); removed with the test.
struct Address;

impl Address {
    const TEXT: &str = "198.51.100.7";

    fn ip(action: &str) -> bool {
        let mut ip = std::process::Command::new("ip");
        ip.args(["addr", action, &format!("{}/32", Self::TEXT), "dev", "lo"])
            .stderr(std::process::Stdio::null());
        ip.status().is_ok_and(|status| status.success())
    }

    fn added() -> Self {
        // A test that was killed left it; then it is there already.
        let _ = Self::ip("del");
        assert!(Self::ip("add"), "the address can be given to lo");
        Self
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        Self::ip("del");
    }
}

/// Network devices and packet filter rules of ours on this host.
fn networks() -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir("/sys/class/net")
        .expect("devices")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("wb"))
        .collect();
    for table in ["nat", "filter"] {
        let listed =
            std::process::Command::new("iptables").args(["-w", "-t", table, "-S"]).output();
        let listed = String::from_utf8_lossy(&listed.expect("iptables").stdout).into_owned();
        found
            .extend(listed.lines().filter(|line| line.contains("weighbridge-")).map(str::to_owned));
    }
    found
}

#[test]
fn a_container_that_was_asked_for_a_network_sends_files_and_leaves_no_device_and_no_rule() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let _address = Address::added();
    let Some(server) = Server::start_at(&home, Address::TEXT) else { return };
    let environments = "[[environment]]\nkind = \"container\"\ncpus = 1\n\
                        container = { network = \"nat\" }\n";
    let workload = format!(
        "kind = \"transfer\"\ndestination = \"root@{}\"\nport = {}\nidentity = \"user\"\n\
         known_hosts = \"known_hosts\"\nfile_count = 3\n",
        Address::TEXT,
        server.port
    );
    let found = cells(&home.run_workload(environments, &workload));
    for row in rows(&found[0]) {
        assert_eq!(row["operations"], 6, "{row}");
        assert!(row["labels"].to_string().contains("route: from 198.1"), "{row}");
    }
    let network = found[0]["host"]["container_network"]["value"].as_str().expect("a fact");
    assert!(network.starts_with("veth pair, 198.1"), "{network}");
    assert_eq!(networks(), Vec::<String>::new());
}

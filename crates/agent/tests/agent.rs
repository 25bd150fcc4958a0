//! The agent as a process of its own, asked by its client.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use weighbridge_agent::wire::{
    Answer, EngineChoice, FileToRead, Hello, PROTOCOL, Pass, Prepare, Request, Stage, Task, Trial,
    read_frame, write_frame,
};
use weighbridge_agent::{AgentClient, ClientError};
use weighbridge_experiment::{ApplicationName, Endpoint, InferenceTiming, Sha256Digest};
use weighbridge_inference::catalogue;

const LONG: Duration = Duration::from_secs(60);
const APPLICATION: ApplicationName = ApplicationName::TrafficLight;

/// An agent that is killed when dropped.
struct Agent {
    child: Child,
    directory: PathBuf,
    _temporary: TempDir,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Already ended in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    fn start(below: &str, arguments: &[&str], token: Option<&str>) -> Self {
        let temporary = tempfile::tempdir().expect("a directory");
        let directory = temporary.path().join(below);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("model.onnx"), (catalogue::shipped(APPLICATION).model)())
            .expect("written");
        for (name, bytes) in catalogue::shipped(APPLICATION).samples {
            fs::write(directory.join(name), bytes).expect("written");
        }
        if let Some(token) = token {
            fs::write(directory.join("token"), token).expect("written");
        }
        let child = Command::new(env!("CARGO_BIN_EXE_weighbridge-agent"))
            .arg("--directory")
            .arg(&directory)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        Self { child, directory, _temporary: temporary }
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("agent.sock")
    }

    async fn connect(&self) -> AgentClient {
        AgentClient::connect(&Endpoint::UnixSocket(self.socket()), LONG).await.expect("connected")
    }

    async fn greeted(&self) -> AgentClient {
        let mut client = self.connect().await;
        client.hello(None, LONG).await.expect("welcome");
        client
    }

    fn raw(&self) -> UnixStream {
        loop {
            match UnixStream::connect(self.socket()) {
                Ok(stream) => return stream,
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("ended")
    }
}

fn file(directory: &Path, name: &str) -> FileToRead {
    let content = fs::read(directory.join(name)).expect("there");
    FileToRead {
        name: format!("photos/{name}"),
        path: name.into(),
        sha256: Sha256Digest::of(&content),
    }
}

fn request(agent: &Agent) -> Prepare {
    let inputs = catalogue::shipped(APPLICATION)
        .samples
        .iter()
        .map(|(name, _)| file(&agent.directory, name))
        .collect();
    Prepare {
        task: Task::Application { name: APPLICATION, labels: None },
        model: Some(file(&agent.directory, "model.onnx")),
        inputs,
        threads: 1,
        engine: EngineChoice::Auto,
        process: false,
        slowdown_percent: None,
    }
}

fn pass(inferences: u32) -> Pass {
    Pass { block: 3, start_at: 1, inferences }
}

fn trial(inferences: u32) -> Trial {
    Trial { pass: pass(inferences), sample_hertz: 100.0 }
}

fn failure(error: ClientError) -> (Stage, String) {
    match error {
        ClientError::Failed(failure) => (failure.stage, failure.reason),
        other => panic!("not a failure of the agent: {other:?}"),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_real_trial_is_timed_sampled_and_digested() {
    let mut agent = Agent::start("instance", &[], None);
    let mut client = agent.connect().await;
    let welcome = client.hello(None, LONG).await.expect("welcome");
    assert_eq!(welcome.process, agent.child.id());
    assert!(!welcome.simulated);
    assert!(!agent.socket().exists(), "the socket takes one connection and is gone");
    let facts = client.describe(LONG).await.expect("described");
    assert!(facts.0.len() >= 35);
    let executable = fs::read(env!("CARGO_BIN_EXE_weighbridge-agent")).expect("there");
    assert_eq!(
        facts.value("agent_executable_sha256"),
        Some(Sha256Digest::of(&executable).as_str())
    );

    let ready = client.prepare(request(&agent), LONG).await.expect("ready");
    assert_eq!((ready.engine.name.as_str(), ready.engine.threads), ("rten", 1));
    let cold = client.trial(trial(5), None).await.expect("done");
    assert_eq!(cold.output_sha256, None, "no untimed pass yet, so no digest");
    let digest = client.digest(pass(5), None).await.expect("digested");
    let warmup = client.warmup(pass(5), None).await.expect("done");
    assert_eq!((warmup.inferences.len(), &warmup.output_sha256), (5, &digest));
    let done = client.trial(trial(5), None).await.expect("done");
    assert_eq!(done.output_sha256, Some(digest));
    assert_eq!(done.inferences.len(), 5);
    let stages: u64 = done.inferences.iter().map(InferenceTiming::total_nanoseconds).sum();
    assert!(
        stages <= done.total_nanoseconds && stages > done.total_nanoseconds / 2,
        "{stages} of {}",
        done.total_nanoseconds
    );
    assert!(
        done.samples.len() >= 2
            && done.samples.iter().all(|sample| sample.usage.cpu_nanoseconds.is_some())
    );
    assert!(done.agent_usage.cpu_nanoseconds.is_some_and(|cpu| cpu > 0));
    assert!(done.agent_usage.memory_peak_bytes >= done.agent_usage.memory_resident_bytes);
    assert_eq!(done.sampler_cost.samples as usize, done.samples.len());
    client.shutdown(LONG).await.expect("bye");
    assert!(agent.ended().success());
}

#[tokio::test(flavor = "current_thread")]
async fn a_simulated_run_is_the_same_again_for_its_seed() {
    let mut runs = Vec::new();
    for seed in ["7", "7", "8"] {
        let mut agent = Agent::start("instance", &["--simulate", seed], None);
        let mut client = agent.connect().await;
        assert!(client.hello(None, LONG).await.expect("welcome").simulated);
        let ready = client.prepare(request(&agent), LONG).await.expect("ready");
        assert_eq!(ready.engine.name, "simulated");
        let warmup = client.warmup(pass(4), None).await.expect("done");
        let done = client.trial(trial(4), None).await.expect("done");
        client.shutdown(LONG).await.expect("bye");
        assert!(agent.ended().success());
        runs.push((warmup, done));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0].1.inferences, runs[2].1.inferences);
}

#[tokio::test(flavor = "current_thread")]
async fn files_that_changed_or_are_no_model_are_named_and_the_agent_goes_on() {
    let agent = Agent::start("instance", &[], None);
    let mut client = agent.greeted().await;
    let good = request(&agent);

    let (stage, reason) =
        failure(client.trial(trial(1), None).await.expect_err("nothing prepared"));
    assert_eq!(stage, Stage::Trial);
    assert!(reason.contains("prepare"), "{reason}");

    let mut wrong = good.clone();
    wrong.inputs[0].sha256 = Sha256Digest::of(b"another photo");
    let (stage, reason) = failure(client.prepare(wrong.clone(), LONG).await.expect_err("changed"));
    assert_eq!(stage, Stage::Prepare);
    for part in [
        good.inputs[0].name.as_str(),
        good.inputs[0].sha256.as_str(),
        wrong.inputs[0].sha256.as_str(),
    ] {
        assert!(reason.contains(part), "{reason}");
    }

    let mut missing = good.clone();
    missing.model.as_mut().expect("a model").path = "nowhere.onnx".into();
    let (_, reason) = failure(client.prepare(missing, LONG).await.expect_err("missing"));
    assert!(reason.contains("photos/model.onnx") && reason.contains("nowhere.onnx"), "{reason}");

    let whole = (catalogue::shipped(APPLICATION).model)();
    fs::write(agent.directory.join("half.onnx"), &whole[..whole.len() / 2]).expect("written");
    let truncated = Prepare { model: Some(file(&agent.directory, "half.onnx")), ..good.clone() };
    let (_, reason) = failure(client.prepare(truncated, LONG).await.expect_err("truncated"));
    assert!(reason.contains("half.onnx"), "{reason}");

    let (_, reason) = failure(
        client
            .prepare(Prepare { inputs: Vec::new(), ..good.clone() }, LONG)
            .await
            .expect_err("empty"),
    );
    assert!(reason.contains("no inputs"), "{reason}");

    fs::write(agent.directory.join("letter.jpg"), "Dear reader").expect("written");
    let text = Prepare { inputs: vec![file(&agent.directory, "letter.jpg")], ..good.clone() };
    client.prepare(text, LONG).await.expect("its content is looked at when it is decoded");
    let (stage, reason) = failure(client.trial(trial(1), None).await.expect_err("no photo"));
    assert_eq!(stage, Stage::Trial);
    assert!(reason.contains("letter.jpg"), "{reason}");

    let (_, reason) = failure(client.warmup(pass(0), None).await.expect_err("no inferences"));
    assert!(reason.contains("0 inferences"), "{reason}");

    client.prepare(good, LONG).await.expect("all is well again");
    client.trial(trial(1), None).await.expect("done");
}

#[tokio::test(flavor = "current_thread")]
async fn a_wrong_token_is_refused_and_the_right_one_is_taken() {
    for given in [None, Some("wrong"), Some("secret2")] {
        let mut agent = Agent::start("instance", &[], Some("secret\n"));
        let mut client = agent.connect().await;
        let (stage, reason) = failure(client.hello(given, LONG).await.expect_err("refused"));
        assert_eq!(stage, Stage::Hello);
        assert!(reason.contains("token") && !reason.contains("secret"), "{reason}");
        assert_eq!(agent.ended().code(), Some(1));
    }
    let agent = Agent::start("instance", &[], Some("secret\n"));
    agent.connect().await.hello(Some("secret"), LONG).await.expect("welcome");
}

#[tokio::test(flavor = "current_thread")]
async fn the_end_of_the_connection_ends_the_agent() {
    let mut agent = Agent::start("instance", &["--die-with-parent"], None);
    drop(agent.greeted().await);
    assert!(agent.ended().success());
    let mut agent = Agent::start("instance", &[], None);
    drop(agent.raw());
    assert!(agent.ended().success());
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_that_is_killed_shows_as_lost() {
    let mut agent = Agent::start("instance", &[], None);
    let mut client = agent.greeted().await;
    agent.child.kill().expect("killed");
    agent.child.wait().expect("waited");
    let error = client.describe(LONG).await.expect_err("gone");
    assert!(matches!(error, ClientError::Lost { .. }), "{error:?}");
    let error = client.describe(LONG).await.expect_err("still gone");
    assert!(matches!(error, ClientError::OutOfStep), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_directory_whose_name_is_too_long_for_a_socket_is_reached() {
    let below = format!("{}/{}", "a".repeat(100), "b".repeat(100));
    let mut agent = Agent::start(&below, &[], None);
    let client = agent.greeted().await;
    client.shutdown(LONG).await.expect("bye");
    assert!(agent.ended().success());
}

#[test]
fn the_socket_is_for_its_owner_only() {
    let agent = Agent::start("instance", &[], None);
    while !agent.socket().exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let mode = fs::metadata(agent.socket()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_oversized_frame_is_refused_with_its_length() {
    let mut agent = Agent::start("instance", &[], None);
    let mut stream = agent.raw();
    write_frame(&mut stream, &Request::Hello(Hello { protocol: PROTOCOL, token: None }))
        .expect("written");
    assert!(matches!(read_frame(&mut stream).expect("an answer"), Answer::Welcome(_)));
    stream.write_all(&u32::MAX.to_be_bytes()).expect("written");
    let Answer::Failed(failure) = read_frame(&mut stream).expect("an answer") else {
        panic!("not refused")
    };
    assert_eq!(failure.stage, Stage::Wire);
    assert!(failure.reason.contains("4294967295"), "{}", failure.reason);
    assert_eq!(agent.ended().code(), Some(1));
}

#[test]
fn a_frame_that_is_no_message_is_answered_and_the_next_one_is_understood() {
    let agent = Agent::start("instance", &[], None);
    let mut stream = agent.raw();
    write_frame(&mut stream, &Request::Hello(Hello { protocol: PROTOCOL, token: None }))
        .expect("written");
    assert!(matches!(read_frame(&mut stream).expect("an answer"), Answer::Welcome(_)));
    stream.write_all(&[0, 0, 0, 3, 1, 2, 3]).expect("written");
    assert!(matches!(read_frame(&mut stream).expect("an answer"), Answer::Failed(_)));
    write_frame(&mut stream, &Request::Shutdown).expect("written");
    assert_eq!(read_frame::<Answer>(&mut stream).expect("an answer"), Answer::Bye);
}

#[test]
fn another_version_is_told_both_versions() {
    let mut agent = Agent::start("instance", &[], None);
    let mut stream = agent.raw();
    write_frame(&mut stream, &Request::Hello(Hello { protocol: 99, token: None }))
        .expect("written");
    let answer: Answer = read_frame(&mut stream).expect("an answer");
    assert_eq!(answer, Answer::VersionRefused { protocol: PROTOCOL, asked: 99 });
    assert_eq!(agent.ended().code(), Some(1));
}

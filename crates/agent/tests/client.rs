//! The client against ends that do not behave, over a stream in memory.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use weighbridge_agent::wire::{Answer, FrameError, PROTOCOL, encode};
use weighbridge_agent::{AgentClient, ClientError};
use weighbridge_experiment::Endpoint;

const LONG: Duration = Duration::from_secs(60);

fn pair() -> (AgentClient, DuplexStream) {
    let (near, far) = duplex(1 << 16);
    (AgentClient::over(near), far)
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_of_another_version_is_told_apart() {
    let (mut client, mut far) = pair();
    far.write_all(
        &encode(&Answer::VersionRefused { protocol: 99, asked: PROTOCOL }).expect("a frame"),
    )
    .await
    .expect("written");
    let error = client.hello(None, LONG).await.expect_err("refused");
    assert!(matches!(error, ClientError::Version { ours: PROTOCOL, theirs: 99 }), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn silence_ends_at_the_deadline_and_the_late_answer_is_never_taken_for_another() {
    let (mut client, mut far) = pair();
    let error = client.describe(Duration::from_millis(20)).await.expect_err("silent");
    assert!(matches!(error, ClientError::Deadline { .. }), "{error:?}");
    far.write_all(&encode(&Answer::Bye).expect("a frame")).await.expect("written");
    let error = client.describe(LONG).await.expect_err("out of step");
    assert!(matches!(error, ClientError::OutOfStep), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_dropped_request_leaves_the_client_out_of_step() {
    let (mut client, _far) = pair();
    tokio::select! {
        biased;
        _ = client.describe(LONG) => panic!("nobody answers"),
        () = tokio::time::sleep(Duration::from_millis(10)) => {}
    }
    assert!(matches!(client.describe(LONG).await, Err(ClientError::OutOfStep)));
}

#[tokio::test(flavor = "current_thread")]
async fn an_end_within_a_frame_and_a_frame_too_long_are_errors() {
    let (mut client, mut far) = pair();
    far.write_all(&[0, 0, 1, 0, 42]).await.expect("written");
    far.shutdown().await.expect("ended");
    assert!(matches!(client.describe(LONG).await, Err(ClientError::Lost { .. })));

    let (mut client, mut far) = pair();
    far.write_all(&[255, 255, 255, 255]).await.expect("written");
    let error = client.describe(LONG).await.expect_err("too long");
    assert!(
        matches!(error, ClientError::Frame { source: FrameError::TooLong { .. }, .. }),
        "{error:?}"
    );
    let mut request = vec![0; 4];
    far.read_exact(&mut request).await.expect("the request was sent");
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_that_never_listens_is_given_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let endpoint = Endpoint::UnixSocket(directory.path().join("agent.sock"));
    let error =
        AgentClient::connect(&endpoint, Duration::from_millis(20)).await.expect_err("nobody");
    assert!(matches!(&error, ClientError::NotListening { .. }), "{error:?}");
    assert!(error.to_string().contains("agent.sock"), "{error}");
}

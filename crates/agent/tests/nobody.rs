//! Alone in its process, for `serve` changes the working directory of the whole of it.

use std::time::Duration;

use weighbridge_agent::{AgentError, AgentOptions, serve};

#[test]
fn an_agent_to_which_nobody_connects_ends_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut options = AgentOptions::new(directory.path().to_path_buf());
    options.accept_within = Duration::from_millis(10);
    assert!(matches!(serve(&options), Err(AgentError::NobodyConnected { .. })));

    options.directory = directory.path().join("missing");
    let error = serve(&options).expect_err("no directory");
    assert!(error.to_string().contains("missing"), "{error}");
}

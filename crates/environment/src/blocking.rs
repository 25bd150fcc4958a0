//! Moves work that waits for the kernel off the async threads.

use crate::error::EnvironmentError;

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EnvironmentError> + Send + 'static,
) -> Result<T, EnvironmentError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|source| Err(EnvironmentError::Interrupted { source }))
}

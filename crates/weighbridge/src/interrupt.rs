use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and a polite `kill`, as something to wait for beside the work.
///
/// While it exists neither signal ends the process by itself: whoever holds it must stop,
/// tear down and say how to go on.
pub(crate) struct Interrupt {
    keyboard: Signal,
    terminate: Signal,
    seen: bool,
}

impl Interrupt {
    /// Takes both signals over. Needs a tokio runtime.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            seen: false,
        })
    }

    /// Returns once either signal has come; at once if it came before.
    pub(crate) async fn wait(&mut self) {
        if !self.seen {
            tokio::select! {
                _ = self.keyboard.recv() => {}
                _ = self.terminate.recv() => {}
            }
            self.seen = true;
        }
    }

    /// Whether either signal has been waited for.
    pub(crate) fn seen(&self) -> bool {
        self.seen
    }
}

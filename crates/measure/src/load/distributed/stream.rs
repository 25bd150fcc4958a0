//! Messages over a stream of bytes: each as JSON behind its length in four bytes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::mpsc;

use super::message::Message;

/// Longest message of somebody who has not shown the token yet.
const STRANGER_BYTES: u32 = 4096;
/// Longest message: a record with hundreds of intervals has a few megabytes.
const MOST_BYTES: u32 = 64 << 20;
const QUEUE: usize = 64;

/// The way to another machine: what is put into `to` comes out of its `from`. `from` ends
/// when the other side is gone.
#[derive(Debug)]
pub struct Way {
    /// What is said.
    pub to: mpsc::Sender<Message>,
    /// What is heard.
    pub from: mpsc::Receiver<Message>,
    limit: Arc<AtomicU32>,
}

impl Way {
    /// Takes long messages from now on: the other side is known.
    pub(super) fn trust(&self) {
        self.limit.store(MOST_BYTES, Ordering::Relaxed);
    }
}

/// A way over a stream, kept going by two tasks of the current runtime.
pub fn over_stream(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Way {
    let (mut reading, mut writing) = split(stream);
    let (to, mut said) = mpsc::channel::<Message>(QUEUE);
    let (heard, from) = mpsc::channel(QUEUE);
    let limit = Arc::new(AtomicU32::new(STRANGER_BYTES));
    let allowed = Arc::clone(&limit);
    tokio::spawn(async move {
        while let Some(message) = said.recv().await {
            if write(&mut writing, &message).await.is_err() {
                return;
            }
        }
        // All is said: the other side sees the end.
        let _ = writing.shutdown().await;
    });
    tokio::spawn(async move {
        // Whatever is wrong with what comes, nothing more can be understood after it.
        while let Ok(message) = read(&mut reading, &allowed).await {
            if heard.send(message).await.is_err() {
                return;
            }
        }
    });
    Way { to, from, limit }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &Message) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&bytes).await?;
    stream.flush().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin), limit: &AtomicU32) -> io::Result<Message> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes(head);
    if length > limit.load(Ordering::Relaxed) {
        return Err(io::Error::other("a message that is too long"));
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(serde_json::from_slice(&bytes)?)
}

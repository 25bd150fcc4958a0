//! The server of the load benchmarks: answers after known delays, and tells how long each
//! answer truly took it.
//!
//! `load_server PORT [FREEZE_FROM FREEZE_TO]` listens on 127.0.0.1, on one thread. Paths:
//! `/fast` answers at once; `/ms/N` after N milliseconds; `/mix` after 1, 10 or 337 ms, 2 % of
//! them after 1,480 ms; `/stats` gives the delays so far, in nanoseconds, and forgets them.
//! In the freeze, seconds from the first request, nothing is answered.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

const BACKLOG: u32 = 4096;
const BODY: &str = "hello, world!";

struct Server {
    times: Histogram<u64>,
    number: u64,
    first: Option<Instant>,
    freeze: Option<(f64, f64)>,
}

impl Server {
    /// When a request that came now is to be answered.
    fn answer_at(&mut self, path: &str, now: Instant) -> Instant {
        self.number += 1;
        let delay = match path {
            "/mix" if self.number.is_multiple_of(50) => 1480,
            "/mix" => [1, 10, 337][(self.number % 3) as usize],
            other => other.strip_prefix("/ms/").and_then(|text| text.parse().ok()).unwrap_or(0),
        };
        let first = *self.first.get_or_insert(now);
        let at = now + Duration::from_millis(delay);
        match self.freeze {
            Some((from, to)) if (from..to).contains(&(at - first).as_secs_f64()) => {
                first + Duration::from_secs_f64(to)
            }
            _ => at,
        }
    }

    fn stats(&mut self) -> String {
        let at = |percentile| self.times.value_at_percentile(percentile);
        let text = format!(
            "{{\"count\":{},\"mean\":{},\"p50\":{},\"p90\":{},\"p95\":{},\"p99\":{},\"max\":{}}}",
            self.times.len(),
            self.times.mean(),
            at(50.0),
            at(90.0),
            at(95.0),
            at(99.0),
            self.times.max()
        );
        self.times.reset();
        text
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port: u16 = arguments.first().ok_or("usage: load_server PORT [FROM TO]")?.parse()?;
    let freeze = match arguments.get(1..3) {
        Some([from, to]) => Some((from.parse()?, to.parse()?)),
        _ => None,
    };
    let times = Histogram::new_with_bounds(128, 3_600_000_000_000, 3)?;
    let server = Rc::new(RefCell::new(Server { times, number: 0, first: None, freeze }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(BACKLOG)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(converse(stream, Rc::clone(&server)));
        }
    })
}

async fn converse(mut stream: TcpStream, server: Rc<RefCell<Server>>) {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        buffer.clear();
        while !buffer.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut buffer).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
        let came = Instant::now();
        let text = String::from_utf8_lossy(&buffer);
        let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
        let body = if path == "/stats" {
            server.borrow_mut().stats()
        } else {
            let at = server.borrow_mut().answer_at(&path, came);
            if at > came {
                sleep_until(at).await;
            }
            BODY.to_owned()
        };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if path != "/stats" {
            let took = u64::try_from(came.elapsed().as_nanos()).unwrap_or(u64::MAX);
            // Beyond an hour nothing is looked at.
            let _ = server.borrow_mut().times.record(took);
        }
    }
}

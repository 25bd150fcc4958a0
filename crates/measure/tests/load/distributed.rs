//! One load from several workers: shares, merging, and workers that are lost.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use weighbridge_experiment::load::{Arrival, LoadRecord, LoadSpec};
use weighbridge_measure::load::{
    Coordination, DistributedError, LoadControl, LoadOptions, Message, Way, WorkerOptions,
    coordinate, over_stream, work,
};

use super::server::{Behaviour, Server};
use super::{time, totals};

const TOKEN: &str = "correct horse battery staple";

/// A coordinator on a port, for so many workers; what it says is gathered.
struct Coordinator {
    address: std::net::SocketAddr,
    ended: tokio::task::JoinHandle<(Result<LoadRecord, DistributedError>, Vec<String>)>,
}

async fn coordinator(url: &str, workers: u32, spec: LoadSpec) -> Coordinator {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (join, mut newcomers) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if join.send(over_stream(stream)).await.is_err() {
                return;
            }
        }
    });
    let plan = spec.resolve(url).expect("a plan");
    let ended = tokio::spawn(async move {
        let control = LoadControl::default();
        let asked = Coordination { plan: &plan, workers, token: TOKEN, control: &control };
        let mut said = Vec::new();
        let mut say = |words: &str| said.push(words.to_owned());
        let result = coordinate(asked, &mut newcomers, &mut |_| {}, &mut say).await;
        (result, said)
    });
    Coordinator { address, ended }
}

async fn way(coordinator: &Coordinator) -> Way {
    over_stream(TcpStream::connect(coordinator.address).await.expect("a connection"))
}

fn options(name: &str, token: &str) -> WorkerOptions {
    WorkerOptions { token: token.to_owned(), name: name.to_owned(), load: LoadOptions::default() }
}

fn constant() -> LoadSpec {
    LoadSpec {
        rate: Some(200.0),
        arrival: Some(Arrival::Constant),
        duration: time("1s"),
        ..LoadSpec::default()
    }
}

fn hello(token: &str) -> Message {
    Message::Hello { version: 1, token: token.to_owned(), name: "fake".to_owned() }
}

#[tokio::test]
async fn workers_send_exactly_what_one_would() {
    let server = Server::start(Behaviour::Delays(vec![3]));
    let coordinator = coordinator(&server.url(), 3, constant()).await;
    let mut workers = tokio::task::JoinSet::new();
    for name in ["a", "b", "c"] {
        workers.spawn(work(way(&coordinator).await, options(name, TOKEN)));
    }
    let (record, said) = coordinator.ended.await.expect("no panic");
    let record = record.expect("a record");
    assert_eq!(totals(&record), (200, 0), "{:?}", record.errors);
    assert!(record.client.threads >= 3, "each has a thread at least");
    assert_eq!(said.iter().filter(|words| words.contains("joined")).count(), 3, "{said:?}");
    while let Some(worked) = workers.join_next().await {
        worked.expect("no panic").expect("done");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_the_load_goes_on_without_it() {
    let server = Server::start(Behaviour::Delays(vec![1]));
    let coordinator = coordinator(&server.url(), 1, constant()).await;
    for token in ["", "correct horse battery stapl", "Correct horse battery staple"] {
        let refused = work(way(&coordinator).await, options("stranger", token)).await;
        assert!(matches!(refused, Err(DistributedError::Refused { .. })), "{refused:?}");
    }
    // More than anybody says who is not known yet.
    let loud = way(&coordinator).await;
    let long = hello(&"x".repeat(100_000));
    let _ = loud.to.send(long).await;
    work(way(&coordinator).await, options("worker", TOKEN)).await.expect("done");
    let (record, said) = coordinator.ended.await.expect("no panic");
    assert_eq!(totals(&record.expect("a record")).0, 200);
    assert_eq!(said.iter().filter(|words| words.contains("refused")).count(), 4, "{said:?}");
}

/// One falls silent, one hangs up: both are named, and the rest makes an invalid record.
#[tokio::test]
async fn lost_workers_are_named_and_make_the_load_invalid() {
    let server = Server::start(Behaviour::Delays(vec![1]));
    let coordinator = coordinator(&server.url(), 3, constant()).await;
    let mut fakes = Vec::new();
    for _ in 0..2 {
        let mut fake = way(&coordinator).await;
        fake.to.send(hello(TOKEN)).await.expect("said");
        assert_eq!(fake.from.recv().await, Some(Message::Welcome));
        fakes.push(fake);
    }
    let worker = tokio::spawn(work(way(&coordinator).await, options("true", TOKEN)));
    let mut hangs_up = fakes.pop().expect("two");
    assert!(matches!(hangs_up.from.recv().await, Some(Message::Start { .. })));
    drop(hangs_up);
    let (record, _) = coordinator.ended.await.expect("no panic");
    let record = record.expect("the share of the true one");
    worker.await.expect("no panic").expect("done");
    // A third of 200, by its place among the three.
    assert!((66..=67).contains(&totals(&record).0), "{:?}", totals(&record));
    let lost = record.client.limited_by.join("\n");
    assert!(lost.contains("silent for 2.5 s") && lost.contains("its connection ended"), "{lost}");
}

#[tokio::test]
async fn no_worker_at_all_is_an_error() {
    let server = Server::start(Behaviour::Hang);
    let coordinator = coordinator(&server.url(), 1, constant()).await;
    let mut fake = way(&coordinator).await;
    fake.to.send(hello(TOKEN)).await.expect("said");
    assert_eq!(fake.from.recv().await, Some(Message::Welcome));
    drop(fake);
    let (record, _) = coordinator.ended.await.expect("no panic");
    assert!(matches!(record, Err(DistributedError::NoWorker { .. })), "{record:?}");
}

//! How long instances take to start and to end.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use weighbridge_environment::{Port, reap};
use weighbridge_experiment::Endpoint;

use crate::place::{HERE, Place, environment, kinds};

/// Not a promise but a measurement: run it with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement, which proves nothing"]
async fn measure_start_and_end() {
    for kind in kinds(&HERE) {
        let mut times: [Vec<f64>; 3] = Default::default();
        for _ in 0..40 {
            let place = Place::new();
            let environment = environment(kind);
            let request = place.request(kind, &["agent"]);
            let start = Instant::now();
            environment.create(&request).await.unwrap();
            times[0].push(start.elapsed().as_secs_f64() * 1e3);
            let Ok(Endpoint::UnixSocket(socket)) =
                environment.endpoint(&request.resource, Port::Agent)
            else {
                panic!("a unix socket");
            };
            while UnixStream::connect(&socket).is_err() {
                std::thread::sleep(Duration::from_micros(200));
            }
            times[1].push(start.elapsed().as_secs_f64() * 1e3);
            let start = Instant::now();
            reap(&*environment, &request.resource).await.unwrap();
            times[2].push(start.elapsed().as_secs_f64() * 1e3);
        }
        for (name, times) in ["created", "answering", "destroyed"].iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            let [low, middle, high] = [times[2], times[20], times[37]];
            println!("{kind} {name}: {middle:.1} ms (p5 {low:.1}, p95 {high:.1})");
        }
    }
}

//! The same work on several threads at once.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::BenchmarkError;

/// Does `work` on so many threads, each with its number from 0. None begins before all are
/// there, and none at all where one cannot be started.
pub(super) fn on_threads<T: Send>(
    threads: u32,
    work: impl Fn(u32) -> T + Sync,
) -> Result<Vec<T>, BenchmarkError> {
    thread::scope(|scope| {
        let mut gates = Vec::new();
        let mut started = Vec::new();
        for number in 0..threads {
            let (open, gate) = mpsc::channel::<()>();
            let work = &work;
            let begin = move || gate.recv().ok().map(|()| work(number));
            // What has been started so far ends when its gate is dropped.
            let thread = thread::Builder::new().spawn_scoped(scope, begin);
            started.push(thread.map_err(|error: io::Error| BenchmarkError::Thread(error))?);
            gates.push(open);
        }
        for gate in &gates {
            // A thread that is gone already says so when it is joined.
            let _ = gate.send(());
        }
        let results = started.into_iter().map(|thread| {
            let done = thread.join().map_err(|_| BenchmarkError::Panicked("it panicked"))?;
            done.ok_or(BenchmarkError::Panicked("it was never let go"))
        });
        results.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_its_number() {
        assert_eq!(on_threads(3, |number| number * 2).expect("threads"), [0, 2, 4]);
    }
}

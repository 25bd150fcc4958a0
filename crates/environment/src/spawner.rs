//! Starts child processes from one thread that lives as long as this process.
//!
//! An agent asks the kernel to be killed when its parent dies, and the kernel takes the
//! *thread* that started it for the parent (prctl(2), `PR_SET_PDEATHSIG`). Threads of an
//! async runtime come and go, so none of them may start an agent.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

struct Job {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

static SPAWNER: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// Starts `command` from the lasting thread.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, answered) = channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    spawner()?.send(Job { command, answer }).map_err(|_| gone())?;
    answered.recv().unwrap_or_else(|_| Err(gone()))
}

fn spawner() -> io::Result<Sender<Job>> {
    // The option is whole even if a thread panicked while it held the lock.
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(jobs) = &*spawner {
        return Ok(jobs.clone());
    }
    let (jobs, received) = channel::<Job>();
    thread::Builder::new().name("spawner".into()).spawn(move || {
        for mut job in received {
            // A caller that no longer waits has a child that nobody will ask for.
            let _ = job.answer.send(job.command.spawn());
        }
    })?;
    *spawner = Some(jobs.clone());
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The thread whose end a child would notice, as `/proc/PID/task/TID/children` lists it.
    fn starting_thread(child: u32) -> String {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let mut names = tasks.filter_map(|task| {
            let path = task.unwrap().path();
            let children = std::fs::read_to_string(path.join("children")).ok()?;
            let found = children.split(' ').any(|number| number == child.to_string());
            found.then(|| std::fs::read_to_string(path.join("comm")).unwrap().trim().to_owned())
        });
        names.next().unwrap_or_else(|| "nobody".into())
    }

    #[test]
    fn children_of_short_threads_belong_to_the_lasting_one() {
        let start = || {
            let mut command = Command::new("sleep");
            command.arg("60");
            spawn(command).unwrap()
        };
        let mut children =
            [thread::spawn(start).join().unwrap(), thread::spawn(start).join().unwrap()];
        let threads: Vec<_> = children.iter().map(|child| starting_thread(child.id())).collect();
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(threads, ["spawner", "spawner"]);
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        assert!(spawn(Command::new("/nowhere/at/all")).is_err());
    }
}

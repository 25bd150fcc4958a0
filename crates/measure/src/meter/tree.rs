//! The descendants of a process.

use std::fs;
use std::io;

use super::process::parse_stat;
use crate::Roots;

/// More than any instance starts; guards against a tree that changes while it is walked.
const MOST: usize = 4096;

/// The process and all of its living descendants, the process first.
///
/// `/proc/PID/task/TID/children` where the kernel has it: its cost grows with the instance.
/// Otherwise every process of the host is looked at, whose cost grows with the host.
pub(super) fn descendants(roots: &Roots, process: u32) -> io::Result<Vec<u32>> {
    let own = roots.process(process).join("task").join(process.to_string()).join("children");
    if !own.exists() {
        return descendants_by_scan(roots, process);
    }
    let mut found = vec![process];
    let mut next = 0;
    while next < found.len() && found.len() < MOST {
        let number = found[next];
        next += 1;
        // A process that ended since it was listed has no children any more.
        let Ok(threads) = fs::read_dir(roots.process(number).join("task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            for child in children.split_ascii_whitespace().filter_map(|child| child.parse().ok()) {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
        }
    }
    Ok(found)
}

fn descendants_by_scan(roots: &Roots, process: u32) -> io::Result<Vec<u32>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir(&roots.proc)?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        if let Some(stat) =
            fs::read_to_string(entry.path().join("stat")).ok().and_then(|text| parse_stat(&text))
        {
            pairs.push((number, stat.parent));
        }
    }
    let mut found = vec![process];
    let mut next = 0;
    while next < found.len() && found.len() < MOST {
        let parent = found[next];
        next += 1;
        for &(child, _) in pairs.iter().filter(|(child, of)| *of == parent && *child != parent) {
            if !found.contains(&child) {
                found.push(child);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(roots: &Roots, number: u32, parent: u32, threads: &[(u32, &str)]) {
        let directory = roots.process(number);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(
            directory.join("stat"),
            format!("{number} (x) S {parent} 0 0 0 0 0 0 0 0 0 1 0 0 0 20"),
        )
        .expect("written");
        for (thread, children) in threads {
            let task = directory.join("task").join(thread.to_string());
            fs::create_dir_all(&task).expect("a directory");
            fs::write(task.join("children"), children).expect("written");
        }
    }

    #[test]
    fn children_of_every_thread_are_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = Roots::below(directory.path());
        process(&roots, 5, 1, &[(5, "7 "), (6, "8 ")]);
        process(&roots, 7, 5, &[(7, "9 ")]);
        process(&roots, 8, 5, &[(8, "")]);
        process(&roots, 9, 7, &[(9, "")]);
        process(&roots, 4, 1, &[(4, "")]);
        assert_eq!(descendants(&roots, 5).expect("listed").len(), 4);
    }

    #[test]
    fn without_children_files_the_parents_are_scanned() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = Roots::below(directory.path());
        process(&roots, 5, 1, &[]);
        process(&roots, 7, 5, &[]);
        process(&roots, 9, 7, &[]);
        process(&roots, 4, 1, &[]);
        let mut found = descendants(&roots, 5).expect("listed");
        found.sort_unstable();
        assert_eq!(found, [5, 7, 9]);
    }
}

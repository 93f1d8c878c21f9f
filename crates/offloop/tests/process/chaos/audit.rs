//! What is there of this process. Invariant: nothing is counted that the look itself makes.

use std::time::{Duration, Instant};

use crate::common::PATIENCE;
use crate::common::alone::{descriptors, offloop_threads};

/// The children of this process, those included that have ended and were not reaped.
pub(super) fn children() -> Vec<i32> {
    let me = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("the kernel lists the processes");
    let is_mine = |name: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).unwrap_or_default();
        // Behind the name, which may have any letter in it: the state, and the parent.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        behind.split_whitespace().nth(1) == Some(&me)
    };
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    numbers.filter(is_mine).filter_map(|name| name.parse().ok()).collect()
}

/// Everything of ours that a shutdown has to end, in words; `before` is how many descriptors there
/// were.
pub(super) fn what_is_left(before: usize) -> Vec<String> {
    // The kernel unlists a thread a moment after it was joined.
    let until = Instant::now() + PATIENCE;
    while !offloop_threads().is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    let threads = offloop_threads().into_iter().map(|name| format!("the thread {name}"));
    let mut left: Vec<String> = threads.collect();
    left.extend(children().into_iter().map(|child| format!("the process {child}")));
    let open = descriptors();
    if open.len() != before {
        left.push(format!("{before} descriptors were open, and now {open:?}"));
    }
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the kernel lists them");
    let ours = maps.lines().filter(|line| line.contains("memfd:offloop"));
    left.extend(ours.map(|line| format!("the mapping {line}")));
    left
}

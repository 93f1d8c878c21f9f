//! Ctrl-C: the work ends, what was done is reported and kept, the exit code is 130.
#![cfg(unix)]

use crate::service::Client;
use crate::tour::{Running, command, sparse};
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

const SMALL_FILES: u64 = 150;

/// Small files, and one that would take minutes; its name comes last.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    for number in 0..SMALL_FILES {
        fs::write(folder.path().join(format!("small-{number:03}")), "x").unwrap();
    }
    sparse(&folder.path().join("zeros"), 1 << 40);
    folder
}

fn start(folder: &Path, model: &str) -> Running {
    let args = [
        "--cold",
        "--rounds",
        "1",
        "--json",
        "--digests",
        "sums",
        "--report",
        "page.html",
        "--model",
        model,
    ];
    Running::start(command(folder).args(args))
}

/// Waits until all the small files are done.
fn await_small_files(running: &Running) {
    let mut client = Client::connect(&running.address);
    while client.stat()["files_done"] != SMALL_FILES {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn interrupted_off_the_loop(model: &str, signal: Signal) {
    let folder = folder();
    let running = start(folder.path(), model);
    await_small_files(&running);
    running.signal(signal);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    ended.assert_says(&["interrupted"]);
    let json = ended.json();
    assert_eq!(json["interrupted"], true);
    assert_eq!(json["files"]["hashed"], SMALL_FILES);
    assert_eq!(json["files"]["not_reached"], 1);
    assert_eq!(json["files"]["failed"], 0);
    assert_eq!(json["models"][0]["partial"], true);
    let sums = fs::read_to_string(folder.path().join("sums")).unwrap();
    assert_eq!(sums.lines().count() as u64, SMALL_FILES);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("The tour was interrupted") && page.ends_with("</html>\n"));
}

#[test]
fn on_threads_what_was_done_is_kept() {
    interrupted_off_the_loop("threads", Signal::INT);
}

#[test]
fn on_cores_what_was_done_is_kept() {
    interrupted_off_the_loop("cores", Signal::TERM);
}

#[test]
fn on_a_runtime_what_was_done_is_kept() {
    interrupted_off_the_loop("async", Signal::INT);
}

/// Each worker has a process group of its own: Ctrl-C is the command's to handle.
#[cfg(target_os = "linux")]
#[test]
fn in_processes_what_was_done_is_kept() {
    interrupted_off_the_loop("process", Signal::INT);
}

#[test]
fn on_the_loop_the_file_at_hand_is_left() {
    let folder = folder();
    let running = start(folder.path(), "inline");
    // Deep in the large file the loop answers nobody: there is nothing to wait for.
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let json = ended.json();
    assert_eq!(json["interrupted"], true);
    assert!(json["files"]["hashed"].as_u64().unwrap() <= SMALL_FILES);
    assert_eq!(json["files"]["failed"], 0);
}

#[test]
fn the_models_that_were_finished_are_reported_in_full() {
    let folder = tempdir().unwrap();
    for number in 0..SMALL_FILES {
        fs::write(folder.path().join(format!("small-{number:03}")), "x").unwrap();
    }
    // So many rounds that it is interrupted in one of them.
    let args = ["--rounds", "1000", "--model", "threads", "--json"];
    let running = Running::start(command(folder.path()).args(args));
    let mut client = Client::connect(&running.address);
    while client.stat()["round"].as_u64().unwrap() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let json = ended.json();
    assert!(json["models"][0]["rounds_complete"].as_u64().unwrap() >= 2);
    assert_eq!(json["files"]["hashed"], SMALL_FILES);
    assert_eq!(json["files"]["not_reached"], 0);
}

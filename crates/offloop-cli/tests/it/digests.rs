//! `--digests`: what it writes is what the real `sha256sum` writes and accepts.
#![cfg(target_os = "linux")]

use crate::tour::{Ended, tour};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::tempdir;

const NAMES: &[&[u8]] = &[
    b"plain",
    b"with space ",
    b"-dash",
    b"new\nline",
    b"carriage\rreturn",
    b"back\\slash",
    b"back\\nslash n",
    b"not utf-8 \xff\xfe",
    b"gr\xc3\xb6\xc3\x9fe",
    b"*star",
    b"\"quoted\"",
];

fn fill(folder: &Path) {
    for (number, name) in NAMES.iter().enumerate() {
        let content = vec![b'x'; number * 50_000];
        fs::write(folder.join(OsStr::from_bytes(name)), content).unwrap();
    }
}

/// What `sha256sum -c` says to these digests.
fn check(folder: &Path, sums: &[u8]) -> Ended {
    let mut command = Command::new("sha256sum");
    command.args(["-c", "--strict", "-"]).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(sums).unwrap();
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn sha256sum_accepts_the_digests_of_names_of_every_kind() {
    let folder = tempdir().unwrap();
    fill(folder.path());
    let target = tempdir().unwrap();
    let sums = target.path().join("sums");
    let args = ["--rounds", "1", "--digests", sums.to_str().unwrap()];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sums = fs::read(sums).unwrap();
    let checked = check(folder.path(), &sums);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let oks = checked.stdout.windows(5).filter(|w| w == b": OK\n").count();
    assert_eq!(oks, NAMES.len());
}

#[test]
fn the_lines_are_those_of_sha256sum_itself() {
    let folder = tempdir().unwrap();
    fill(folder.path());
    let names = NAMES.iter().map(|name| {
        let name = [b"./", *name].concat();
        OsStr::from_bytes(&name).to_owned()
    });
    let mut command = Command::new("sha256sum");
    let theirs = command.args(names).current_dir(folder.path()).output();
    let ours = tour(folder.path(), &["--rounds", "1", "--digests", "-"]).stdout;
    let sorted = |text: &[u8]| {
        let mut lines: Vec<Vec<u8>> = text.split(|&b| b == b'\n').map(Vec::from).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&ours), sorted(&theirs.unwrap().stdout));
}

/// Names, empty files and several pieces: async alone finds what `sha256sum` finds.
#[test]
fn async_alone_finds_the_digests_of_sha256sum() {
    let folder = tempdir().unwrap();
    fill(folder.path());
    let args = ["--model", "async", "--rounds", "2", "--digests", "-"];
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.iter().filter(|&&byte| byte == b'\n').count(), NAMES.len());
    let checked = check(folder.path(), &ended.stdout);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

#[test]
fn on_standard_output_the_digests_stand_alone() {
    let folder = tempdir().unwrap();
    fill(folder.path());
    let ended = tour(folder.path(), &["--model", "inline", "--rounds", "1", "--digests", "-"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(check(folder.path(), &ended.stdout).code, Some(0));
    ended.assert_says(&["files per second"]);
}

#[test]
fn the_digests_file_is_no_work_and_is_replaced() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let args = ["--model", "cores", "--rounds", "1", "--digests", "sums"];
    assert_eq!(tour(folder.path(), &args).code, Some(0));
    fs::write(folder.path().join("b"), "b").unwrap();
    let ended = tour(folder.path(), &args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["skipped ./sums", "digests"]);
    let sums = fs::read(folder.path().join("sums")).unwrap();
    assert_eq!(sums.iter().filter(|&&byte| byte == b'\n').count(), 2);
    assert_eq!(check(folder.path(), &sums).code, Some(0));
    // Nothing but the three is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_device_takes_digests_and_stays_a_device() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let args = ["--model", "inline", "--rounds", "1", "--digests", "/dev/null"];
    assert_eq!(tour(folder.path(), &args).code, Some(0));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn digests_that_cannot_be_written_are_refused_before_the_work() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a"), "a").unwrap();
    let ended = tour(folder.path(), &["--digests", "no/such/folder/sums"]);
    assert_eq!(ended.code, Some(2));
    ended.assert_says(&["no/such/folder/sums", "cannot be written"]);
    let ended = tour(folder.path(), &["--digests", "."]);
    assert_eq!(ended.code, Some(2));
    ended.assert_says(&["is a folder"]);
    let ended = tour(folder.path(), &["--json", "--digests", "-"]);
    assert_eq!(ended.code, Some(2));
    ended.assert_says(&["--json", "standard output"]);
}

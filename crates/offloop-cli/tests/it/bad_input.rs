//! Bad input: each gets one clear line, and the other files keep their results.
#![cfg(unix)]

use crate::tour::{Running, command, finish, sparse, tour};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::{TempDir, tempdir};

/// A folder with one good file.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("good"), "good").unwrap();
    folder
}

fn lines_about(stderr: &str, what: &str) -> usize {
    stderr.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn a_missing_path_does_not_spoil_the_others() {
    let folder = folder();
    let ended = tour(folder.path(), &["missing", "good", "--json", "--rounds", "1"]);
    assert_eq!(ended.code, Some(1));
    ended.assert_says(&["missing", "does not exist"]);
    let json = ended.json();
    assert_eq!(json["files"]["hashed"], 1);
    assert_eq!(json["failed"][0]["path"], "missing");
}

#[test]
fn with_nothing_to_do_the_exit_code_is_two() {
    let folder = folder();
    let ended = tour(folder.path(), &["missing"]);
    assert_eq!(ended.code, Some(2));
    ended.assert_says(&["nothing to do", "missing"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let ended = tour(folder.path(), &["empty"]);
    assert_eq!(ended.code, Some(2));
    ended.assert_says(&["nothing to do", "empty"]);
    assert!(ended.stdout.is_empty());
}

#[test]
fn links_inside_a_folder_are_not_followed_and_bad_ones_are_named() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    symlink("good", at("fine")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("ring-b", at("ring-a")).unwrap();
    symlink("ring-a", at("ring-b")).unwrap();
    fs::create_dir(at("sub")).unwrap();
    symlink("..", at("sub/up")).unwrap();
    let ended = tour(folder.path(), &["--json", "--rounds", "1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["skipped ./dangling, a symbolic link to nothing"]);
    ended.assert_says(&["skipped ./ring-a, a link loop"]);
    ended.assert_says(&["skipped ./sub/up, a link loop"]);
    ended.assert_says(&["not followed: 1 "]);
    assert_eq!(ended.json()["files"]["listed"], 1);
}

#[test]
fn with_follow_good_links_are_work_and_bad_ones_are_skipped() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    symlink("good", at("fine")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("ring", at("ring")).unwrap();
    symlink(".", at("up")).unwrap();
    let ended = tour(folder.path(), &["--json", "--follow", "--rounds", "1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["skipped ./dangling, a symbolic link to nothing"]);
    ended.assert_says(&["skipped ./ring, a link loop"]);
    ended.assert_says(&["skipped ./up, a link loop"]);
    assert_eq!(ended.json()["files"]["hashed"], 2);
    assert_eq!(ended.json()["files"]["skipped"], 3);
    assert_eq!(ended.json()["files"]["failed"], 0);
}

#[test]
fn a_path_that_is_a_link_is_followed() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    symlink("good", at("fine")).unwrap();
    symlink("ring", at("ring")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    for follow in [&[][..], &["-L"]] {
        let args = [&["fine", "ring", "dangling", "--json", "--rounds", "1"], follow].concat();
        let ended = tour(folder.path(), &args);
        assert_eq!(ended.code, Some(1));
        assert_eq!(ended.json()["files"]["hashed"], 1);
        ended.assert_says(&["ring: is a link loop"]);
        ended.assert_says(&["dangling: is a symbolic link to nothing"]);
    }
}

#[test]
fn special_files_are_skipped_and_never_opened() {
    let folder = folder();
    let pipe = OsStr::from_bytes(b"pi\npe\xff");
    let made = Command::new("mkfifo").arg(folder.path().join(pipe)).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let ended = tour(folder.path(), &[".", "/dev/null", "--json", "--rounds", "1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says(&["skipped ./pi\\npe\\xff, a named pipe"]);
    ended.assert_says(&["skipped ./socket, a socket"]);
    ended.assert_says(&["skipped /dev/null, a device"]);
    let skipped = &ended.json()["skipped"];
    assert_eq!(skipped.as_array().unwrap().len(), 3);
    assert_eq!(skipped[0]["path_hex"], "2e2f70690a7065ff");
}

#[test]
fn a_file_and_a_folder_without_permission_are_named() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("secret"), "secret").unwrap();
    fs::create_dir(at("closed")).unwrap();
    for name in ["secret", "closed"] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o0)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let ended = as_a_plain_user(folder.path(), &["--json", "--rounds", "2"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    ended.assert_says(&["./secret", "cannot be read", "denied"]);
    ended.assert_says(&["./closed", "denied"]);
    assert_eq!(lines_about(&ended.stderr, "./secret"), 1, "{}", ended.stderr);
    assert_eq!(ended.json()["files"]["hashed"], 1);
}

/// Root may read everything: so a copy of the program runs as a user who may not.
fn as_a_plain_user(folder: &Path, args: &[&str]) -> crate::tour::Ended {
    if !rustix::process::geteuid().is_root() {
        return tour(folder, args);
    }
    const NOBODY: u32 = 65534;
    let home = tempdir().unwrap();
    let program = home.path().join("offloop");
    // A copy written by this process could be open for writing in a process that another
    // test forks, and such a program cannot be run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_offloop")).arg(&program).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.arg("tour").args(args).current_dir(folder);
    finish(command.uid(NOBODY).gid(NOBODY))
}

/// Says so when it is dropped, by a panic as well: else the writer would go on for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_file_that_changes_is_named_and_left_out_of_the_digests() {
    let folder = folder();
    let path = folder.path().join("growing");
    sparse(&path, 1_000_000);
    let over = AtomicBool::new(false);
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&path).unwrap();
            while !over.load(Ordering::Relaxed) {
                file.write_all(b"more").unwrap();
                thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let _over = Over(&over);
        tour(folder.path(), &["--rounds", "4", "--digests", "-"])
    });
    assert_eq!(ended.code, Some(1));
    ended.assert_says(&["./growing", "changed"]);
    assert_eq!(lines_about(&ended.stderr, "./growing"), 1, "{}", ended.stderr);
    let digests = String::from_utf8(ended.stdout).unwrap();
    assert!(digests.contains("./good") && !digests.contains("./growing"), "{digests}");
}

#[test]
fn a_file_that_vanishes_is_named() {
    let folder = folder();
    let path = folder.path().join("leaving");
    fs::write(&path, "x").unwrap();
    sparse(&folder.path().join("long"), 2_000_000);
    let running = Running::start(command(folder.path()).args(["--rounds", "5", "--json"]));
    fs::remove_file(&path).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    ended.assert_says(&["./leaving", "vanished"]);
    assert_eq!(ended.json()["files"]["hashed"], 2);
}

/// What the system refuses while it is read, and what is gone: named, under async as well, and the
/// rest has its digests.
#[cfg(target_os = "linux")]
#[test]
fn async_names_what_cannot_be_read_and_what_vanished() {
    let folder = folder();
    let path = folder.path().join("leaving");
    fs::write(&path, "x").unwrap();
    sparse(&folder.path().join("long"), 2_000_000);
    let args = ["--model", "async", "--rounds", "5", "--json", ".", "/proc/self/mem"];
    let running = Running::start(command(folder.path()).args(args));
    fs::remove_file(&path).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    ended.assert_says(&["/proc/self/mem: cannot be read", "os error"]);
    ended.assert_says(&["./leaving", "vanished"]);
    assert_eq!(ended.json()["files"]["hashed"], 2, "{}", ended.stderr);
}

#[test]
fn a_closed_standard_output_is_said_and_is_no_crash() {
    let folder = folder();
    let mut command = command(folder.path());
    command.args(["--model", "inline", "--rounds", "1"]);
    // A pipe's reading end may live on for a moment in a process that another test forks;
    // a socket that is shut down is so for everybody.
    let (theirs, ours) = UnixStream::pair().unwrap();
    ours.shutdown(Shutdown::Read).unwrap();
    let child = command.stdout(OwnedFd::from(theirs)).stderr(Stdio::piped());
    let output = child.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output was closed"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let folder = folder();
    let mut command = command(folder.path());
    command.args(["--model", "inline", "--rounds", "1"]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the report: cannot be written"), "{said}");
}

#[test]
fn bad_usage_is_refused() {
    let folder = folder();
    for args in [["--model", "magic"], ["--rounds", "0"]] {
        assert_eq!(tour(folder.path(), &args).code, Some(2), "{args:?}");
    }
}

#[test]
fn an_empty_path_is_refused_and_called_so() {
    let folder = folder();
    for args in [["", "good"], ["--digests", ""]] {
        let ended = tour(folder.path(), &args);
        assert_eq!(ended.code, Some(2), "{args:?}");
        ended.assert_says(&["the path is empty; give the name of a file"]);
        assert!(ended.stdout.is_empty());
    }
}

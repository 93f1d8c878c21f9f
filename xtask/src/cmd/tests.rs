//! Failures of other programs are failures here, and none is waited for without end.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Cmd;

#[test]
fn an_exit_code_is_an_error_with_the_command_in_it() {
    let unknown = Cmd::cargo(Path::new(".")).arg("no-such-command").env("A", "b c");
    let message = unknown.stdout().expect_err("cargo knows no such command");
    let message = message.to_string();
    assert!(message.starts_with("`A='b c' cargo no-such-command` failed"), "{message}");
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let message = Cmd::new("no-such-program-anywhere").run();
    let message = message.expect_err("there is no such program").to_string();
    assert_eq!(message, "could not start `no-such-program-anywhere`");
}

#[test]
fn output_is_given_back() {
    let version = Cmd::cargo(Path::new(".")).arg("--version").stdout();
    assert!(version.expect("cargo runs").starts_with("cargo "));
}

#[test]
fn output_that_is_shown_is_given_back_too() {
    let version = Cmd::cargo(Path::new(".")).arg("--version").stdout_shown();
    assert!(version.expect("cargo runs").starts_with("cargo "));
    let unknown = Cmd::cargo(Path::new(".")).arg("no-such-command").stdout_shown();
    assert!(unknown.is_err());
}

#[cfg(unix)]
#[test]
fn a_program_that_hangs_is_killed() {
    let started = Instant::now();
    let hung = Cmd::new("sleep").arg("600").run_within(Duration::from_millis(50));
    let message = hung.expect_err("it sleeps far longer").to_string();
    assert_eq!(message, "`sleep 600` had not ended after 50ms");
    assert!(started.elapsed() < Duration::from_secs(300));
}

//! A failing stage fails the whole, by name, and so does one that hangs; a wrong word runs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;

use super::{Report, STAGES, select, stages, summarize, watch};
use crate::workspace::Package;

fn names(words: &[&str]) -> Vec<&'static str> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let selected = select(&words).expect("the words are stages");
    selected.iter().map(|stage| stage.name).collect()
}

#[test]
fn stages_have_names_of_their_own() {
    let names: BTreeSet<_> = STAGES.iter().map(|stage| stage.name).collect();
    assert_eq!(names.len(), STAGES.len());
}

#[test]
fn no_word_selects_every_stage() {
    assert_eq!(names(&[]).len(), STAGES.len());
}

#[test]
fn words_select_stages_in_the_order_of_the_table() {
    assert_eq!(names(&["test", "fmt"]), ["fmt", "test"]);
}

#[test]
fn a_word_that_is_no_stage_is_refused_and_the_stages_are_named() {
    let refused = select(&["fmt".to_owned(), "lnit".to_owned()]);
    let message = refused.err().expect("`lnit` is no stage").to_string();
    assert!(message.contains("`lnit`") && message.contains("lint"), "{message}");
}

fn report(name: &'static str, outcome: anyhow::Result<String>) -> Report {
    Report { name, took: Duration::from_secs(1), outcome }
}

#[test]
fn a_failed_stage_fails_the_run_by_name() {
    let passed = report("fmt", Ok(String::new()));
    assert!(summarize(&[passed]).is_ok());
    let failing = || -> anyhow::Result<String> { bail!("two warnings") };
    let reports = [report("fmt", Ok(String::new())), report("lint", failing())];
    let message = summarize(&reports).expect_err("lint failed").to_string();
    assert_eq!(message, "stage `lint` failed: two warnings");
}

#[test]
fn a_stage_in_time_is_what_it_says() {
    let untouched = || panic!("it is in time");
    let limit = Duration::from_secs(600);
    assert_eq!(watch::within(limit, untouched, || Ok("12 calls".to_owned())).unwrap(), "12 calls");
    let failed = watch::within(limit, untouched, || bail!("two warnings"));
    assert_eq!(failed.unwrap_err().to_string(), "two warnings");
}

/// The program that hangs is one that another has started, as a test is by cargo; it is the one named.
#[cfg(unix)]
#[test]
fn a_stage_that_hangs_is_ended_and_fails_by_what_hung() {
    use std::io::Read;
    use std::process::{Command, Stdio};

    let (started, child) = std::sync::mpsc::channel();
    let end = move || child.try_recv().map_or_else(|_| BTreeSet::new(), watch::end_below);
    let outcome = watch::within(Duration::from_millis(50), end, || {
        // Its shell waits for `sleep`, and says when it has started that.
        let mut outer = Command::new("sh");
        outer.args(["-c", "sh -c 'sleep 3600 & echo; wait; :'; :"]).stdout(Stdio::piped());
        let mut outer = outer.spawn()?;
        let mut line = [0];
        outer.stdout.take().expect("it is piped").read_exact(&mut line)?;
        started.send(outer.id())?;
        outer.wait()?;
        Ok(String::new())
    });
    let message = outcome.expect_err("it sleeps far longer").to_string();
    assert!(message.ends_with("what it ran then was ended: `sleep 3600`"), "{message}");
}

fn package(features: &[&str]) -> Package {
    Package {
        name: "a".to_owned(),
        rust_version: None,
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        targets: Vec::new(),
    }
}

#[test]
fn every_feature_is_linted_alone_and_none_and_all_too() {
    assert!(stages::feature_sets(&package(&[])).is_empty());
    let sets = stages::feature_sets(&package(&["default", "process", "stats"]));
    assert_eq!(sets, ["", "process", "stats", "process,stats"]);
}

//! A failing stage fails the whole, by name; a wrong word runs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;

use super::{Report, STAGES, select, stages, summarize};
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

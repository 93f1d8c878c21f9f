//! The rule on a loop's two programs.

use super::fires;
use crate::tidy::rules;
use crate::tidy::tree::Tree;

const NONE: [&str; 0] = [];
const PAGE: &str = "crates/offloop/src/guide/loops.md";

/// A block of the page that shows these lines of `e/convert/x`.
fn block(lines: &str) -> String {
    let names = "--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n";
    format!("```diff e/convert/x\n{names}{lines}```\n")
}

fn conversions(before: &str, after: &str, page: &str) -> Vec<String> {
    let files = [("e/convert/x/before.rs", before), ("e/convert/x/after.rs", after), (PAGE, page)];
    fires("conversions", files)
}

#[test]
fn the_page_shows_what_the_programs_say() {
    let (before, after) = ("a\nb\n", "a\nc\n");
    let right = block(" a\n-b\n+c\n");
    assert_eq!(conversions(before, after, &right), NONE);
    let stale = conversions(before, after, &format!("\n{}", block(" a\n-b\n+d\n")));
    assert_eq!(stale, [format!("{PAGE}:2")]);
    assert_eq!(conversions(before, after, "no block\n"), ["e/convert/x/after.rs:1"]);
    let lost = conversions(before, after, &(right + "```diff e/convert/y\n```\n"));
    assert_eq!(lost, [format!("{PAGE}:8")]);
}

#[test]
fn the_page_is_made_anew_from_the_programs() {
    let page = |shown: &str| format!("Text.\n\n{}\nMore text.\n", block(shown));
    let stale = page("old\n");
    let files = [("e/convert/x/before.rs", "a\nb\n"), ("e/convert/x/after.rs", "a\nc\n")];
    let tree = Tree::new(files.into_iter().chain([(PAGE, stale.as_str())]));
    assert_eq!(rules::conversions::page(&tree).unwrap(), page(" a\n-b\n+c\n"));
}

#[test]
fn a_conversion_changes_five_lines_at_most() {
    let five = block(" a\n+1\n+2\n+3\n+4\n+5\n");
    assert_eq!(conversions("a\n", "a\n1\n2\n3\n4\n5\n", &five), NONE);
    let six = block(" a\n+1\n+2\n+3\n+4\n+5\n+6\n");
    assert_eq!(conversions("a\n", "a\n1\n2\n3\n4\n5\n6\n", &six), ["e/convert/x/after.rs:1"]);
}

#[test]
fn a_program_does_not_stand_alone() {
    assert_eq!(fires("conversions", [("convert/x/after.c", "a\n")]), ["convert/x/after.c:1"]);
    assert_eq!(fires("conversions", [("src/before.rs", "a\n")]), NONE);
}

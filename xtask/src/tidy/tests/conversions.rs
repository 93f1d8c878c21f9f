//! The rule on a loop's two programs.

use super::fires;

const NONE: [&str; 0] = [];
const PAGE: &str = "crates/offloop/src/guide/loops.md";

fn conversions(before: &str, after: &str, page: &str) -> Vec<String> {
    let files = [("e/convert/x/before.rs", before), ("e/convert/x/after.rs", after), (PAGE, page)];
    fires("conversions", files)
}

#[test]
fn the_page_shows_what_the_programs_say() {
    let (before, after) = ("a\nb\n", "a\nc\n");
    assert_eq!(
        conversions(
            before,
            after,
            "```diff e/convert/x\n--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n a\n-b\n+c\n```\n"
        ),
        NONE
    );
    let stale = conversions(
        before,
        after,
        "\n```diff e/convert/x\n--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n a\n-b\n+d\n```\n",
    );
    assert_eq!(stale, [format!("{PAGE}:2")]);
    assert_eq!(conversions(before, after, "no block\n"), ["e/convert/x/after.rs:1"]);
    let lost = "```diff e/convert/x\n--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n a\n-b\n+c\n```\n```diff e/convert/y\n```\n";
    assert_eq!(conversions(before, after, lost), [format!("{PAGE}:8")]);
}

#[test]
fn a_conversion_changes_five_lines_at_most() {
    let five = "```diff e/convert/x\n--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n a\n+1\n+2\n+3\n+4\n+5\n```\n";
    assert_eq!(conversions("a\n", "a\n1\n2\n3\n4\n5\n", five), NONE);
    let six = "```diff e/convert/x\n--- e/convert/x/before.rs\n+++ e/convert/x/after.rs\n a\n+1\n+2\n+3\n+4\n+5\n+6\n```\n";
    assert_eq!(conversions("a\n", "a\n1\n2\n3\n4\n5\n6\n", six), ["e/convert/x/after.rs:1"]);
}

#[test]
fn a_program_does_not_stand_alone() {
    assert_eq!(fires("conversions", [("convert/x/after.c", "a\n")]), ["convert/x/after.c:1"]);
    assert_eq!(fires("conversions", [("src/before.rs", "a\n")]), NONE);
}

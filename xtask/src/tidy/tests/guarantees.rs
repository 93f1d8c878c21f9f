//! The rule on GUARANTEES.md.

use super::fires;

const NONE: [&str; 0] = [];
const TESTS: &str = "//! a\n#[test]\nfn one() {}\nmod inner {\n    #[test]\n    #[cfg(unix)]\n    \
                     pub fn two() {}\n}\nfn helper() {}\n";

fn found(paper: &str) -> Vec<String> {
    let files = [("GUARANTEES.md", paper), ("crates/a-b/tests/panics.rs", TESTS)];
    fires("guarantees", files)
}

#[test]
fn the_paper_has_to_be_there_and_to_say_something() {
    assert_eq!(fires("guarantees", [("a.rs", TESTS)]), ["GUARANTEES.md:1"]);
    assert_eq!(found("# Guarantees\n"), ["GUARANTEES.md:1"]);
}

#[test]
fn a_cited_guarantee_is_quiet_in_every_form() {
    assert_eq!(found("## G1 One\nText.\n\nTests: `one`\n"), NONE);
    assert_eq!(found("- **G1** One. Tests: `panics::one`, `a_b::panics::one`\n"), NONE);
    assert_eq!(found("| G1 | One | `panics::inner::two` |\n"), NONE);
}

#[test]
fn a_guarantee_without_a_test_is_found_at_its_line() {
    assert_eq!(found("# A\n\n## G1 One\nSee `deliver`.\n"), ["GUARANTEES.md:3"]);
    let second = "## G1\nTests: `one`\n## G2\nText.\n## Notes\n`one`\n";
    assert_eq!(found(second), ["GUARANTEES.md:3"]);
}

#[test]
fn a_function_that_is_no_test_is_no_proof() {
    assert_eq!(found("## G1\n`helper`\n"), ["GUARANTEES.md:1"]);
}

#[test]
fn a_citation_of_no_test_is_found() {
    let gone = "## G1\nText.\n\nTests: `one`,\n`gone`, `panics::gone`\n\n`not_cited`\n";
    assert_eq!(found(gone), ["GUARANTEES.md:5", "GUARANTEES.md:5"]);
    let wrong_place = "## G1\nTests: `one`, `stress::one`\n";
    assert_eq!(found(wrong_place), ["GUARANTEES.md:2"]);
}

#[test]
fn a_path_has_to_be_a_test_wherever_it_stands() {
    assert_eq!(found("| **G1** | One. | `panics::one`, `panics::gone` |\n"), ["GUARANTEES.md:1"]);
    assert_eq!(found("| G1 | `std::thread`, `Reason::QueueFull` | `panics::one` |\n"), NONE);
}

#[test]
fn a_guarantee_may_be_marked_as_not_yet_given() {
    assert_eq!(found("## G1\nNot yet: there are no processes.\n"), NONE);
}

#[test]
fn a_missing_number_is_found() {
    assert_eq!(found("## G1\n`one`\n## G3\n`one`\n"), ["GUARANTEES.md:1"]);
}

#[test]
fn a_mention_of_another_guarantee_opens_none() {
    assert_eq!(found("## G1\nUnlike G7, `one`.\nG1–G3 belong together.\n"), NONE);
}

#[test]
fn tests_inside_macros_and_with_other_harnesses_count() {
    let text =
        "suite! { #[test] fn one() {} }\n#[tokio::test(flavor = \"x\")]\nasync fn two() {}\n";
    let paper = "## G1\nTests: `one`, `two`\n";
    assert_eq!(fires("guarantees", [("GUARANTEES.md", paper), ("a.rs", text)]), NONE);
}

//! Each rule fires on a bad sample and stays quiet on a good one.
//!
//! Invariant: every sample is a tree made in memory, so no test depends on the state of
//! the project.

mod code;
mod conversions;
mod guarantees;
mod imports;
mod papers;
mod program;

use super::rules::RULES;
use super::tree::Tree;

/// Where the rule `name` fires, as `path:line`.
fn fires<P: Into<String>, T: Into<String>>(
    name: &str,
    files: impl IntoIterator<Item = (P, T)>,
) -> Vec<String> {
    let rule = RULES.iter().find(|rule| rule.name == name);
    let rule = rule.unwrap_or_else(|| panic!("there is no rule `{name}`"));
    let findings = (rule.check)(&Tree::new(files));
    findings.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
}

/// The same for one file of no special place.
fn fires_in(name: &str, text: &str) -> Vec<String> {
    fires(name, [("a.rs", text)])
}

#[test]
fn every_rule_has_a_test() {
    let tests = [
        include_str!("code.rs"),
        include_str!("conversions.rs"),
        include_str!("guarantees.rs"),
        include_str!("imports.rs"),
        include_str!("papers.rs"),
        include_str!("program.rs"),
    ]
    .concat();
    for rule in RULES {
        let tested = tests.contains(&format!("\"{}\"", rule.name));
        assert!(tested, "the rule `{}` has no test", rule.name);
    }
}

#[test]
fn every_rule_says_why() {
    for rule in RULES {
        assert!(rule.reason.len() > 20, "`{}` gives no reason", rule.name);
    }
}

//! Every guarantee of GUARANTEES.md is cited by tests that exist.
//!
//! Invariant: the paper's own form is enough. A guarantee begins at a line that opens
//! with its number, as a heading, a list item or a table's row, and ends at the next. In
//! it, `test_fn` or `module::test_fn` between backticks cites a test. The second form has
//! to be one, wherever it stands; the first too on a line that opens with `Tests:` and on
//! those after it, up to an empty one. "Not yet" and a reason take the place of a test.

use std::collections::BTreeSet;

use proc_macro2::Delimiter;

use crate::tidy::tokens::{self, Cursor};
use crate::tidy::tree::{Finding, SourceFile, Tree};

const PAPER: &str = "GUARANTEES.md";
/// Words that open a citation which must hold.
const CITING: &[&str] = &["Tests:", "Test:", "Tested by", "Proof:", "Cited by"];

pub(super) fn cited(tree: &Tree) -> Vec<Finding> {
    let Some(paper) = tree.get(PAPER) else {
        return vec![Finding { path: PAPER.to_owned(), line: 1, what: "is missing".to_owned() }];
    };
    let tests = Tests::of(tree);
    let guarantees = guarantees(paper);
    let mut findings = gaps(paper, &guarantees);
    for guarantee in &guarantees {
        findings.extend(check(paper, guarantee, &tests));
    }
    findings
}

/// One guarantee and the lines that speak of it.
struct Guarantee<'a> {
    number: usize,
    lines: Vec<(usize, &'a str)>,
}

fn guarantees(paper: &SourceFile) -> Vec<Guarantee<'_>> {
    let mut found: Vec<Guarantee<'_>> = Vec::new();
    let mut inside = false;
    for (at, line) in paper.lines() {
        if let Some(number) = number_of(line) {
            inside = true;
            found.push(Guarantee { number, lines: Vec::new() });
        } else if line.starts_with('#') {
            inside = false;
        }
        if let Some(last) = found.last_mut().filter(|_| inside) {
            last.lines.push((at, line));
        }
    }
    found
}

/// 7 for `## G7`, `- **G7** …`, `| G7 | …`.
fn number_of(line: &str) -> Option<usize> {
    let line = line.trim_start_matches([' ', '#', '-', '*', '|', '[']);
    let digits = line.strip_prefix('G')?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let after = digits[end..].chars().next();
    if after.is_some_and(|c| c.is_alphanumeric() || "_–-".contains(c)) {
        return None;
    }
    digits[..end].parse().ok()
}

fn gaps(paper: &SourceFile, guarantees: &[Guarantee<'_>]) -> Vec<Finding> {
    let numbers: BTreeSet<usize> = guarantees.iter().map(|found| found.number).collect();
    let Some(last) = numbers.last() else {
        return vec![paper.finding(1, "names no guarantee")];
    };
    (1..*last)
        .filter(|number| !numbers.contains(number))
        .map(|number| paper.finding(1, format!("lacks G{number}")))
        .collect()
}

fn check(paper: &SourceFile, guarantee: &Guarantee<'_>, tests: &Tests) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut cites, mut must_hold, mut excused) = (false, false, false);
    for (at, line) in &guarantee.lines {
        let bare = line.trim_start_matches([' ', '-', '*', '_']);
        must_hold |= CITING.iter().any(|word| bare.starts_with(word));
        must_hold &= !line.trim().is_empty();
        excused |= line.to_lowercase().contains("not yet");
        for name in code_spans(line).filter(|name| is_path(name)) {
            if tests.has(name) {
                cites = true;
            } else if must_hold || is_citation(name) {
                findings.push(paper.finding(*at, format!("cites `{name}`, which is no test")));
            }
        }
    }
    if !cites && !excused {
        let (at, number) = (guarantee.lines[0].0, guarantee.number);
        findings.push(paper.finding(at, format!("G{number} is cited by no test")));
    }
    findings
}

fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(span: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    span.split("::").all(part)
}

/// A path of lower-case names, and not one into a crate that users know.
fn is_citation(path: &str) -> bool {
    let crates = ["std::", "core::", "offloop::"];
    path.contains("::")
        && !path.chars().any(char::is_uppercase)
        && !crates.iter().any(|name| path.starts_with(name))
}

/// Where every test function of the tree stands.
struct Tests {
    /// The parts of a path before the function, then the function.
    found: Vec<(BTreeSet<String>, String)>,
}

impl Tests {
    fn of(tree: &Tree) -> Self {
        let mut found = Vec::new();
        for (file, parsed) in tree.parsed() {
            let places = file.path.strip_suffix(".rs").unwrap_or(&file.path);
            let places = places.split('/').map(|part| part.replace('-', "_"));
            let places: Vec<String> = places.collect();
            tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
                if let Some(name) = test_function(cursor) {
                    let place = places.iter().chain(cursor.modules).cloned().collect();
                    found.push((place, name));
                }
            });
        }
        Self { found }
    }

    fn has(&self, path: &str) -> bool {
        let (place, name) = path.rsplit_once("::").unwrap_or(("", path));
        let parts: Vec<&str> = place.split("::").filter(|part| !part.is_empty()).collect();
        self.found
            .iter()
            .any(|(place, test)| test == name && parts.iter().all(|part| place.contains(*part)))
    }
}

/// The name, when the cursor stands on an attribute that makes a function a test.
fn test_function(cursor: &Cursor<'_>) -> Option<String> {
    if cursor.punct(0) != Some('#') {
        return None;
    }
    let attribute = cursor.group(1, Delimiter::Bracket)?.stream().to_string();
    let path = attribute.split('(').next().unwrap_or("").replace(' ', "");
    if path.rsplit("::").next() != Some("test") {
        return None;
    }
    let mut offset = 2;
    // Further attributes, a visibility and `async` may stand between.
    while cursor.ident(offset).as_deref() != Some("fn") {
        let tree = cursor.trees.get(cursor.at + offset)?;
        if tree.to_string() == ";" {
            return None;
        }
        offset += 1;
    }
    cursor.ident(offset + 1)
}

//! Rules on what a file says: its header, and words that mean "not finished".
//!
//! Invariant: the words are put together here from parts, so that this file does not
//! break the rules it states.

use proc_macro2::Delimiter;

use crate::tidy::tokens::{self, Cursor};
use crate::tidy::tree::{Finding, Tree};

const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")];
const MACROS: &[&str] = &["todo", "unimplemented"];

pub(super) fn parses(tree: &Tree) -> Vec<Finding> {
    tree.rust().filter_map(|file| file.parsed().as_ref().err().cloned()).collect()
}

pub(super) fn header(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.finding(1, "does not open with `//! ` and a sentence"))
        .collect()
}

/// Marks in any file, and the macros that stand for missing code.
pub(super) fn unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (line, text) in file.lines() {
            for mark in MARKS.iter().filter(|mark| has_word(text, mark)) {
                findings.push(file.finding(line, format!("has a {mark}")));
            }
        }
    }
    for (file, parsed) in tree.parsed() {
        tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
            let Some(name) = cursor.ident(0) else { return };
            if MACROS.contains(&name.as_str()) && cursor.punct(1) == Some('!') {
                findings.push(file.finding(cursor.line(), format!("calls {name}!")));
            }
        });
    }
    findings
}

/// `ignore` as an attribute (for Miri alone it is allowed: it can't run everything), or
/// on a snippet.
pub(super) fn ignored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, parsed) in tree.parsed() {
        tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
            if cursor.punct(0) != Some('#') {
                return;
            }
            let Some(attribute) = cursor.group(1, Delimiter::Bracket) else {
                return;
            };
            let words = attribute.stream().to_string().replace(' ', "");
            let conditional =
                words.starts_with("cfg_attr(") && !words.starts_with("cfg_attr(miri,");
            if is_ignore(&words) || conditional && words.split([',', ')']).any(is_ignore) {
                findings.push(file.finding(cursor.line(), "ignores a test"));
            }
        });
        for (line, text) in file.lines() {
            let text = text.trim_start();
            let doc = text.strip_prefix("///").or_else(|| text.strip_prefix("//!"));
            let fence = doc.and_then(|doc| doc.trim_start().strip_prefix("```"));
            if fence.is_some_and(|fence| fence.split(',').any(|word| word.trim() == "ignore")) {
                findings.push(file.finding(line, "ignores a snippet"));
            }
        }
    }
    findings
}

fn is_ignore(attribute: &str) -> bool {
    attribute == "ignore" || attribute.starts_with("ignore=")
}

/// Whether `word` stands in `text` with no letter or digit on either side.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

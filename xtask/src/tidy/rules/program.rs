//! The programs `hash_…` are one program: their `App` is that of the one on a plain queue.
//!
//! Invariant: what is compared is text, since readers compare them by `diff`; `new`, and fields behind those
//! that all have, are a loop's own.

use crate::tidy::tree::{Finding, SourceFile, Tree};

const PATTERN: &str = "examples/hash_mpsc.rs";
const FIELDS: &str = "struct App {";
const METHODS: &str = "    /// Here the loop would stand still";

pub(super) fn one(tree: &Tree) -> Vec<Finding> {
    let Some(pattern) = tree.get(PATTERN) else { return Vec::new() };
    let others = tree.rust().filter(|file| file.name().starts_with("hash_"));
    others.filter_map(|file| breach(pattern, file)).collect()
}

/// The first line in which `file` is another program.
fn breach(pattern: &SourceFile, file: &SourceFile) -> Option<Finding> {
    for from in [FIELDS, METHODS] {
        let Some((first, found)) = block(file, from) else {
            return Some(file.finding(1, format!("has no line `{}`", from.trim())));
        };
        let (_, wanted) = block(pattern, from)?;
        let differs = |at: &usize| found.get(*at) != wanted.get(*at);
        let compared = if from == METHODS { wanted.len().max(found.len()) } else { wanted.len() };
        if let Some(at) = (0..compared).find(differs) {
            let wanted = wanted.get(at).map_or("}", |line| line.trim());
            let what = format!("differs from {PATTERN}, which has `{wanted}` here");
            return Some(file.finding(first + at, what));
        }
    }
    None
}

/// The lines from the one that begins with `from`, up to the item's closing brace, and the number of the first.
fn block<'a>(file: &'a SourceFile, from: &str) -> Option<(usize, Vec<&'a str>)> {
    let mut lines = file.lines().skip_while(|(_, line)| !line.starts_with(from)).peekable();
    let first = lines.peek()?.0;
    Some((first, lines.map(|(_, line)| line).take_while(|line| *line != "}").collect()))
}

//! A loop's program before its conversion and after it, and the guide's page that shows what changed.
//!
//! Invariant: a block of the page is what the two files say, and nobody writes it by hand.

#[cfg(test)]
mod tests;

use similar::{ChangeTag, TextDiff};

pub(crate) const PAGE: &str = "crates/offloop/src/guide/loops.md";
/// How many lines of a program a conversion may add, and how many it may take away.
pub(crate) const LIMIT: usize = 5;
/// Lines shown beside those that changed.
const CONTEXT: usize = 2;

/// What changed, as a block of the page shows it.
pub(crate) struct Conversion {
    pub(crate) added: usize,
    pub(crate) removed: usize,
    pub(crate) shown: String,
}

impl Conversion {
    /// Between two files, each a path and a text.
    pub(crate) fn between(before: (&str, &str), after: (&str, &str)) -> Self {
        let diff = TextDiff::from_lines(before.1, after.1);
        let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
        let hunks = diff.grouped_ops(CONTEXT);
        let hunk = |ops: &Vec<_>| -> String {
            let changes = ops.iter().flat_map(|op| diff.iter_changes(op));
            changes.map(|change| format!("{}{}", change.tag(), change.value())).collect()
        };
        let shown: Vec<String> = hunks.iter().map(hunk).collect();
        // Whitespace at the end of a line would be an empty line's context.
        let shown = shown.join("…\n");
        let lines = shown.lines().map(|line| format!("{}\n", line.trim_end()));
        let names = format!("--- {}\n+++ {}\n", before.0, after.0);
        let shown = lines.fold(names, |shown, line| shown + &line);
        Self { added: count(ChangeTag::Insert), removed: count(ChangeTag::Delete), shown }
    }
}

/// A block of the page: the folder that it names, the line of its fence, and what it shows.
pub(crate) struct Block<'a> {
    pub(crate) folder: &'a str,
    pub(crate) line: usize,
    pub(crate) shown: String,
}

impl Block<'_> {
    /// As it stands on the page, with what it is to show.
    pub(crate) fn text(&self, shown: &str) -> String {
        format!("{FENCE}{}\n{shown}```\n", self.folder)
    }
}

const FENCE: &str = "```diff ";

pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut lines = (1..).zip(page.lines());
    let mut blocks = Vec::new();
    while let Some((line, text)) = lines.next() {
        if let Some(folder) = text.strip_prefix(FENCE) {
            let shown = lines.by_ref().map(|(_, text)| text).take_while(|text| *text != "```");
            let shown = shown.map(|text| format!("{text}\n")).collect();
            blocks.push(Block { folder, line, shown });
        }
    }
    blocks
}

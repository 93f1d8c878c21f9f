//! A loop's two programs in `convert/LOOP/`: what differs is small, and the guide's page shows it.
//!
//! Invariant: a folder with such programs is on the page, and a folder on the page has them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::conversions::{Conversion, LIMIT, PAGE, blocks};
use crate::tidy::tree::{Finding, SourceFile, Tree};

#[derive(Default)]
struct Pair<'a> {
    before: Option<&'a SourceFile>,
    after: Option<&'a SourceFile>,
}

impl Pair<'_> {
    fn conversion(&self) -> Option<Conversion> {
        let [before, after] =
            [self.before?, self.after?].map(|file| (file.path.as_str(), file.text.as_str()));
        Some(Conversion::between(before, after))
    }
}

/// The page, with what the programs say now.
pub(in crate::tidy) fn page(tree: &Tree) -> Result<String> {
    let page = tree.get(PAGE).with_context(|| format!("there is no {PAGE}"))?;
    let pairs = pairs(tree);
    let mut text = page.text.clone();
    for block in blocks(&page.text) {
        let conversion = pairs.get(block.folder).and_then(Pair::conversion);
        let conversion = conversion
            .with_context(|| format!("{} has no programs before and after", block.folder))?;
        text = text.replacen(&block.text(&block.shown), &block.text(&conversion.shown), 1);
    }
    Ok(text)
}

pub(super) fn shown(tree: &Tree) -> Vec<Finding> {
    let pairs = pairs(tree);
    let page = tree.get(PAGE);
    let blocks = page.map(|page| blocks(&page.text)).unwrap_or_default();
    let mut findings = Vec::new();
    for (folder, pair) in &pairs {
        let Some(after) = pair.after.or(pair.before) else { continue };
        let Some(conversion) = pair.conversion() else {
            findings.push(after.finding(1, "stands without its other program"));
            continue;
        };
        let (added, removed) = (conversion.added, conversion.removed);
        if added.max(removed) > LIMIT {
            let what =
                format!("adds {added} lines and removes {removed}, at most {LIMIT} are allowed");
            findings.push(after.finding(1, what));
        }
        match blocks.iter().find(|block| block.folder == *folder) {
            None => findings.push(after.finding(1, format!("is not on the page {PAGE}"))),
            Some(block) if block.shown != conversion.shown => {
                let what = format!("does not show what {folder} says: run `cargo xtask convert`");
                findings.extend(page.map(|page| page.finding(block.line, what)));
            }
            Some(_) => {}
        }
    }
    let lost = blocks.iter().filter(|block| !pairs.contains_key(block.folder));
    let what = |folder: &str| format!("shows {folder}, where no programs are");
    findings.extend(lost.filter_map(|it| Some(page?.finding(it.line, what(it.folder)))));
    findings
}

fn pairs(tree: &Tree) -> BTreeMap<&str, Pair<'_>> {
    let mut pairs: BTreeMap<&str, Pair<'_>> = BTreeMap::new();
    for file in tree.files() {
        let Some((folder, name)) = file.path.rsplit_once('/') else { continue };
        let in_convert =
            folder.rsplit_once('/').is_some_and(|(above, _)| above.ends_with("convert"));
        match name.split_once('.').map(|(stem, _)| stem) {
            Some("before") if in_convert => pairs.entry(folder).or_default().before = Some(file),
            Some("after") if in_convert => pairs.entry(folder).or_default().after = Some(file),
            _ => {}
        }
    }
    pairs
}

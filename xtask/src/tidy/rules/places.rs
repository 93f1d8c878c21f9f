//! No file names a folder of one machine, or a registry other than the public one.
//!
//! Invariant: the needles are put together here from parts, so that this file does not
//! break its own rule.

use crate::tidy::tree::{Finding, SourceFile, Tree};

/// Folders which exist on one machine, or mean another thing on each.
const FOLDERS: &[&str] = &[
    concat!("/", "work"),
    concat!("/", "tmp/"),
    concat!("/", "root"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
];

/// What redirects cargo or pip to a registry of somebody's own.
const REDIRECTIONS: &[&str] = &[
    concat!("[source", "."),
    concat!("replace", "-with"),
    concat!("[registr", "ies"),
    concat!("CARGO_REGISTR", "IES_"),
    concat!("CARGO_SOUR", "CE_"),
    concat!("PIP_INDEX", "_URL"),
    concat!("--index", "-url"),
];

/// The only source that a lock file may name.
const PUBLIC_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn neutral(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (line, text) in file.lines() {
            let found = match file.name() {
                "Cargo.lock" => lock_breach(text),
                _ => breach(file, text),
            };
            findings.extend(found.map(|what| file.finding(line, what)));
        }
    }
    findings
}

fn lock_breach(line: &str) -> Option<String> {
    let source = line.strip_prefix("source = ")?.trim_matches('"');
    (source != PUBLIC_SOURCE).then(|| format!("locks a package from {source}"))
}

fn breach(file: &SourceFile, line: &str) -> Option<String> {
    if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
        return Some(format!("names the folder {folder}"));
    }
    if let Some(word) = REDIRECTIONS.iter().find(|word| line.contains(**word)) {
        return Some(format!("redirects a registry: `{word}`"));
    }
    let key = line.split('=').next().unwrap_or("").trim();
    let manifest = file.name().ends_with(".toml");
    (manifest && matches!(key, "registry" | "index")).then(|| "names a registry".to_owned())
}

/// Whether `folder` stands in `line` as an absolute path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let inside_path = |c: char| c.is_alphanumeric() || "./_-}~*>)]".contains(c);
        let longer_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        !before.is_some_and(inside_path)
            && (folder.ends_with('/') || !after.is_some_and(longer_name))
    })
}

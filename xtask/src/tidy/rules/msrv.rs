//! The minimum supported Rust version is stated in the root manifest alone.
//!
//! Invariant: papers may repeat it for readers, as the very same number; no file that a
//! tool reads may.

use super::manifests;
use crate::tidy::tree::{Finding, SourceFile, Tree};

pub(super) fn one_place(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.get("Cargo.toml") else {
        return Vec::new();
    };
    let Some(version) = stated(root) else {
        return vec![root.finding(1, "[workspace.package] states no rust-version")];
    };
    let mut findings = Vec::new();
    for file in tree.files() {
        for (line, text) in file.lines() {
            if let Some(what) = breach(file, text, &version) {
                findings.push(file.finding(line, what));
            }
        }
    }
    findings
}

fn stated(root: &SourceFile) -> Option<String> {
    let manifest = manifests::parse(root)?;
    let version = manifest.get("workspace")?.get("package")?.get("rust-version")?;
    Some(version.as_str()?.to_owned())
}

fn breach(file: &SourceFile, line: &str, version: &str) -> Option<String> {
    let key = line.split('=').next().unwrap_or("").trim();
    match file.name() {
        "Cargo.toml" if key == "rust-version" && file.path != "Cargo.toml" => {
            Some("states a rust-version of its own; write `rust-version.workspace = true`".into())
        }
        "clippy.toml" | ".clippy.toml" if key == "msrv" => {
            Some("states an msrv; clippy reads it from the manifest".into())
        }
        "rust-toolchain" | "rust-toolchain.toml" => Some("pins a toolchain".into()),
        // A changelog tells what was true of each release.
        "CHANGELOG.md" => None,
        name if name.ends_with(".md") => versions_in(line)
            .find(|found| found != version)
            .map(|found| format!("says Rust {found}, the manifest says {version}")),
        _ => None,
    }
}

/// Rust versions that a line of prose states as a requirement.
fn versions_in(line: &str) -> impl Iterator<Item = String> {
    let about_msrv = ["MSRV", "Rust 1.", "rust-version", "minimum supported"]
        .iter()
        .any(|word| line.contains(word));
    let words = line.split(|c: char| !c.is_ascii_digit() && c != '.');
    words
        .map(|word| word.trim_matches('.'))
        .filter(move |word| about_msrv && word.starts_with("1.") && word.len() >= 4)
        .map(str::to_owned)
}

//! The papers that readers look for: README's two commands, a README in every crate.
//!
//! Invariant: a crate is a folder with a manifest and sources; nothing is listed by hand.

use crate::tidy::tree::{Finding, Tree};

/// README's two commands: each entry holds the words of one, in their order.
const COMMANDS: &[(&str, &[&str])] = &[
    ("that runs the main job", &["cargo run", "offloop-cli", "tour"]),
    ("that tests everything", &["cargo xtask ci"]),
];

pub(super) fn present(tree: &Tree) -> Vec<Finding> {
    let mut findings = readmes(tree);
    match tree.get("README.md") {
        None => findings.push(Finding {
            path: "README.md".to_owned(),
            line: 1,
            what: "is missing".to_owned(),
        }),
        Some(readme) => {
            for (what, words) in COMMANDS {
                let shown = readme.lines().any(|(_, line)| in_order(line, words));
                if !shown {
                    let words = words.join(" … ");
                    findings
                        .push(readme.finding(1, format!("lacks the command {what}: `{words}`")));
                }
            }
        }
    }
    findings
}

fn in_order(line: &str, words: &[&str]) -> bool {
    let mut rest = line;
    words.iter().all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn readmes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        let dir = manifest.path.strip_suffix("Cargo.toml").unwrap_or("");
        let has_sources = tree.rust().any(|file| file.path.starts_with(&format!("{dir}src/")));
        if has_sources && tree.get(&format!("{dir}README.md")).is_none() {
            findings.push(manifest.finding(1, "this crate has no README.md"));
        }
    }
    findings
}

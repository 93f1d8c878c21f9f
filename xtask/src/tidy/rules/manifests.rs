//! What every member's manifest inherits from the root.
//!
//! Invariant: members are found by the root's own patterns, those that it excludes apart.

use toml::{Table, Value};

use crate::tidy::tree::{Finding, SourceFile, Tree};

/// Keys that a member takes from the workspace, as table and key.
const INHERITED: &[(&str, &str)] = &[
    ("package", "version"),
    ("package", "edition"),
    ("package", "rust-version"),
    ("package", "license"),
];

pub(super) fn parse(file: &SourceFile) -> Option<Table> {
    file.text.parse().ok()
}

pub(super) fn inherit(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (members, excluded) = (patterns(tree, "members"), patterns(tree, "exclude"));
    for file in tree.manifests() {
        let Some(manifest) = parse(file) else {
            findings.push(file.finding(1, "is no valid TOML"));
            continue;
        };
        let dir = file.path.strip_suffix("/Cargo.toml").unwrap_or("");
        let among = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, dir));
        if !among(&members) || among(&excluded) {
            continue;
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&true.into()) {
            findings.push(file.finding(1, "lacks `[lints] workspace = true`"));
        }
        for (table, key) in INHERITED {
            let value = manifest.get(*table).and_then(|table| table.get(*key));
            let inherited = value.and_then(|value| value.get("workspace"));
            if inherited.and_then(Value::as_bool) != Some(true) {
                let what = format!("[{table}] lacks `{key}.workspace = true`");
                findings.push(file.finding(line_of(file, key), what));
            }
        }
    }
    findings
}

/// In the README of each adapter: of which library it is, from which version on.
pub(super) fn versions(tree: &Tree) -> Vec<Finding> {
    let root = tree.get("Cargo.toml").and_then(parse).unwrap_or_default();
    let shared = root.get("workspace").and_then(|table| table.get("dependencies"));
    let mut findings = Vec::new();
    for file in tree.manifests().filter(|file| file.path.starts_with("adapters/")) {
        let Some(readme) = tree.get(&file.path.replace("Cargo.toml", "README.md")) else {
            continue;
        };
        let manifest = parse(file).unwrap_or_default();
        let own = manifest.get("dependencies").and_then(Value::as_table).into_iter().flatten();
        let named = own.filter(|(name, _)| *name != "offloop").filter_map(|(name, value)| {
            let inherits = value.get("workspace").is_some();
            let value = if inherits { shared?.get(name)? } else { value };
            let version = value.as_str().or_else(|| value.get("version")?.as_str())?;
            Some(format!("{name} {version}"))
        });
        let named: Vec<String> = named.collect();
        if !named.is_empty() && !named.iter().any(|named| readme.text.contains(named)) {
            findings.push(readme.finding(1, format!("says none of `{}`", named.join("`, `"))));
        }
    }
    findings
}

fn patterns(tree: &Tree, key: &str) -> Vec<String> {
    let root = tree.get("Cargo.toml").and_then(parse).unwrap_or_default();
    let patterns = root.get("workspace").and_then(|table| table.get(key));
    let patterns = patterns.and_then(Value::as_array).into_iter().flatten();
    patterns.filter_map(|pattern| pattern.as_str().map(str::to_owned)).collect()
}

/// Cargo's patterns as this workspace uses them: `*` is any one part of a path.
fn matches(pattern: &str, dir: &str) -> bool {
    let (wanted, parts): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), dir.split('/').collect());
    wanted.len() == parts.len()
        && wanted.iter().zip(&parts).all(|(wanted, part)| *wanted == "*" || wanted == part)
}

fn line_of(file: &SourceFile, key: &str) -> usize {
    file.lines().find(|(_, line)| line.starts_with(key)).map_or(1, |(line, _)| line)
}

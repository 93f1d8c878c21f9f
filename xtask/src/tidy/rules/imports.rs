//! The direction of imports between the stages of the library.
//!
//! Invariant: a name that `lib.rs` re-exports counts as its stage, so `crate::Call` is
//! no way round the rule; modules of tests and loom models are free.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream};
use syn::UseTree;

use crate::tidy::tokens::{self, Cursor};
use crate::tidy::tree::{Finding, Parsed, SourceFile, Tree};

const ROOT: &str = "crates/offloop/src/";
/// In the order of a call's way.
const STAGES: &[&str] = &["submit", "execute", "complete", "deliver"];
const TEST_MODULES: &[&str] = &["tests", "loom"];

/// `lib.rs` declares the stages, each in a line of `mod`, in their order.
pub(super) fn order(tree: &Tree) -> Vec<Finding> {
    let Some((file, parsed)) = tree.parsed().find(|(file, _)| is_root(file)) else {
        return Vec::new();
    };
    let declared: Vec<(String, usize)> = parsed
        .items
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) => {
                Some((module.ident.to_string(), module.ident.span().start().line))
            }
            _ => None,
        })
        .filter(|(name, _)| stage(name).is_some())
        .collect();
    let mut findings = Vec::new();
    for name in STAGES {
        if declared.iter().all(|(found, _)| found != name) {
            findings.push(file.finding(1, format!("declares no stage `{name}`")));
        }
    }
    for pair in declared.windows(2) {
        let [(left, _), (right, line)] = pair else {
            continue;
        };
        if stage(left) > stage(right) {
            let what = format!("declares `{right}` after `{left}`");
            findings.push(file.finding(*line, what));
        }
    }
    findings
}

pub(super) fn direction(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = tree.parsed().find(|(file, _)| is_root(file));
    let exports = root.map_or_else(Exports::default, |(_, parsed)| Exports::of(parsed));
    for (file, parsed) in tree.parsed() {
        let Some(modules) = module_path(file) else {
            continue;
        };
        if is_root(file) || is_test(&modules) {
            continue;
        }
        for import in imports(parsed, &modules) {
            if let Some(what) = breach(&modules, &import, &exports) {
                findings.push(file.finding(import.line, what));
            }
        }
    }
    findings
}

fn breach(modules: &[String], import: &Import, exports: &Exports) -> Option<String> {
    let target = exports.stage_of(&import.path)?;
    let path = format!("crate::{}", import.path.join("::"));
    let own = modules.first().and_then(|name| stage(name));
    match own {
        Some(own) if own <= target => None,
        Some(own) => Some(format!(
            "`{}` imports `{path}` of `{}`, which stands to its left",
            STAGES[own], STAGES[target]
        )),
        None => Some(format!(
            "a shared file imports `{path}` of the stage `{}`; shared files import no stage",
            STAGES[target]
        )),
    }
}

fn stage(name: &str) -> Option<usize> {
    STAGES.iter().position(|stage| *stage == name)
}

fn is_root(file: &SourceFile) -> bool {
    file.path.strip_prefix(ROOT) == Some("lib.rs")
}

fn is_test(modules: &[String]) -> bool {
    modules.iter().any(|module| TEST_MODULES.contains(&module.as_str()))
}

/// `execute/threads/mod.rs` is the module `execute::threads`.
fn module_path(file: &SourceFile) -> Option<Vec<String>> {
    let path = file.path.strip_prefix(ROOT)?.strip_suffix(".rs")?;
    let mut modules: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(modules.last()?.as_str(), "mod" | "lib") {
        modules.pop();
    }
    Some(modules)
}

/// A path from the root of the crate, as some line of a file uses it.
struct Import {
    path: Vec<String>,
    line: usize,
}

/// All paths of a file that begin with `crate`, `super` or `self`, in macros too.
fn imports(parsed: &Parsed, file_modules: &[String]) -> Vec<Import> {
    let mut found = Vec::new();
    tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
        let in_path = cursor.at >= 2 && cursor.trees[..cursor.at].ends_with_separator();
        let in_visibility = cursor.ident_before().is_some_and(|word| word == "in");
        if in_path || in_visibility || is_test(cursor.modules) {
            return;
        }
        let here = [file_modules, cursor.modules].concat();
        let base = match cursor.ident(0).as_deref() {
            Some("crate") => Vec::new(),
            Some("self") => here,
            Some("super") => here.split_last().map_or(Vec::new(), |(_, up)| up.to_vec()),
            _ => return,
        };
        if cursor.is_path_separator(1) {
            follow(cursor, 3, base, &mut found);
        }
    });
    found
}

/// Follows a path from `offset` on, into every branch of its braces.
fn follow(cursor: &Cursor<'_>, offset: usize, mut path: Vec<String>, found: &mut Vec<Import>) {
    let line = cursor.line();
    if let Some(group) = cursor.group(offset, Delimiter::Brace) {
        branches(group.stream(), &path, found);
        return;
    }
    match cursor.ident(offset).as_deref() {
        Some("super") => drop(path.pop()),
        Some("self") => {}
        Some(name) => path.push(name.to_owned()),
        None => {
            if cursor.punct(offset) == Some('*') {
                path.push("*".to_owned());
            }
            found.push(Import { path, line });
            return;
        }
    }
    if cursor.is_path_separator(offset + 1) {
        follow(cursor, offset + 3, path, found);
    } else {
        found.push(Import { path, line });
    }
}

fn branches(stream: TokenStream, path: &[String], found: &mut Vec<Import>) {
    let trees: Vec<_> = stream.into_iter().collect();
    let is_comma = |tree: &proc_macro2::TokenTree| tree.to_string() == ",";
    for branch in trees.split(is_comma).filter(|branch| !branch.is_empty()) {
        let cursor = Cursor { trees: branch, at: 0, modules: &[] };
        follow(&cursor, 0, path.to_vec(), found);
    }
}

trait EndsWithSeparator {
    fn ends_with_separator(&self) -> bool;
}

impl EndsWithSeparator for [proc_macro2::TokenTree] {
    fn ends_with_separator(&self) -> bool {
        let [.., first, second] = self else {
            return false;
        };
        first.to_string() == ":" && second.to_string() == ":"
    }
}

/// Which stage each name comes from that `lib.rs` puts at the root.
#[derive(Default)]
struct Exports {
    stages: BTreeMap<String, usize>,
}

impl Exports {
    fn of(root: &Parsed) -> Self {
        let mut exports = Self::default();
        for item in &root.items.items {
            if let syn::Item::Use(item) = item {
                exports.add(&item.tree, None);
            }
        }
        exports
    }

    fn add(&mut self, tree: &UseTree, from: Option<usize>) {
        match tree {
            UseTree::Path(path) => {
                let name = path.ident.to_string();
                self.add(&path.tree, from.or_else(|| stage(&name)));
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add(tree, from);
                }
            }
            UseTree::Name(name) => self.insert(name.ident.to_string(), from),
            UseTree::Rename(rename) => self.insert(rename.rename.to_string(), from),
            UseTree::Glob(_) => self.insert("*".to_owned(), from),
        }
    }

    fn insert(&mut self, name: String, from: Option<usize>) {
        if let Some(stage) = from {
            self.stages.insert(name, stage);
        }
    }

    /// The stage that a path from the root leads into. A glob of the root may bring in
    /// any stage, hence counts as the leftmost.
    fn stage_of(&self, path: &[String]) -> Option<usize> {
        let first = path.first()?;
        if first == "*" {
            return Some(0);
        }
        stage(first).or_else(|| self.stages.get(first).copied())
    }
}

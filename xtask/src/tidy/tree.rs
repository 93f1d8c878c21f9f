//! The files that the rules look at: what git tracks, and what it would track.
//!
//! Invariant: ignored files are never read, so build products break no rule.

use std::cell::OnceCell;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::TokenStream;

use crate::cmd::Cmd;

/// All text files, with paths relative to the root and `/` between the parts.
pub(super) struct Tree {
    files: Vec<SourceFile>,
}

/// One text file. Rust is parsed once, when the first rule asks.
pub(super) struct SourceFile {
    pub(super) path: String,
    pub(super) text: String,
    parsed: OnceCell<Result<Parsed, Finding>>,
}

/// A Rust file in both forms that rules need: as tokens, which show what stands inside
/// macros too, and as items.
pub(super) struct Parsed {
    pub(super) tokens: TokenStream,
    pub(super) items: syn::File,
}

/// A breach of a rule. Lines count from one.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) what: String,
}

impl Tree {
    /// Reads what `git ls-files` names; bytes that are no UTF-8 are no text.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let listed = Cmd::new("git")
            .dir(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .stdout()
            .context("the house rules need git to list the project's files")?;
        let mut paths: Vec<&str> = listed.split_terminator('\0').collect();
        paths.sort_unstable();
        paths.dedup();
        let read = |path| Some((path, fs::read_to_string(root.join(path)).ok()?));
        Ok(Self::new(paths.into_iter().filter_map(read)))
    }

    pub(super) fn new<P, T>(files: impl IntoIterator<Item = (P, T)>) -> Self
    where
        P: Into<String>,
        T: Into<String>,
    {
        let file = |(path, text): (P, T)| SourceFile {
            path: path.into(),
            text: text.into(),
            parsed: OnceCell::new(),
        };
        Self { files: files.into_iter().map(file).collect() }
    }

    pub(super) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    pub(super) fn get(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The Rust files that parse; the rule `parses` reports the others.
    pub(super) fn parsed(&self) -> impl Iterator<Item = (&SourceFile, &Parsed)> {
        self.rust().filter_map(|file| Some((file, file.parsed().as_ref().ok()?)))
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.name() == "Cargo.toml")
    }
}

impl SourceFile {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    /// Lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub(super) fn parsed(&self) -> &Result<Parsed, Finding> {
        self.parsed.get_or_init(|| {
            let error = |error: &dyn std::fmt::Display, line| {
                self.finding(line, format!("does not parse: {error}"))
            };
            let tokens: TokenStream = self
                .text
                .parse()
                .map_err(|found: proc_macro2::LexError| error(&found, found.span().start().line))?;
            let items = syn::parse2(tokens.clone())
                .map_err(|found| error(&found, found.span().start().line))?;
            Ok(Parsed { tokens, items })
        })
    }
}

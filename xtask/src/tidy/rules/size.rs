//! Rules on size: lines of a file, lines of a function.
//!
//! Invariant: a function's lines run from its signature to its closing brace; its docs
//! and attributes are free.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::tree::{Finding, Tree};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

pub(super) fn files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            let what = format!("has {lines} lines, more than {FILE_LINES}");
            findings.push(file.finding(FILE_LINES + 1, what));
        }
    }
    findings
}

pub(super) fn functions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, parsed) in tree.parsed() {
        let mut measure = Measure::default();
        measure.visit_file(&parsed.items);
        for (name, first, last) in measure.functions {
            let lines = last + 1 - first;
            if lines > FUNCTION_LINES {
                let what = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES}");
                findings.push(file.finding(first, what));
            }
        }
    }
    findings
}

/// Collects each function's name, first and last line.
#[derive(Default)]
struct Measure {
    functions: Vec<(String, usize, usize)>,
}

impl Measure {
    fn add(&mut self, signature: &syn::Signature, end: Span) {
        let first = signature.span().start().line;
        let name = signature.ident.to_string();
        self.functions.push((name, first, end.end().line));
    }
}

impl<'ast> Visit<'ast> for Measure {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

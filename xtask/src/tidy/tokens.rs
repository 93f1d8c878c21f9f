//! Walks the tokens of a file, those inside macro calls included, which a walk over
//! items would pass by.
//!
//! Invariant: doc comments are literals here, so words in prose never count as code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Where a walk stands: the token, its right-hand neighbours, the inline modules around.
pub(super) struct Cursor<'a> {
    pub(super) trees: &'a [TokenTree],
    pub(super) at: usize,
    pub(super) modules: &'a [String],
}

impl<'a> Cursor<'a> {
    pub(super) fn ident(&self, offset: usize) -> Option<String> {
        ident(self.trees.get(self.at + offset)?)
    }

    pub(super) fn punct(&self, offset: usize) -> Option<char> {
        match self.trees.get(self.at + offset)? {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        }
    }

    pub(super) fn group(&self, offset: usize, delimiter: Delimiter) -> Option<&'a Group> {
        match self.trees.get(self.at + offset)? {
            TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
            _ => None,
        }
    }

    /// The identifier just before, if there is one.
    pub(super) fn ident_before(&self) -> Option<String> {
        ident(self.trees.get(self.at.checked_sub(1)?)?)
    }

    pub(super) fn is_path_separator(&self, offset: usize) -> bool {
        self.punct(offset) == Some(':') && self.punct(offset + 1) == Some(':')
    }

    pub(super) fn line(&self) -> usize {
        self.trees[self.at].span().start().line
    }
}

fn ident(tree: &TokenTree) -> Option<String> {
    match tree {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

/// Calls `visit` at every token, in the order of the text.
pub(super) fn walk(stream: &TokenStream, visit: &mut dyn FnMut(&Cursor<'_>)) {
    walk_in(stream, &mut Vec::new(), visit);
}

fn walk_in(stream: &TokenStream, modules: &mut Vec<String>, visit: &mut dyn FnMut(&Cursor<'_>)) {
    let trees: Vec<TokenTree> = stream.clone().into_iter().collect();
    for at in 0..trees.len() {
        let cursor = Cursor { trees: &trees, at, modules };
        visit(&cursor);
        let TokenTree::Group(group) = &trees[at] else {
            continue;
        };
        match module_name(&trees[..at]) {
            Some(name) if group.delimiter() == Delimiter::Brace => {
                modules.push(name);
                walk_in(&group.stream(), modules, visit);
                modules.pop();
            }
            _ => walk_in(&group.stream(), modules, visit),
        }
    }
}

/// The name in `mod name`, when these tokens end so.
fn module_name(before: &[TokenTree]) -> Option<String> {
    let [.., keyword, name] = before else {
        return None;
    };
    (ident(keyword)? == "mod").then(|| ident(name))?
}

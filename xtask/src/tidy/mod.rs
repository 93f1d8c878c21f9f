//! The house rules, held by a program instead of by reviewers.
//!
//! Invariant: every failure names the file, the line, the rule and the rule's reason,
//! so that whoever meets one needs to read nothing else.

mod rules;
mod tokens;
mod tree;

#[cfg(test)]
mod tests;

use std::fs;

use anyhow::{Context, Result, bail};

use self::rules::RULES;
use self::tree::{Finding, Tree};
use crate::conversions::PAGE;
use crate::workspace::Workspace;

pub(crate) fn command(workspace: &Workspace, _args: &[String]) -> Result<()> {
    println!("tidy: {}", check(workspace)?);
    Ok(())
}

/// Makes the guide's page of conversions anew.
pub(crate) fn convert(workspace: &Workspace, _args: &[String]) -> Result<()> {
    let page = rules::conversions::page(&Tree::load(&workspace.root)?)?;
    fs::write(workspace.root.join(PAGE), page).with_context(|| format!("{PAGE} can't be written"))
}

/// Applies every rule to every file; gives a count for the summary.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let tree = Tree::load(&workspace.root)?;
    let mut failures = 0;
    for rule in RULES {
        for Finding { path, line, what } in (rule.check)(&tree) {
            println!("{path}:{line}: {what}");
            println!("    rule `{}`: {}", rule.name, rule.reason);
            failures += 1;
        }
    }
    if failures > 0 {
        bail!("{failures} breaches of the house rules, listed above");
    }
    Ok(format!("{} rules, {} files", RULES.len(), tree.files().len()))
}

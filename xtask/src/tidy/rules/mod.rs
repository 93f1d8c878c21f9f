//! The rules, in one table.
//!
//! Invariant: a rule looks at a `Tree` and nothing else, so each can be shown a sample.

pub(super) mod conversions;
mod guarantees;
mod imports;
mod manifests;
mod msrv;
mod papers;
mod places;
mod program;
mod size;
mod text;
mod unsafety;

use super::tree::{Finding, Tree};

/// One house rule and why it exists.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    pub(super) check: fn(&Tree) -> Vec<Finding>,
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "parses",
        reason: "a file that does not parse is hidden from every other rule",
        check: text::parses,
    },
    Rule {
        name: "header",
        reason: "a reader learns from the first line what a file is and what always holds in it",
        check: text::header,
    },
    Rule {
        name: "file-lines",
        reason: "a file is read in one sitting; a longer one has two subjects, so split it by subject",
        check: size::files,
    },
    Rule {
        name: "function-lines",
        reason: "a function is seen at a glance; a longer one has steps that want names",
        check: size::functions,
    },
    Rule {
        name: "stage-order",
        reason: "lib.rs lists the stages in the order of a call's way, so the modules read as the line does",
        check: imports::order,
    },
    Rule {
        name: "stage-imports",
        reason: "a stage knows only what comes after it, so a reader of the line never jumps back",
        check: imports::direction,
    },
    Rule {
        name: "guarantees",
        reason: "a promise without a test is a hope; a citation of no test is worse",
        check: guarantees::cited,
    },
    Rule {
        name: "msrv",
        reason: "a number that stands in two places is wrong in one of them",
        check: msrv::one_place,
    },
    Rule {
        name: "unfinished",
        reason: "what is not done is not there; plans live outside the tree",
        check: text::unfinished,
    },
    Rule {
        name: "ignored",
        reason: "a test or snippet that is not run proves nothing",
        check: text::ignored,
    },
    Rule {
        name: "unsafe",
        reason: "unsafe code is read in few places, each made for it and named in one table",
        check: unsafety::allowed,
    },
    Rule {
        name: "unsafe-count",
        reason: "who weighs the library by its unsafe code reads the count in README, so it is true",
        check: unsafety::counted,
    },
    Rule {
        name: "places",
        reason: "the project must build anywhere, so it names no machine's folders or registries",
        check: places::neutral,
    },
    Rule {
        name: "one-program",
        reason: "two loops are compared by a diff of their programs, which shows the loops and nothing else",
        check: program::one,
    },
    Rule {
        name: "conversions",
        reason: "a page that says how little a conversion changes shows what the programs say",
        check: conversions::shown,
    },
    Rule {
        name: "papers",
        reason: "a reader must find what the crate is, and the two commands, where they look first",
        check: papers::present,
    },
    Rule {
        name: "manifests",
        reason: "lints and versions are decided once for all crates",
        check: manifests::inherit,
    },
    Rule {
        name: "versions",
        reason: "who looks for an adapter asks first whether it is for the version that they have",
        check: manifests::versions,
    },
];

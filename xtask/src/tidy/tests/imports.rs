//! Rules on the stages of the library.

use super::fires;

const NONE: [&str; 0] = [];
const LIB: &str = "crates/offloop/src/lib.rs";
const IN_ORDER: &str = "//! a\nmod submit;\n\nmod execute;\n\nmod complete;\n\nmod deliver;\n\
                        pub use submit::{Call, Offloop as Off};\npub use deliver::Turn;\n\
                        pub use failure::Failure;\n";

#[test]
fn stages_are_declared_in_their_order() {
    assert_eq!(fires("stage-order", [(LIB, IN_ORDER)]), NONE);
    let swapped = "mod submit;\nmod complete;\nmod execute;\nmod deliver;\n";
    assert_eq!(fires("stage-order", [(LIB, swapped)]), [format!("{LIB}:3")]);
    let missing = "mod submit;\nmod execute;\nmod complete;\n";
    assert_eq!(fires("stage-order", [(LIB, missing)]), [format!("{LIB}:1")]);
}

/// Whether `text`, at `path` in the library, breaks the rule.
fn breaks(path: &str, text: &str) -> bool {
    let path = format!("crates/offloop/src/{path}");
    let files = [(LIB.to_owned(), IN_ORDER.to_owned()), (path, text.to_owned())];
    !fires("stage-imports", files).is_empty()
}

#[test]
fn a_stage_imports_itself_and_those_to_its_right() {
    assert!(!breaks("submit/call.rs", "use crate::deliver::Inbox;"));
    assert!(!breaks("execute/mod.rs", "use crate::complete::{cell::Cell, Outcome};"));
    assert!(!breaks("execute/mod.rs", "use crate::execute::pool;"));
    assert!(!breaks("deliver/mod.rs", "use crate::failure::Failure;"));
    assert!(!breaks("deliver.rs", "use std::mem; use super::failure::Failure;"));
}

#[test]
fn an_import_of_a_stage_to_the_left_is_found() {
    assert!(breaks("execute/mod.rs", "use crate::submit::Call;"));
    assert!(breaks("deliver.rs", "use crate::complete;"));
    assert!(breaks("execute/threads/worker.rs", "use crate::submit::call::Call;"));
}

#[test]
fn the_finding_names_file_and_line() {
    let files = [
        (LIB, IN_ORDER),
        ("crates/offloop/src/deliver/turn.rs", "//! a\n\nuse crate::submit::Call;\n"),
    ];
    let found = fires("stage-imports", files);
    assert_eq!(found, ["crates/offloop/src/deliver/turn.rs:3"]);
}

#[test]
fn every_branch_of_a_use_is_followed() {
    assert!(breaks("deliver.rs", "use crate::{failure::Failure, submit::{Call, Ticket}};"));
    assert!(breaks("deliver.rs", "use crate::{failure, complete::cell};"));
    assert!(!breaks("submit.rs", "use crate::{failure, complete::{cell, self}};"));
}

#[test]
fn paths_inside_code_and_macros_count() {
    assert!(breaks("deliver.rs", "fn f() { crate::submit::refuse(); }"));
    assert!(breaks("deliver.rs", "fn f() { assert!(crate::submit::refuse() == 1); }"));
    assert!(breaks("deliver.rs", "fn f(a: Vec<crate::complete::Cell>) {}"));
}

#[test]
fn relative_paths_are_resolved() {
    assert!(breaks("deliver/turn.rs", "use super::super::submit::Call;"));
    assert!(breaks("deliver/mod.rs", "use super::submit::Call;"));
    assert!(breaks("deliver.rs", "mod a { use super::super::submit::Call; }"));
    assert!(!breaks("deliver/turn.rs", "use super::submit::Own;"));
    assert!(!breaks("execute/mod.rs", "use self::submit::Own;"));
}

#[test]
fn names_at_the_root_count_as_their_stage() {
    assert!(breaks("execute/mod.rs", "use crate::Call;"));
    assert!(breaks("execute/mod.rs", "use crate::{Failure, Off};"));
    assert!(breaks("execute/mod.rs", "use crate::*;"));
    assert!(!breaks("execute/mod.rs", "use crate::{Failure, Turn};"));
}

#[test]
fn shared_files_import_no_stage() {
    assert!(breaks("failure.rs", "use crate::deliver::Turn;"));
    assert!(breaks("sys/fork.rs", "use crate::complete::Cell;"));
    assert!(breaks("failure.rs", "use crate::Turn;"));
    assert!(!breaks("failure.rs", "use crate::sync::Arc;"));
}

#[test]
fn a_visibility_is_no_import() {
    assert!(!breaks("deliver/turn.rs", "pub(in crate::deliver) fn f() {} pub(crate) fn g() {}"));
    assert!(!breaks("failure.rs", "pub(in crate::submit) fn f() {}"));
}

#[test]
fn tests_and_models_are_free() {
    assert!(!breaks("deliver/tests.rs", "use crate::submit::Call;"));
    assert!(!breaks("deliver/loom.rs", "use crate::submit::Call;"));
    assert!(!breaks("deliver.rs", "mod tests { use crate::submit::Call; }"));
    assert!(!breaks("deliver.rs", "mod loom { fn f() { crate::submit::refuse() } }"));
}

#[test]
fn the_library_file_itself_and_other_crates_are_free() {
    let text = "use crate::submit::Call;\nmod deliver;\n";
    assert_eq!(fires("stage-imports", [(LIB, text)]), NONE);
    assert_eq!(fires("stage-imports", [("crates/other/src/deliver.rs", text)]), NONE);
}

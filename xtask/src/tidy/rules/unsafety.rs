//! Where unsafe code may stand, and how much of it README says there is.
//!
//! Invariant: the table below is the whole list; an entry whose file has no unsafe code
//! any more is a breach too.

use std::collections::BTreeMap;

use proc_macro2::Delimiter;

use crate::tidy::tokens::{self, Cursor};
use crate::tidy::tree::{Finding, Tree};

/// The files made for unsafe code, and what each needs it for.
const ALLOWED: &[(&str, &str)] = &[
    ("bench/src/alloc.rs", "counting allocations takes an allocator of the program's own"),
    (
        "crates/offloop/src/complete/cell/content.rs",
        "a result is written on one thread and read once on another",
    ),
    (
        "crates/offloop/src/complete/cell/mod.rs",
        "a call is one counted allocation, and stands in two lines by links of its own",
    ),
    (
        "crates/offloop/src/complete/cell/decide.rs",
        "whoever wins the decision is the one that may touch the job and the result",
    ),
    (
        "crates/offloop/src/complete/cell/hands.rs",
        "the hands that share a cell free it, the last one alone",
    ),
    (
        "crates/offloop/src/complete/cell/shown.rs",
        "a worker's call is shown to others without a count, so that a run costs none",
    ),
    (
        "crates/offloop/src/deliver/queue.rs",
        "completions are linked from many threads without a lock",
    ),
    (
        "crates/offloop/src/keyed.rs",
        "keys that are not `Send` lie beside those that are, and stay on the loop thread",
    ),
    ("crates/offloop/src/recycle/mod.rs", "the memory of a box goes to the next box of its layout"),
    (
        "crates/offloop/tests/key_memory.rs",
        "counting allocations takes an allocator of the program's own",
    ),
    (
        "crates/offloop/src/sys/fork.rs",
        "noticing a fork without a system call takes a page that the kernel wipes",
    ),
    (
        "crates/offloop/tests/process/ignore.rs",
        "a test makes the system reap the worker processes, which takes a change of a signal",
    ),
    (
        "crates/offloop/src/sys/process/arena.rs",
        "two processes share memory, which is mapped and reached by its address",
    ),
    (
        "crates/offloop/src/sys/process/region.rs",
        "two processes share memory, which is mapped and handed over as a whole",
    ),
    (
        "examples/untrusted/jpeg.rs",
        "an example decodes pictures with a library that is written in C",
    ),
    (
        "crates/offloop/src/sys/process/clean.rs",
        "a worker sets signals and closes descriptors that it did not open",
    ),
    (
        "integrations/c/src/abi.rs",
        "what C calls takes pointers, and has names that no other function may have",
    ),
    (
        "integrations/c/src/foreign.rs",
        "functions and pointers of C are called and read, each by the one value that owns it",
    ),
    (
        "integrations/c/src/run.rs",
        "callbacks for C are given boxes, and functions of C are called with what they take",
    ),
    ("integrations/c/tests/it/rig.rs", "a test calls the ABI as C does, and is called by it"),
];

pub(super) fn allowed(tree: &Tree) -> Vec<Finding> {
    let mut first_use: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, parsed) in tree.parsed() {
        tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
            if cursor.ident(0).is_some_and(|word| word == "unsafe") {
                first_use.entry(&file.path).or_insert(cursor.line());
            }
        });
    }
    let mut findings = Vec::new();
    for file in tree.rust() {
        let listed = ALLOWED.iter().any(|(path, _)| *path == file.path);
        match first_use.get(file.path.as_str()) {
            Some(line) if !listed => findings.push(file.finding(*line, "has unsafe code")),
            None if listed => findings.push(
                file.finding(1, "has no unsafe code, so its entry in the rule's table must go"),
            ),
            _ => {}
        }
    }
    findings
}

/// The library's sources, of which README speaks.
const COUNTED: &str = "crates/offloop/src/";
/// How README's line begins.
const FACT: &str = "- **Unsafe**:";

/// README's count of the library's unsafe blocks and impls.
pub(super) fn counted(tree: &Tree) -> Vec<Finding> {
    let Some(readme) = tree.get("README.md") else { return Vec::new() };
    let (mut blocks, mut impls) = (0, 0);
    for (_, parsed) in tree.parsed().filter(|(file, _)| file.path.starts_with(COUNTED)) {
        tokens::walk(&parsed.tokens, &mut |cursor: &Cursor<'_>| {
            if cursor.ident(0).is_some_and(|word| word == "unsafe") {
                blocks += usize::from(cursor.group(1, Delimiter::Brace).is_some());
                impls += usize::from(cursor.ident(1).is_some_and(|word| word == "impl"));
            }
        });
    }
    let fact = format!("{FACT} {blocks} blocks and {impls} `unsafe impl`s");
    let (line, said) = readme.lines().find(|(_, text)| text.starts_with(FACT)).unwrap_or((1, ""));
    if blocks + impls == 0 && said.is_empty() || said.starts_with(&fact) {
        return Vec::new();
    }
    vec![readme.finding(line, format!("does not say `{fact}`"))]
}

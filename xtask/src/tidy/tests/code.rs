//! Rules on Rust files.

use super::{fires, fires_in};

const NONE: [&str; 0] = [];

#[test]
fn a_file_that_does_not_parse_is_reported_at_its_line() {
    assert_eq!(fires_in("parses", "//! a\nfn main() {\n"), ["a.rs:2"]);
    assert_eq!(fires_in("parses", "//! a\n\nfn f() -> {}\n"), ["a.rs:3"]);
    assert_eq!(fires_in("parses", "//! a\nfn main() {}\n"), NONE);
}

#[test]
fn a_file_opens_with_its_header() {
    assert_eq!(fires_in("header", "fn main() {}\n"), ["a.rs:1"]);
    assert_eq!(fires_in("header", "#![no_std]\n//! late\n"), ["a.rs:1"]);
    assert_eq!(fires_in("header", ""), ["a.rs:1"]);
    assert_eq!(fires_in("header", "//! a\n"), NONE);
    assert_eq!(fires("header", [("notes.md", "no Rust")]), NONE);
}

#[test]
fn a_file_of_400_lines_is_the_longest() {
    let lines = |count| "//! a\n".repeat(count);
    assert_eq!(fires_in("file-lines", &lines(401)), ["a.rs:401"]);
    assert_eq!(fires_in("file-lines", &lines(400)), NONE);
}

/// A function whose signature and body take `lines` lines, docs not counted.
fn function(lines: usize) -> String {
    let body = "    step();\n".repeat(lines - 2);
    format!("/// Docs.\n/// More docs.\nfn long() {{\n{body}}}\n")
}

#[test]
fn a_function_of_60_lines_is_the_longest() {
    assert_eq!(fires_in("function-lines", &function(61)), ["a.rs:3"]);
    assert_eq!(fires_in("function-lines", &function(60)), NONE);
}

#[test]
fn functions_inside_others_are_measured_too() {
    let within = |open: &str, close: &str| format!("{open}{}{close}", function(61));
    for (open, close) in
        [("impl A {\n", "}\n"), ("trait A {\n", "}\n"), ("mod a { mod b {\n", "}}\n")]
    {
        assert_eq!(fires_in("function-lines", &within(open, close)), ["a.rs:4"]);
    }
    let nested = within("fn outer() {\n", "}\n");
    assert_eq!(fires_in("function-lines", &nested), ["a.rs:1", "a.rs:4"]);
}

#[test]
fn a_signature_counts_from_its_first_line() {
    let long = "fn f(\n    a: u8,\n) {\n".to_owned() + &"    step();\n".repeat(57) + "}\n";
    assert_eq!(fires_in("function-lines", &long), ["a.rs:1"]);
}

#[test]
fn marks_of_unfinished_work_are_found_in_any_file() {
    for mark in [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")] {
        let text = format!("fine\nsee {mark}: later\n");
        assert_eq!(fires("unfinished", [("a.md", text)]), ["a.md:2"]);
    }
    assert_eq!(fires("unfinished", [("a.md", "TODOS and XXXL\n")]), NONE);
}

#[test]
fn macros_for_missing_code_are_found_in_macros_too() {
    let todo = concat!("to", "do!()");
    let text = format!("fn f() {{ {todo} }}\nfn g() {{ assert!({{ {todo} }}) }}\n");
    assert_eq!(fires_in("unfinished", &text), ["a.rs:1", "a.rs:2"]);
    assert_eq!(fires_in("unfinished", "fn f() { unimplemented!(\"no\") }"), ["a.rs:1"]);
    assert_eq!(fires_in("unfinished", "//! todo!() in prose\nfn todo() {}\n"), NONE);
}

#[test]
fn ignored_tests_are_found() {
    for attribute in [
        "ignore",
        "ignore = \"slow\"",
        "cfg_attr(windows, ignore)",
        "cfg_attr(windows, ignore = \"slow\")",
    ] {
        let text = format!("#[test]\n#[{attribute}]\nfn t() {{}}\n");
        assert_eq!(fires_in("ignored", &text), ["a.rs:2"], "{attribute}");
    }
    assert_eq!(fires_in("ignored", "macro_rules! m { () => { #[ignore] fn t() {} } }"), ["a.rs:1"]);
}

#[test]
fn what_miri_cannot_run_may_be_left_out_there() {
    let text = "#[test]\n#[cfg_attr(miri, ignore)]\nfn t() {}\n#[must_use]\nfn ignore() {}\n";
    assert_eq!(fires_in("ignored", text), NONE);
}

#[test]
fn ignored_snippets_are_found() {
    assert_eq!(fires_in("ignored", "//! a\n//! ```ignore\n//! ```\n"), ["a.rs:2"]);
    assert_eq!(fires_in("ignored", "//! a\n/// ```rust,ignore\nfn f() {}\n"), ["a.rs:2"]);
    assert_eq!(fires_in("ignored", "//! ```no_run\n//! ```\n//! ```\n//! ```\n"), NONE);
}

#[test]
fn unsafe_code_stands_in_listed_files_only() {
    let block = "//! a\nfn f() { unsafe { g() } }\n";
    assert_eq!(fires_in("unsafe", block), ["a.rs:2"]);
    assert_eq!(fires_in("unsafe", "//! a\n\nunsafe impl Send for A {}\n"), ["a.rs:3"]);
    assert_eq!(fires_in("unsafe", "m!(unsafe { g() });\n"), ["a.rs:1"]);
    assert_eq!(fires("unsafe", [(LISTED, block)]), NONE);
}

/// A file that the rule's table names.
const LISTED: &str = "crates/offloop/src/deliver/queue.rs";

#[test]
fn words_about_unsafe_code_are_no_unsafe_code() {
    let text = "//! unsafe\n#![forbid(unsafe_code)]\nconst A: &str = \"unsafe\";\n";
    assert_eq!(fires_in("unsafe", text), NONE);
}

#[test]
fn readme_counts_the_unsafe_code_of_the_library() {
    let code = "//! a\nunsafe impl Send for A {}\nfn f() { unsafe { g(unsafe { h() }) } }\n";
    let says = |fact: &str| {
        fires("unsafe-count", [(LISTED, code), ("README.md", &format!("# a\n{fact}\n"))])
    };
    assert_eq!(says("- **Unsafe**: 2 blocks and 1 `unsafe impl`s, in one file"), NONE);
    assert_eq!(says("- **Unsafe**: 3 blocks and 1 `unsafe impl`s"), ["README.md:2"]);
    assert_eq!(says("- **Unsafe**: little"), ["README.md:2"]);
    assert_eq!(says(""), ["README.md:1"]);
}

#[test]
fn a_listed_file_without_unsafe_code_leaves_the_list() {
    assert_eq!(fires("unsafe", [(LISTED, "//! safe\n")]), [format!("{LISTED}:1")]);
}

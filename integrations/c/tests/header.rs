//! `include/offloop.h` is what cbindgen makes of the sources.
//!
//! Invariant: the file is only written when it is asked for, by `OFFLOOP_HEADER=write`.

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut made = Vec::new();
    cbindgen::generate(root).expect("cbindgen understands the sources").write(&mut made);
    let made = String::from_utf8(made).expect("a header is text");
    let file = root.join("include/offloop.h");
    if std::env::var_os("OFFLOOP_HEADER").is_some_and(|wish| wish == "write") {
        fs::write(&file, &made).expect("the header can be written");
    }
    let kept = fs::read_to_string(&file).expect("the header is there");
    assert!(
        kept == made,
        "include/offloop.h is not what the sources say: run OFFLOOP_HEADER=write cargo test --test header"
    );
}

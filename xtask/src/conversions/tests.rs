//! What a block shows of two texts, and which blocks a page has.

use super::{Conversion, blocks};

#[test]
fn a_conversion_shows_its_lines_and_two_beside_them() {
    let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\n\nj\n";
    let after = "a\nb\nc\nD\nE\ne\nf\ng\nh\ni\n\nj\nk\n";
    let conversion = Conversion::between(("x/before.c", before), ("x/after.c", after));
    assert_eq!((conversion.added, conversion.removed), (3, 1));
    let names = "--- x/before.c\n+++ x/after.c\n";
    let lines = " b\n c\n-d\n+D\n+E\n e\n f\n…\n\n j\n+k\n";
    assert_eq!(conversion.shown, format!("{names}{lines}"));
}

#[test]
fn a_block_names_its_folder() {
    let page = "# Loops\n\n```diff a/convert/x\n-a\n+b\n```\n\n```\ncode\n```\n\n```diff b\n```\n";
    let blocks = blocks(page);
    let found: Vec<_> = blocks.iter().map(|it| (it.folder, it.line, it.shown.as_str())).collect();
    assert_eq!(found, [("a/convert/x", 3, "-a\n+b\n"), ("b", 12, "")]);
}

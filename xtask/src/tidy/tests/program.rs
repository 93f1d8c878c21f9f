//! The rule on the one program, over samples.

use super::fires;

const NONE: [&str; 0] = [];

const PROGRAM: &str = "//! A.\nstruct App {\n    off: u8,\n}\n\nimpl App {\n    fn new() {}\n\n\
    /// Here the loop would stand still: so.\n    fn start() {}\n}\n\nfn main() {}\n";

fn other(text: &str) -> Vec<String> {
    let pattern = PROGRAM.replace("\n/// Here", "\n    /// Here");
    let text = text.replace("\n/// Here", "\n    /// Here");
    fires("one-program", [("examples/hash_mpsc.rs", pattern), ("gui/hash_gui.rs", text)])
}

#[test]
fn a_loop_may_differ_and_so_may_what_is_its_own() {
    assert_eq!(other(PROGRAM), NONE);
    assert_eq!(other(&PROGRAM.replace("fn main() {}", "fn main() { other() }")), NONE);
    assert_eq!(other(&PROGRAM.replace("off: u8,\n", "off: u8,\n    window: u8,\n")), NONE);
    assert_eq!(other(&PROGRAM.replace("fn new() {}", "fn new(window: u8) {}")), NONE);
}

#[test]
fn the_app_may_not() {
    assert_eq!(other(&PROGRAM.replace("off: u8", "on: u8")), ["gui/hash_gui.rs:3"]);
    assert_eq!(other(&PROGRAM.replace("fn start() {}", "fn begin() {}")), ["gui/hash_gui.rs:10"]);
    let more = PROGRAM.replace("fn start() {}\n", "fn start() {}\n    fn more() {}\n");
    assert_eq!(other(&more), ["gui/hash_gui.rs:11"]);
    let fewer = PROGRAM.replace("    fn start() {}\n", "");
    assert_eq!(other(&fewer), ["gui/hash_gui.rs:10"]);
    assert_eq!(other("//! None.\nfn main() {}\n"), ["gui/hash_gui.rs:1"]);
}

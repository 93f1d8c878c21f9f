//! What must not compile: anything that would take the loop's own off its thread, or a loan off
//! the caller's stack, or out of the process what can't be told. Invariant: each program fails for one reason, and the compiler names it.

#[test]
fn what_belongs_to_the_loop_can_not_leave_its_thread() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail/*.rs");
}

#[cfg(feature = "process")]
#[test]
fn what_can_not_be_told_to_another_process_does_not_go_there() {
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/compile_fail/process/*.rs");
}

//! The fuzzer's way in to `offloop_fuzz::answer`. Invariant: nothing else is done here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offloop_fuzz::answer(bytes));

//! The fuzzer's way in to `offloop_fuzz::message`. Invariant: nothing else is done here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offloop_fuzz::message(bytes));

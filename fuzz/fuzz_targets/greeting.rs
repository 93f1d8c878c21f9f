//! The fuzzer's way in to `offloop_fuzz::greeting`. Invariant: nothing else is done here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| offloop_fuzz::greeting(bytes));

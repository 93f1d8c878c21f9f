//! What a target must not do, whatever its bytes: panic, take absurd memory, leave descriptors open.
//! Invariant: each breach aborts at once, with a message that says what it was.

use std::backtrace::Backtrace;
use std::os::fd::AsRawFd;
use std::panic::PanicHookInfo;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What one input may take at the most, in bytes.
const MEMORY_MAX: usize = 32 << 20;

/// More than a target has open at any time.
const DESCRIPTORS_MAX: i32 = 200;

/// How a panic begins that a target asked for.
pub(crate) const ASKED_FOR: &str = "as asked";

/// And one that the library raises, and contains, where a function or its handler is at fault.
pub(crate) const FUNCTIONS_OWN: &str = "progress of type ";

/// Does `f`, and aborts where it does what it must not.
pub(crate) fn watched(f: impl FnOnce()) {
    install();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    f();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    assert!(taken <= MEMORY_MAX, "one input took {taken} bytes of memory");
    let probe = std::fs::File::open("/dev/null").expect("it is there");
    assert!(probe.as_raw_fd() < DESCRIPTORS_MAX, "descriptors are left open");
}

/// The hook of this thread's process: the fuzzer's own aborts on panics that are contained, too.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        if !is_expected(panic) {
            eprintln!("{panic}\n{}", Backtrace::force_capture());
            std::process::abort();
        }
    }));
}

fn is_expected(panic: &PanicHookInfo<'_>) -> bool {
    let text = panic.payload_as_str().unwrap_or("");
    text.starts_with(ASKED_FOR) || text.starts_with(FUNCTIONS_OWN)
}

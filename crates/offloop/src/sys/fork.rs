//! Notices that this process is a fork of the one that built an offloop, at the cost of one load.
//!
//! A child handler of `pthread_atfork` counts forks. Invariant: the handler does one atomic add
//! and nothing else, so it is safe in the child of a program with threads. A child made by a raw
//! system call, past the C library, goes unnoticed.

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct ForkCheck {
    forks: u32,
}

impl ForkCheck {
    pub(crate) fn new() -> Self {
        watch();
        Self { forks: FORKS.load(Ordering::Relaxed) }
    }

    pub(crate) fn is_forked(&self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.forks
    }
}

#[cfg(all(unix, not(miri)))]
fn watch() {
    use std::ffi::c_int;
    use std::sync::Once;

    type Handler = Option<unsafe extern "C" fn()>;
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
    }
    unsafe extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the declaration is the one of POSIX; the handler is a function of this program
        // that lives as long as it and touches one atomic. Failure (out of memory) leaves the
        // check off, which is what a system without it has.
        let _failed = unsafe { pthread_atfork(None, None, Some(in_child)) };
    });
}

/// There is no `fork` to notice.
#[cfg(any(not(unix), miri))]
fn watch() {}

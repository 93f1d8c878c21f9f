//! The shortest way: what `offloop_run` brings, and how it says that there is nothing to bring.

use std::io::Error;
use std::sync::mpsc;
use std::thread;

use offloop_c::*;

use crate::rig::{
    Brought, create, create_null, deliver_to_brought, last_error, open, open_null, options, run,
    run_nulls, shutdown, wait_until,
};

fn errno() -> i32 {
    Error::last_os_error().raw_os_error().unwrap()
}

/// Turns, until as many were brought.
fn brought(off: offloop_id, count: usize) -> Vec<(Option<u64>, i32, String)> {
    let list = Brought::default();
    wait_until("the turns bring it", || {
        assert!(deliver_to_brought(off, &list) >= 0, "{}", last_error());
        list.lock().unwrap().len() == count
    });
    list.into_inner().unwrap()
}

#[test]
fn an_open_offloop_is_a_descriptor() {
    let (fd, off) = open();
    assert!(fd >= 0 && off != 0);
    assert_eq!(offloop_fd(off), fd);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    assert_eq!(open_null(), OFFLOOP_ERROR_NULL);
    assert_eq!((last_error().as_str(), errno()), ("made is null", libc::EFAULT));
}

#[test]
fn a_value_comes_to_then_from_another_thread() {
    let (_, off) = open();
    let (ran, runs) = mpsc::channel();
    let code = run(off, move || {
        ran.send(thread::current().id()).unwrap();
        Some(42)
    });
    assert_eq!(code, OFFLOOP_OK);
    assert_ne!(runs.recv().unwrap(), thread::current().id());
    let [(value, _, text)] = &brought(off, 1)[..] else { unreachable!("one was waited for") };
    assert_eq!((*value, text.as_str()), (Some(42), ""));
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_null_brings_the_errno_of_its_function() {
    let (_, off) = open();
    assert_eq!(create_null(None), OFFLOOP_ERROR_NULL, "an older error, that is not its own");
    let code = run(off, || {
        errno::set_errno(errno::Errno(libc::ENOENT));
        None
    });
    assert_eq!(code, OFFLOOP_OK);
    assert_eq!(brought(off, 1), [(None, libc::ENOENT, String::new())]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_call_that_is_not_run_brings_the_reason() {
    let off = create(&offloop_options { threads_max: 1, queue: 1, ..options() });
    let (begun, begins) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    run(off, move || {
        begun.send(()).unwrap();
        gate.recv().ok().map(|()| 1)
    });
    begins.recv().unwrap();
    run(off, || unreachable!("it waits until the end"));
    run(off, || unreachable!("the queue is full"));
    let full = brought(off, 1).remove(0);
    assert_eq!((full.0, full.1), (None, libc::EAGAIN));
    assert!(!full.2.is_empty());
    assert_eq!(offloop_close(off), OFFLOOP_OK);
    go.send(()).unwrap();
    run(off, || unreachable!("it is closed"));
    let mut ended = brought(off, 3);
    ended.sort();
    assert_eq!((ended[0].0, ended[0].1), (None, libc::ECANCELED));
    assert_eq!((ended[1].0, ended[1].1), (None, libc::ECANCELED));
    assert!(ended[0].2.contains("shut down"), "{ended:?}");
    assert_eq!(ended[2].0, Some(1));
    assert_eq!((shutdown(off, 0).0, offloop_destroy(off)), (OFFLOOP_OK, OFFLOOP_OK));
}

#[test]
fn what_can_not_be_run_is_refused() {
    let (_, off) = open();
    assert_eq!(run_nulls(off), [OFFLOOP_ERROR_NULL; 2]);
    assert_eq!((last_error().as_str(), errno()), ("then is null", libc::EFAULT));
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    assert_eq!(run(off, || unreachable!("it is destroyed")), OFFLOOP_ERROR_UNKNOWN);
    assert_eq!(errno(), libc::EBADF);
}

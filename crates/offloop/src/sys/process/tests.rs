//! The pieces below the protocol, each against the trap that it is built around.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Arena, Child, Lent, Region, Socket, Start, wait_any};
use crate::failure::Exit;

fn say(socket: &Socket, text: &[u8]) {
    socket.send(&[IoSlice::new(text)], &[], false).unwrap();
}

/// The kernel reports the reset of a connection before it hands out what was sent ahead of it.
#[test]
fn what_was_sent_before_an_end_with_an_unread_message_is_heard() {
    let (here, there) = Socket::pair().unwrap();
    let there = Socket::from_fd(there);
    say(&here, b"never read");
    say(&there, b"one");
    say(&there, b"two");
    drop(there);
    let (mut buffer, mut fds) = ([0; 16], Vec::new());
    for expected in [&b"one"[..], b"two", b""] {
        let len = here.receive(&mut buffer, &mut fds, false).unwrap();
        assert_eq!(&buffer[..len], expected);
    }
}

#[test]
fn what_was_sent_before_this_side_shut_the_socket_is_heard() {
    let (here, there) = Socket::pair().unwrap();
    let there = Socket::from_fd(there);
    say(&there, b"one");
    here.shut();
    let (mut buffer, mut fds) = ([0; 16], Vec::new());
    assert_eq!(here.receive(&mut buffer, &mut fds, false).unwrap(), 3);
    assert_eq!(here.receive(&mut buffer, &mut fds, false).unwrap(), 0);
    assert_eq!(there.receive(&mut buffer, &mut fds, false).unwrap(), 0);
}

#[test]
fn a_message_larger_than_the_buffer_is_an_error() {
    let (here, there) = Socket::pair().unwrap();
    say(&here, b"too much");
    let mut buffer = [0; 4];
    assert!(Socket::from_fd(there).receive(&mut buffer, &mut Vec::new(), false).is_err());
}

#[test]
fn a_socket_whose_other_end_is_full_says_so_and_does_not_wait() {
    let (here, _there) = Socket::pair().unwrap();
    let message = vec![0; 32 * 1024];
    let sent = (0..64).map(|_| here.send(&[IoSlice::new(&message)], &[], false));
    let error = sent.filter_map(Result::err).next().expect("it is full at some time");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn shared_memory_is_reached_inside_its_bounds_only() {
    let (arena, fd) = Arena::create(3 * 4096).unwrap();
    let other = Arena::open(&fd, 3 * 4096).unwrap();
    assert_eq!(arena.copy_in(4096, b"shared"), Some(()));
    let mut bytes = vec![b'>'];
    assert_eq!(other.copy_out(4096, 6, &mut bytes), Some(()));
    assert_eq!(bytes, b">shared");
    assert_eq!(other.trusted(3 * 4096 - 1, 1), Some(&[0][..]));
    for (offset, len) in [(3 * 4096, 1), (3 * 4096 - 1, 2), (usize::MAX, 2), (4096, usize::MAX)] {
        assert_eq!(other.copy_out(offset, len, &mut bytes), None);
        assert_eq!(other.trusted(offset, len), None);
    }
    assert_eq!(arena.copy_in(3 * 4096, b"x"), None);
    assert_eq!(arena.copy_in(4095, b"x"), None, "the first page is for words");
}

#[test]
fn shared_memory_can_not_be_shrunk_and_is_not_taken_unsealed() {
    let (_arena, fd) = Arena::create(2 * 4096).unwrap();
    assert!(rustix::fs::ftruncate(&fd, 4096).is_err());
    assert!(Arena::open(&fd, 4096).is_err(), "of another size");
    let flags = rustix::fs::MemfdFlags::CLOEXEC | rustix::fs::MemfdFlags::ALLOW_SEALING;
    let loose = rustix::fs::memfd_create("loose", flags).unwrap();
    rustix::fs::ftruncate(&loose, 2 * 4096).unwrap();
    assert!(Arena::open(&loose, 2 * 4096).is_err(), "its owner could take it away");
}

fn start(script: &str) -> (Child, Socket) {
    let (here, there) = Socket::pair().unwrap();
    let args = ["-c".into(), script.into()];
    let program = Some(std::path::Path::new("/bin/sh"));
    let start = Start { program, title: "sh".as_ref(), args: &args, version: 1, piped: false };
    (Child::start(&start, there).unwrap().0, here)
}

fn ended(child: &Child) -> Exit {
    let until = Instant::now() + Duration::from_secs(20);
    assert!(wait_any(&[child.as_fd()], Some(until)).unwrap()[0], "it ends");
    child.reap().expect("it has ended")
}

#[test]
fn a_child_says_how_it_ended() {
    assert_eq!(ended(&start("exit 7").0), Exit::Code(7));
    assert_eq!(ended(&start("kill -ABRT $$").0), Exit::Signal(6));
    let (sleeper, _socket) = start("sleep 600");
    assert_eq!(sleeper.reap(), None);
    sleeper.kill();
    assert_eq!(ended(&sleeper), Exit::Signal(9));
    assert_eq!(sleeper.reap(), Some(Exit::Signal(9)), "whoever asks later is told the same");
}

/// What a child has started holds its end of the socket open, and ends with it.
#[test]
fn a_child_that_ends_takes_its_group_with_it() {
    let (child, socket) = start("sleep 600 & exit 0");
    assert_eq!(ended(&child), Exit::Code(0));
    let until = Instant::now() + Duration::from_secs(20);
    assert!(wait_any(&[socket.as_fd()], Some(until)).unwrap()[0], "the last holder is gone");
    assert_eq!(socket.receive(&mut [0; 4], &mut Vec::new(), false).unwrap(), 0);
}

/// What this program starts for itself has none of it, whoever starts it.
#[test]
fn all_descriptors_close_on_exec() {
    let (here, there) = Socket::pair().unwrap();
    let there = Socket::from_fd(there);
    let (_arena, memory) = Arena::create(4096).unwrap();
    here.send(&[IoSlice::new(b"x")], &[memory.as_fd()], false).unwrap();
    let mut came = Vec::new();
    there.receive(&mut [0; 4], &mut came, false).unwrap();
    assert_eq!(came.len(), 1);
    let all = [here.as_fd(), there.as_fd(), memory.as_fd(), came[0].as_fd()];
    for fd in all {
        assert!(rustix::io::fcntl_getfd(fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}

#[test]
fn a_message_that_lost_descriptors_is_an_error() {
    let (here, there) = Socket::pair().unwrap();
    let (_arena, memory) = Arena::create(4096).unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(60))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    let many = [memory.as_fd(); 60];
    assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(&many)));
    let flags = rustix::net::SendFlags::empty();
    rustix::net::sendmsg(here.as_fd(), &[IoSlice::new(b"x")], &mut control, flags).unwrap();
    assert!(Socket::from_fd(there).receive(&mut [0; 4], &mut Vec::new(), false).is_err());
}

/// Nobody can have the system run what is in it, on systems that know how to forbid that.
#[test]
fn shared_memory_is_no_program() {
    let (_arena, fd) = Arena::create(4096).unwrap();
    let flags = rustix::fs::MemfdFlags::NOEXEC_SEAL;
    if rustix::fs::memfd_create("probe", flags).is_ok() {
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_mode & 0o111, 0);
    }
}

/// Whoever made it may say what it likes.
#[test]
fn a_region_is_as_large_as_it_says() {
    let region = Region::create(10_000).unwrap();
    let again = |len| Region::open(7, rustix::io::dup(region.as_fd()).unwrap(), len);
    assert!(again(12_288).is_ok());
    assert!(again(8192).is_err() && again(16_384).is_err());
    let flags = rustix::fs::MemfdFlags::ALLOW_SEALING;
    let loose = rustix::fs::memfd_create("loose", flags).unwrap();
    rustix::fs::ftruncate(&loose, 4096).unwrap();
    assert!(Region::open(7, loose, 4096).is_err(), "its owner could take it away");
    assert!(Lent::new(region.clone(), 12_288).is_some());
    assert!(Lent::new(region, 12_289).is_none());
}

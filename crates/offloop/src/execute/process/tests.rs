//! The parts of the protocol that need no process.

use std::os::fd::AsFd;
use std::path::Path;

use super::codec::{Codec, Format, Sink, Unsent};
use super::peer::{Heard, Peer};
use super::wire::{HEADER_LEN, Header, INLINE_MAX, Kind, Layout, Message, Place, Terms};
use crate::failure::Exit;
use crate::sys::process::{Arena, Child, Socket, Start, wait_any};

#[test]
fn a_message_is_read_as_it_was_written() {
    let header = Header {
        kind: Kind::Call,
        place: Place::Inline,
        index: 7,
        number: u64::MAX - 1,
        len: 3,
        extra: 4,
        span: 5,
    };
    let bytes = [&header.to_bytes()[..], b"abc"].concat();
    assert_eq!(Message::parse(&bytes), Some(Message { header, inline: b"abc" }));
    let there = Header { place: Place::Arena, len: 1 << 40, ..header };
    assert_eq!(Message::parse(&there.to_bytes()).map(|message| message.header), Some(there));
    let with_both = [&there.to_bytes()[..], b"abc"].concat();
    assert_eq!(Message::parse(&with_both), None, "one place, not two");
}

/// Whatever the bytes are: no panic, and nothing accepted whose body is not there.
#[test]
fn no_bytes_are_read_past_their_end() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut accepted = 0;
    for _ in 0..200_000 {
        let len = random() as usize % (HEADER_LEN + 16);
        let mut bytes: Vec<u8> = (0..len).map(|_| random() as u8).collect();
        // Half of them get past the first look.
        if len > 3 && random() % 2 == 0 {
            bytes[..4].copy_from_slice(&[1 + (random() % 9) as u8, (random() % 3) as u8, 0, 0]);
        }
        if len >= HEADER_LEN && random() % 2 == 0 {
            bytes[16..24].copy_from_slice(&((len - HEADER_LEN) as u64).to_le_bytes());
        }
        if let Some(message) = Message::parse(&bytes) {
            accepted += 1;
            let here = message.header.place == Place::Inline;
            assert!(!here || message.header.len == message.inline.len() as u64);
        }
    }
    assert!(accepted > 1000, "the cases reach the end: {accepted}");
}

#[test]
fn terms_are_read_as_they_were_written() {
    let terms =
        Terms { version: 1, digest: 2, max_payload: 3, memory_limit: 4, cpu_limit: u64::MAX };
    assert_eq!(Terms::parse(&terms.to_bytes()), Some(terms));
    assert_eq!(Terms::parse(&terms.to_bytes()[1..]), None);
}

#[test]
fn the_two_halves_of_the_memory_do_not_meet() {
    let layout = Layout::new(5000).unwrap();
    assert_eq!((layout.argument(), layout.result(), layout.len()), (4096, 12288, 20480));
    assert_eq!(Layout::new(usize::MAX), None);
    assert_eq!(Layout::new(usize::MAX / 2), None);
}

/// Small values stay in the message, larger ones are in the memory from their first byte on, and
/// nothing goes past its half.
#[test]
fn a_sink_takes_what_it_has_room_for() {
    let layout = Layout::new(3 * INLINE_MAX).unwrap();
    let (arena, _fd) = Arena::create(layout.len()).unwrap();
    let mut inline = Vec::new();
    for (len, place) in [
        (0, Place::Inline),
        (INLINE_MAX - 3, Place::Inline),
        (INLINE_MAX - 2, Place::Arena),
        (3 * INLINE_MAX - 3, Place::Arena),
    ] {
        let value = "x".repeat(len);
        let mut sink = Sink::new(&mut inline, &arena, layout.argument(), 3 * INLINE_MAX);
        Format::encode(&value, &mut sink).unwrap();
        let (at, written) = sink.finish();
        assert_eq!(at, place, "{len}");
        let mut bytes = Vec::new();
        match at {
            Place::Inline => bytes.clone_from(&inline),
            Place::Arena => arena.copy_out(layout.argument(), written, &mut bytes).unwrap(),
        }
        assert_eq!(Format::decode::<String>(&bytes).unwrap(), value);
    }
    let value = "x".repeat(3 * INLINE_MAX - 2);
    let mut sink = Sink::new(&mut inline, &arena, layout.argument(), 3 * INLINE_MAX);
    assert!(matches!(Format::encode(&value, &mut sink), Err(Unsent::TooLarge)));
    let mut first = Vec::new();
    arena.copy_out(layout.result(), 1, &mut first).unwrap();
    assert_eq!(first, [0], "the other half is untouched");
}

#[test]
fn a_value_with_something_left_over_is_none() {
    assert!(Format::decode::<u8>(&[1]).is_ok());
    for bytes in [&[][..], &[1, 2]] {
        assert!(Format::decode::<u8>(bytes).is_err());
    }
}

/// A worker that has answered and then ended: its end is known before the answer is read.
#[test]
fn what_a_worker_said_is_heard_though_it_has_ended() {
    let (socket, theirs) = Socket::pair().unwrap();
    // What the shell has started holds the socket open: no end of the stream says that it is over.
    let script = "printf one >&0; printf two >&0; setsid sleep 3 & exit 5";
    let (program, args) = (Some(Path::new("/bin/sh")), ["-c".into(), script.into()]);
    let start = Start { program, title: "sh".as_ref(), args: &args, version: 1, piped: false };
    let (child, _) = Child::start(&start, theirs).unwrap();
    wait_any(&[child.as_fd()], None).unwrap();
    let layout = Layout::new(4096).unwrap();
    let (arena, _fd) = Arena::create(layout.len()).unwrap();
    let peer = Peer::new(socket, child, arena, layout, false);
    let (mut buffer, mut fds) = (Vec::new(), Vec::new());
    for expected in [Some("one"), Some("two"), None] {
        match peer.hear(&mut buffer, &mut fds, None).unwrap() {
            Heard::Message(len) => {
                assert_eq!(Some(std::str::from_utf8(&buffer[..len]).unwrap()), expected);
            }
            Heard::End => assert_eq!(None, expected),
        }
    }
    assert_eq!(peer.how(peer.wait_end()), Exit::Code(5));
}

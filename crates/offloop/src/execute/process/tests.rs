//! The parts of the protocol that need no process.

use std::any::TypeId;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::careful::DEPTH_MAX;
use super::codec::{Codec, Format, Sink, Unsent};
use super::options::Processes;
use super::peer::{Heard, Peer};
use super::registry::Registry;
use super::shared::{Carriage, SharedBuf};
use super::shop::Shop;
use super::wire::{HEADER_LEN, Header, INLINE_MAX, Kind, Layout, Message, Place, Terms};
use crate::complete::{Context, LaneId, call, rig};
use crate::execute::Functions;
use crate::failure::Exit;
use crate::sys::process::{Arena, Child, Region, Socket, Start, wait_any};

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
    for (at, byte) in [(0, 0), (0, 9), (1, 2), (2, 1), (3, 1)] {
        let mut other = bytes.clone();
        other[at] = byte;
        assert_eq!(Message::parse(&other), None, "byte {at}");
    }
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

#[derive(Debug, serde::Serialize, serde::Deserialize)]
enum Tree {
    Leaf,
    Twigs(Vec<Tree>),
    Twig(Option<Box<Tree>>),
}

/// A twig of `depth` twigs: two bytes each, and as deep as a taken-over worker likes.
fn twigs(depth: usize) -> Vec<u8> {
    [[1, 1].repeat(depth), vec![0]].concat()
}

/// On a thread whose stack is as small as that of any attendant.
fn decoded_tree(bytes: Vec<u8>) -> Result<Tree, String> {
    let decode = move || Format::decode(&bytes).map_err(|error| error.to_string());
    std::thread::spawn(decode).join().expect("it does not panic")
}

#[test]
fn a_value_is_as_deep_as_a_stack_can_bear() {
    let deepest = DEPTH_MAX as usize / 2 - 1;
    assert!(matches!(decoded_tree(twigs(deepest)), Ok(Tree::Twigs(_))));
    assert!(matches!(decoded_tree([2, 1].repeat(deepest)), Err(text) if text.contains("end")));
    for depth in [deepest + 1, 16_000, 10_000_000] {
        for bytes in [twigs(depth), [2, 1].repeat(depth)] {
            let text = decoded_tree(bytes).expect_err("it is too deep");
            assert_eq!(text, "it can't be decoded: values lie too deep in it");
        }
    }
}

/// A list of nothing is as long as it says, in ten bytes.
#[test]
fn a_list_that_says_it_is_endless_ends() {
    let endless = [[0xff; 9].as_slice(), &[1]].concat();
    let too_long = "it can't be decoded: a list in it is too long";
    let text = Format::decode::<Vec<()>>(&endless).expect_err("it never ends").to_string();
    assert_eq!(text, too_long);
    let text = Format::decode::<std::collections::HashSet<()>>(&endless).expect_err("nor this");
    assert_eq!(text.to_string(), too_long);
    assert!(Format::decode::<Vec<u8>>(&endless).is_err(), "its elements are not there");
    let long = [0x80, 0x80, 0x04];
    assert_eq!(Format::decode::<Vec<()>>(&long).expect("much of nothing").len(), 1 << 16);
    let longer = [0x80, 0x80, 0x08];
    let text = Format::decode::<Vec<()>>(&longer).expect_err("too much").to_string();
    assert_eq!(text, too_long);
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

fn nothing<A: Default>(_: &Context, _: A) -> A {
    A::default()
}

/// Two programs agree when they have the same names and types, in whatever order they name them, and
/// then they number them alike.
#[test]
fn a_digest_is_of_names_and_types_and_of_no_order() {
    struct One;
    struct Two;
    let (one, two) = (TypeId::of::<One>(), TypeId::of::<Two>());
    let registry = |first: &'static str, second: &'static str| {
        let mut registry = Registry::default();
        registry.add(one, first.into(), nothing::<u8>);
        registry.add(two, second.into(), nothing::<u8>);
        registry
    };
    let ab = registry("a", "b");
    let mut run_on = Registry::default();
    run_on.add(one, "au8u8b".into(), nothing::<u8>);
    let mut others = vec![registry("a", "c").digest(), run_on.digest()];
    let mut typed = Registry::default();
    typed.add(one, "a".into(), nothing::<u8>);
    typed.add(two, "b".into(), nothing::<u16>);
    others.push(typed.digest());
    let mut telling = ab.clone();
    telling.add_pulse::<std::time::Duration>();
    others.push(telling.digest());
    assert!(!others.contains(&ab.digest()));

    let mut turned = Registry::default();
    turned.add_pulse::<(u8, std::time::Duration)>();
    turned.add_pulse::<std::time::Duration>();
    turned.add(two, "b".into(), nothing::<u8>);
    turned.add(one, "a".into(), nothing::<u8>);
    let mut straight = Registry::default();
    straight.add(one, "a".into(), nothing::<u8>);
    straight.add(two, "b".into(), nothing::<u8>);
    straight.add_pulse::<std::time::Duration>();
    straight.add_pulse::<(u8, std::time::Duration)>();
    assert_eq!(turned.digest(), straight.digest());
    assert_eq!((turned.index_of(one), straight.index_of(one)), (Some(0), Some(0)));
    let number = |registry: &Registry| {
        let of = TypeId::of::<std::time::Duration>();
        registry.pulse_of(of).map(|(number, _)| number)
    };
    assert_eq!(number(&turned), number(&straight));
}

/// Two buffers that reach the same bytes would be a race inside this program.
#[test]
fn what_a_worker_names_twice_is_given_out_once() {
    let twice = |came: Vec<OwnedFd>, known: Vec<Arc<Region>>, id: u64| {
        let told = [(0_u32, id, 4096_u64, 10_u64); 2];
        let mut bytes = Vec::new();
        let (arena, _fd) = Arena::create(8192).unwrap();
        let mut sink = Sink::new(&mut bytes, &arena, 4096, 4096);
        Format::encode(&told, &mut sink).unwrap();
        Carriage::with(came, known).during(|| Format::decode::<(SharedBuf, SharedBuf)>(&bytes)).0
    };
    let region = Region::create(10).unwrap();
    assert!(twice(Vec::new(), vec![region.clone()], region.id()).is_err());
    let fd = region.as_fd().try_clone_to_owned().unwrap();
    assert!(twice(vec![fd], Vec::new(), 1).is_err());
}

fn shell(script: &str) -> (Arc<Peer>, OwnedFd) {
    let (socket, theirs) = Socket::pair().unwrap();
    let (program, args) = (Some(Path::new("/bin/sh")), ["-c".into(), script.into()]);
    let start = Start { program, title: "sh".as_ref(), args: &args, version: 1, piped: false };
    let (child, _) = Child::start(&start, theirs).unwrap();
    let layout = Layout::new(4096).unwrap();
    let (arena, fd) = Arena::create(layout.len()).unwrap();
    (Arc::new(Peer::new(socket, child, arena, layout, false)), fd)
}

/// P2: a killer that found the worker in the books, and comes when the worker has another call.
#[test]
fn a_killer_that_is_late_kills_nobody() {
    let functions = Functions::new();
    let missing = Processes::new(functions).program("/nowhere/at/all").spare(0);
    let shop = Shop::open(missing).unwrap();
    let (peer, _memory) = shell("exec sleep 600");
    let (hub, _ready) = rig::hub(4);
    let own = || {
        hub.lane(LaneId::Process).admit().expect("room");
        let job = crate::execute::Plain::new(|| ());
        call(&hub, job, rig::details(LaneId::Process))
    };
    let (_first_work, _first_receiver, first) = own();
    let (_second_work, _second_receiver, second) = own();
    let number = shop.hold(&first, &peer);
    // As `let_go` does behind the killer's look at the books.
    assert!(peer.leash.let_go(number));
    let number = shop.hold(&second, &peer);
    shop.cut(&first);
    assert!(peer.child.reap().is_none() && peer.leash.let_go(number), "it goes on");
    assert_eq!(shop.tally.killed.load(std::sync::atomic::Ordering::Relaxed), 0);
    let _number = shop.hold(&second, &peer);
    shop.cut(&second);
    assert_eq!(peer.wait_end(), Exit::Signal(9));
    shop.close(std::time::Instant::now());
}

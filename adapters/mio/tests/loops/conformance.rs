//! The loop suite of the testkit, on both ways. Invariant: an event of the loop's own is a datagram
//! in a socket of the same poll.

use std::sync::Arc;
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use offloop::{Builder, Offloop};
use offloop_mio::MioWaker;
use offloop_testkit::{LoopRig, LoopState, Round, loop_suite};

const OWN: Token = Token(1);
const OFFLOOP: Token = Token(2);
const SECOND: Token = Token(3);

loop_suite!(name: with_a_waker, |builder| {
    let poll = Poll::new().expect("a poll");
    let waker = MioWaker::new(poll.registry(), OFFLOOP).expect("a waker");
    let another = waker.clone();
    let off = builder.waker(waker).build().expect("an offloop");
    rig(poll, off).second(move |builder| builder.waker(another).build().expect("an offloop"))
});

#[cfg(unix)]
loop_suite!(name: with_a_descriptor, |builder| {
    let poll = Poll::new().expect("a poll");
    let registry = poll.registry().try_clone().expect("another registry");
    let add = move |builder: Builder<LoopState>, token| {
        let off = builder.fd_waker().build().expect("an offloop");
        let source = &mut offloop_mio::OffloopSource(&off);
        registry.register(source, token, Interest::READABLE).expect("registered");
        off
    };
    let off = add(builder, OFFLOOP);
    rig(poll, off).second(move |builder| add(builder, SECOND))
});

fn rig(mut poll: Poll, off: Offloop<LoopState>) -> LoopRig {
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let mut own = UdpSocket::bind(loopback).expect("a socket");
    poll.registry().register(&mut own, OWN, Interest::READABLE).expect("registered");
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    sender.connect(own.local_addr().expect("it is bound")).expect("connected");
    let sender = Arc::new(sender);

    let mut events = Events::with_capacity(16);
    let go_round = move |round: &mut Round<'_>, patience: Duration| {
        poll.poll(&mut events, Some(patience)).expect("polled");
        for event in &events {
            match event.token() {
                OWN => {
                    while own.recv(&mut [0]).is_ok() {
                        round.own_event();
                    }
                }
                _ => {
                    round.deliver();
                }
            }
        }
    };
    LoopRig::new(off, go_round).own_events(move || sender.send(&[1]))
}

//! The loop suite of the testkit. Invariant: an event of the loop's own is a message of a calloop
//! channel in the same loop.

use calloop::{EventLoop, channel};
use offloop::{Builder, Offloop};
use offloop_testkit::{LoopRig, LoopState, loop_suite};

/// What came in one round.
#[derive(Default)]
struct Came {
    own: usize,
    asked: bool,
}

loop_suite!(|builder| {
    let mut event_loop = EventLoop::<Came>::try_new().expect("a loop");
    let handle = event_loop.handle();
    let (sender, messages) = channel::channel();
    let own = |event: channel::Event<()>, _: &mut (), came: &mut Came| {
        came.own += usize::from(matches!(event, channel::Event::Msg(())));
    };
    handle.insert_source(messages, own).expect("inserted");
    let add = move |builder: Builder<LoopState>| -> Offloop<LoopState> {
        let (off, source) = offloop_calloop::source(builder).expect("an offloop");
        let asked = |(), _: &mut Offloop<LoopState>, came: &mut Came| came.asked = true;
        handle.insert_source(source, asked).expect("inserted");
        off
    };
    let off = add(builder);
    LoopRig::new(off, move |round, patience| {
        let mut came = Came::default();
        event_loop.dispatch(patience, &mut came).expect("dispatched");
        for _ in 0..came.own {
            round.own_event();
        }
        if came.asked {
            round.deliver();
        }
    })
    .own_events(move || sender.send(()))
    .second(add)
});

//! The kit's own loops under the suite. Invariant: each is as small as a loop of its kind can be.

mod mpsc_loop {
    use std::sync::mpsc;

    use offloop_testkit::{LoopRig, loop_suite};

    loop_suite!(name: an_mpsc_loop, |builder| {
        let (events, queue) = mpsc::channel();
        let (own, another) = (events.clone(), events.clone());
        let off = builder.waker(move || events.send("offloop")).build().expect("an offloop");
        LoopRig::new(off, move |round, patience| match queue.recv_timeout(patience) {
            Ok("offloop") => {
            round.deliver();
        }
            Ok(_) => round.own_event(),
            Err(_) => {}
        })
        .own_events(move || own.send("own"))
        .second(move |builder| {
            builder.waker(move || another.send("offloop")).build().expect("an offloop")
        })
    });
}

mod busy_poll_loop {
    use std::thread;
    use std::time::Duration;

    use offloop_testkit::{LoopRig, loop_suite};

    loop_suite!(name: a_busy_poll_loop, |builder| {
        let off = builder.no_waker().build().expect("an offloop");
        LoopRig::new(off, |round, _patience| {
            thread::sleep(Duration::from_micros(100)); // waits for the screen
            round.own_event(); // a frame
            round.deliver();
        })
        .own_events(|| {})
        .second(|builder| builder.no_waker().build().expect("an offloop"))
    });
}

#[cfg(target_os = "linux")]
mod epoll_loop {
    use std::os::fd::AsFd;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::time::Duration;

    use offloop_testkit::{LoopRig, loop_suite};
    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
    use rustix::event::{EventfdFlags, Timespec, eventfd};

    const OWN: u64 = 1;
    const OFFLOOP: u64 = 2;

    loop_suite!(name: an_epoll_loop, |builder| {
        let epoll = Rc::new(epoll::create(CreateFlags::CLOEXEC).expect("an epoll"));
        let add = |epoll: &_, fd: &dyn AsFd, data| {
            let data = EventData::new_u64(data);
            epoll::add(epoll, fd.as_fd(), data, EventFlags::IN).expect("watched");
        };
        let own = Arc::new(eventfd(0, EventfdFlags::NONBLOCK).expect("an eventfd"));
        add(&*epoll, &own, OWN);
        let off = builder.fd_waker().build().expect("an offloop");
        add(&*epoll, &off.as_fd().expect("built with fd_waker"), OFFLOOP);

        let (post, another) = (own.clone(), epoll.clone());
        let mut events = Vec::with_capacity(16);
        LoopRig::new(off, move |round, patience: Duration| {
            let patience = Timespec::try_from(patience).expect("a wait that the kernel can count");
            epoll::wait(&epoll, spare_capacity(&mut events), Some(&patience)).expect("waited");
            for event in events.drain(..) {
                match event.data.u64() {
                    OWN => {
                        rustix::io::read(&own, &mut [0; 8]).expect("it was readable");
                        round.own_event();
                    }
                    _ => {
                    round.deliver();
                }
                }
            }
        })
        .own_events(move || rustix::io::write(&post, &1u64.to_ne_bytes()))
        .second(move |builder| {
            let off = builder.fd_waker().build().expect("an offloop");
            add(&*another, &off.as_fd().expect("built with fd_waker"), OFFLOOP);
            off
        })
    });
}

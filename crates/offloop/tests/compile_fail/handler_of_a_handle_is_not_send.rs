//! The handler of a call made from a `Handle` travels to the loop thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let local = std::rc::Rc::new(());
    off.handle().call(|| ()).then(move |_, _| drop(local));
}

//! A result travels to the loop thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let _ = off.call(|| std::rc::Rc::new(()));
}

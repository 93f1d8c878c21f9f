//! A scope drops handlers, which belong to the loop thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let scope = off.scope();
    off.call(move || drop(scope)).detach();
}

//! A scope stays on the loop thread, and calls of a `Handle` may be made on any.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let scope = off.scope();
    off.handle().call(|| ()).within(&scope).detach();
}

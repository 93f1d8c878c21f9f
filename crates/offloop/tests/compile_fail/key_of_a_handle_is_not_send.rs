//! The key of a call made from a `Handle` stays in a map that the loop thread looks into.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    off.handle().call(|| ()).serial(std::ptr::null::<u8>()).detach();
}

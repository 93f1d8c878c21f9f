//! A job outlives the function that submits it.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let text = String::from("short-lived");
    off.call(|| text.len()).detach();
}

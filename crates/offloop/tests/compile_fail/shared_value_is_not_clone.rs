//! Each of those that share a run gets a clone of its value.

struct Single;

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    off.call(|| Single).share("key").detach();
}

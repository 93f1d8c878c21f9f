//! What is not `Send` does not come back from a resource's thread.

fn main() {
    let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
    let resource = off.resource(|| std::rc::Rc::new(1));
    off.call_on(&resource, |value| value.clone()).detach();
}

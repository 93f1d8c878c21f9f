//! `call_fn`: calls of named functions. Invariant: the name is found by the function alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use offloop::{Context, Failure, Functions};

use crate::common::{Seen, TestLoop, explode, keep};

crate::rows::rows!(CallFn);

fn double(n: u32) -> u32 {
    n * 2
}

fn doubled(cx: &Context, (n, times): (u32, u32)) -> u32 {
    if cx.is_cancelled() { 0 } else { n << times }
}

fn burst(_: ()) -> u32 {
    explode("burst")
}

fn name_of_panic(lp: &TestLoop<Seen<u32>>) -> String {
    match lp.outcome() {
        Err(Failure::Panicked(panic)) => panic.name().expect("it has a name").to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_text_runs_under_every_executor_and_from_both_handles() {
    let lp = TestLoop::<Seen<u32>>::new();
    let handle = lp.off.handle();
    lp.off.call_fn(double, 4).then(keep);
    lp.off.call_fn(double, 4).threads().then(keep);
    lp.off.call_fn(double, 4).cores().then(keep);
    lp.off.call_fn(double, 4).inline().then(keep);
    lp.off.call_fn_with(doubled, (4, 1)).then(keep);
    lp.off.call_fn_with(doubled, (4, 1)).inline().then(keep);
    handle.call_fn(double, 4).then(keep);
    handle.call_fn_with(doubled, (2, 2)).cores().then(keep);
    handle.call_fn(|n: u32| n + 4, 4).then(keep);
    assert!(lp.outcomes(9).iter().all(|outcome| matches!(outcome, Ok(8))));
}

#[test]
fn a_function_goes_by_its_given_name_or_its_path() {
    let functions = Functions::new().name("double", double).name_with("doubled", doubled);
    let lp = TestLoop::<Seen<u32>>::with(|builder| {
        builder.functions(functions.clone().name("bang", burst))
    });
    lp.off.call_fn(burst, ()).then(keep);
    assert_eq!(name_of_panic(&lp), "bang");
    lp.off.handle().call_fn(burst, ()).then(keep);
    assert_eq!(name_of_panic(&lp), "bang");
    lp.off.call_fn(burst, ()).name("my own").then(keep);
    assert_eq!(name_of_panic(&lp), "my own");
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.functions(functions));
    lp.off.call_fn(burst, ()).then(keep);
    assert!(name_of_panic(&lp).ends_with("call_fn::burst"));
}

#[test]
fn a_name_or_a_function_given_twice_is_a_clear_panic() {
    let twice = |add: fn()| {
        let payload = catch_unwind(AssertUnwindSafe(add)).expect_err("it is there already");
        payload.downcast_ref::<String>().expect("a sentence").clone()
    };
    let text = twice(|| drop(Functions::new().name("same", double).name("same", burst)));
    assert!(text.contains("two functions are named \"same\""), "{text}");
    let text = twice(|| drop(Functions::new().name("one", double).name("two", double)));
    assert!(text.contains("double is named twice, \"one\" before"), "{text}");
}

//! Async calls as a subscriber sees them. Invariant: each poll is in the span of the submit, and between
//! two polls the thread that polled is in none.

mod common;
#[path = "common/recorder.rs"]
mod recorder;
#[path = "futures/runtime.rs"]
mod runtime;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use common::{TestLoop, wait_for, wait_until};
use offloop::{AsyncCalls, Outcome};
use recorder::{Recorder, current, is_alive, told};
use runtime::Runtime;
use tracing::{Level, info_span};

fn recorded<S: 'static>(limits: AsyncCalls) -> TestLoop<S> {
    Recorder::install(|_| {});
    let runtime = Runtime::new(1);
    TestLoop::with(|builder| builder.async_on(runtime).async_calls(limits))
}

/// The spans in which the polls were, and then the handler.
type Where = (Vec<Option<u64>>, Option<u64>);

/// Pending twice, woken at once.
async fn look_thrice() -> Vec<Option<u64>> {
    let mut seen = Vec::new();
    poll_fn(|cx| {
        seen.push(current());
        if seen.len() == 3 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    seen
}

#[test]
fn each_poll_and_the_handler_are_in_the_span_of_the_submit() {
    let lp = recorded::<Vec<Where>>(AsyncCalls::new());
    let span = info_span!("submit");
    let inside = span.id().expect("the recorder enables all").into_u64();
    let keep = |seen: &mut Vec<Where>, polls: Outcome<_>| seen.push((polls.unwrap(), current()));
    span.in_scope(|| lp.off.call_async(look_thrice()).then(keep));
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| !seen.is_empty());
    assert_eq!(seen, [(vec![Some(inside); 3], Some(inside))]);
    drop(span);
    wait_until(|| !is_alive(inside));
    // The one thread of the runtime is in no span by now.
    lp.off.call_async(look_thrice()).then(keep);
    lp.run_until(&mut seen, |seen| seen.len() == 2);
    assert_eq!(seen[1], (vec![None; 3], None));
}

#[test]
fn a_poll_that_blocks_is_an_event_with_its_name_and_place() {
    let lp = recorded::<bool>(AsyncCalls::new().stall(Duration::from_millis(5)));
    let line = line!() + 2;
    let call = lp.off.call_async(async { std::thread::sleep(Duration::from_millis(20)) });
    call.name("blocks").then(|done, _| *done = true);
    let mut done = false;
    lp.run_until(&mut done, |done| *done);
    wait_for("it is told", || !told("blocks").is_empty());
    let told = told("blocks");
    assert_eq!(told.len(), 1, "{told:?}");
    let (event, place) = (&told[0], format!("{}:{line}:", file!()));
    assert_eq!(event.level, Level::WARN);
    assert_eq!(event.fields["message"], "async call stalled its thread");
    assert!(event.fields["place"].starts_with(&place), "{event:?} {place}");
    let took = &event.fields["took"];
    // A machine that stands still has it take seconds.
    let number = took.strip_suffix("ms").or(took.strip_suffix('s'));
    assert!(number.is_some_and(|number| number.parse::<f64>().is_ok()), "{event:?}");
}

//! A program whose `main` begins with `run_if_worker`, as users write it: it is its own worker.
//!
//! Invariant: without the test harness, because the first line of `main` is what is tested. Each
//! check prints a line like the harness does, and a broken one is a panic.

use std::sync::mpsc;
use std::time::Duration;

use offloop::{Failure, Functions, Offloop, Outcome, Processes};

fn double(n: u32) -> u32 {
    n * 2
}

/// The name and the command line of the process that it runs in.
fn identity(_: ()) -> (String, String) {
    let read = |file: &str| std::fs::read(format!("/proc/self/{file}")).unwrap_or_default();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ");
    (text(read("comm")), text(read("cmdline")))
}

/// Whether what it starts is a worker, too: this program again, with the same surroundings.
fn start_this_program(_: ()) -> String {
    let again = std::process::Command::new("/proc/self/exe").arg("--say-hello").output();
    String::from_utf8_lossy(&again.expect("it can be started").stdout).into_owned()
}

fn abort(_: ()) {
    std::process::abort()
}

fn functions() -> Functions {
    Functions::new()
        .add("double", double)
        .add("identity", identity)
        .add("start this program", start_this_program)
        .add("abort", abort)
}

/// Builds an offloop, makes one call, and gives its outcome.
fn outcome<T: Send + 'static>(
    processes: Processes,
    call: impl FnOnce(&Offloop<Option<Outcome<T>>>),
) -> Outcome<T> {
    let (wake, woken) = mpsc::channel();
    let builder = Offloop::builder().waker(move || wake.send(()));
    let off = builder.processes(processes).build().expect("it can be built");
    call(&off);
    let mut outcome = None;
    while outcome.is_none() {
        woken.recv_timeout(Duration::from_secs(30)).expect("the loop is woken");
        off.deliver(&mut outcome);
    }
    outcome.expect("it is there")
}

fn check(name: &str, holds: bool) {
    assert!(holds, "{name}");
    println!("test {name} ... ok");
}

/// What a copy of this program says that removes its own file before it starts a worker.
fn run_without_a_file() -> String {
    let copy = std::env::temp_dir().join(format!("offloop-test-copy-{}", std::process::id()));
    std::fs::copy("/proc/self/exe", &copy).expect("there is room");
    let ran = std::process::Command::new(&copy).arg("--without-a-file").output();
    let _removed_by_itself = std::fs::remove_file(&copy);
    String::from_utf8_lossy(&ran.expect("it can be started").stdout).into_owned()
}

fn main() {
    let forgotten = Offloop::<()>::builder().no_waker().processes(Processes::new(functions()));
    let forgotten = forgotten.build().map(|_| ()).map_err(|error| error.to_string());

    offloop::worker::run_if_worker(&functions());
    if std::env::args().any(|arg| arg == "--say-hello") {
        return println!("hello");
    }
    if std::env::args().any(|arg| arg == "--without-a-file") {
        std::fs::remove_file(std::env::current_exe().expect("it has a path")).expect("it is there");
        let doubled = outcome(Processes::new(functions()).workers(1), |off| {
            off.call_fn(double, 21).process().then(|seen, outcome| *seen = Some(outcome));
        });
        return println!("{doubled:?}");
    }
    let text = forgotten.expect_err("nobody would become a worker");
    check("a_main_that_forgets_is_told_by_build", text.contains("as the first line of main()"));

    let others = Functions::new().add("double", double);
    let built = Offloop::<()>::builder().no_waker().processes(Processes::new(others)).build();
    let text = built.expect_err("the worker would have others").to_string();
    check("other_functions_are_told_by_build", text.contains("different functions"));

    let processes = || Processes::new(functions()).workers(1);
    let doubled = outcome(processes(), |off| {
        off.call_fn(double, 21).process().then(|seen, outcome| *seen = Some(outcome));
    });
    check("the_program_is_its_own_worker", matches!(doubled, Ok(42)));

    let (comm, line) = outcome(processes(), |off| {
        off.call_fn(identity, ()).process().then(|seen, outcome| *seen = Some(outcome));
    })
    .expect("it is told");
    check("a_worker_has_a_readable_name", comm.trim() == "offloop-worker");
    check("ps_shows_whose_worker_it_is", line.starts_with("offloop-worker of process_main"));

    let said = outcome(processes(), |off| {
        off.call_fn(start_this_program, ()).process().then(|seen, outcome| *seen = Some(outcome));
    });
    check("what_a_worker_starts_is_no_worker", matches!(said.as_deref(), Ok("hello\n")));

    check("a_program_whose_file_is_gone_is_its_own_worker", run_without_a_file() == "Ok(42)\n");

    let died = outcome(processes(), |off| {
        off.call_fn(abort, ()).process().then(|seen, outcome| *seen = Some(outcome));
    });
    check("a_crash_ends_the_worker_alone", matches!(died, Err(Failure::Died(_))));
}

//! The process executor, through an offloop, as users have it. Invariant: the worker of these tests
//! is this test program again, told to run the one test that becomes a worker.
//!
//! What goes wrong with worker processes elsewhere, and the test that holds it here. Those without a
//! module of this program are `sys` (`src/sys/process/tests.rs`), `src` (`src/execute/process/tests.rs`),
//! `leash` (its loom model) and `process_main` (a program of its own).
//!
//! | pitfall | held by |
//! | --- | --- |
//! | a reset is told ahead of results that are queued | `sys::what_was_sent_before_an_end_with_an_unread_message_is_heard` |
//! | a death is believed before its last message is read | `src::what_a_worker_said_is_heard_though_it_has_ended` |
//! | a decided call starts after all | `stop::a_call_cancelled_in_the_queue_never_begins`, `stop::a_call_cancelled_while_its_argument_is_encoded_never_begins`, `leash` |
//! | a call that had begun is run again | `death::a_call_that_began_is_not_run_again_unless_it_is_idempotent`, `chaos` |
//! | a kill hits the next call | `stop::a_cancel_that_comes_late_kills_nobody_elses_call`, `leash`, `chaos` |
//! | one of several workers outlives its parent | `host::a_worker_ends_with_its_parent_even_a_busy_one` |
//! | a worker ends with the thread that asked for it | `host::a_worker_outlives_the_thread_whose_call_it_was_started_for` |
//! | a start copies the parent's memory | no code can run between fork and exec: that is `unsafe`, which `cargo xtask tidy` allows in listed files alone |
//! | it dies, hangs or talks nonsense before it is ready; over and over | `start::a_worker_that_ends_before_it_is_ready`, `start::a_worker_that_hangs_before_it_is_ready`, `start::a_worker_that_says_nonsense` |
//! | a pool that became empty stays so | `death::a_storm_of_kills_between_calls_is_never_heard_of`, `host::a_host_without_descriptors_hears_that_there_is_no_worker` |
//! | a `main` that forgot is a fork bomb | `process_main::a_main_that_forgets_is_told_by_build`, `process_main::what_a_worker_starts_is_no_worker` |
//! | the two programs differ | `start::a_worker_with_other_functions`, `process_main::other_functions_are_told_by_build` |
//! | the program's file is gone | `process_main::a_program_whose_file_is_gone_is_its_own_worker` |
//! | a result that nobody takes holds its worker | `outcomes::an_outcome_that_nobody_takes_holds_no_worker` |
//! | both sides write into full pipes | `payload::large_values_in_both_directions_at_once_block_nobody`, `sys::a_socket_whose_other_end_is_full_says_so_and_does_not_wait` |
//! | what can't be told, exits, aborts or panics in `Drop` wedges the pool | `payload::what_can_not_be_told_is_an_outcome_and_the_worker_lives_on`, `payload::a_result_whose_end_panics_in_the_worker_is_a_value_all_the_same`, `outcomes::a_worker_that_dies_costs_the_call_that_it_ran` |
//! | shared memory has a name, or a mount's limit | `payload::memory_for_payloads_has_no_name` |
//! | it is shrunk by the other side | `sys::shared_memory_can_not_be_shrunk_and_is_not_taken_unsealed` |
//! | descriptors run out | `host::a_host_without_descriptors_hears_that_there_is_no_worker` |
//! | the host forks | `host::a_forked_child_neither_uses_nor_ends_the_workers` |
//! | views that are kept use the memory up | `shared::buffers_that_are_kept_hold_up_no_call` |
//! | a grandchild holds the socket open, or outlives | `death::a_death_is_noticed_though_a_grandchild_holds_the_socket`, `sys::a_child_that_ends_takes_its_group_with_it` |
//! | the host reaps, or ignores `SIGCHLD` | `host::a_host_that_reaps_all_children_itself_breaks_nothing`, `host::a_host_that_ignores_the_end_of_children_loses_the_status_only` |
//! | descriptors, signal masks and environment leak | `host::a_worker_inherits_its_three_streams_and_no_signals`, `process_main::what_a_worker_starts_is_no_worker` |
//! | a limit on memory refuses the shared memory | `limits::an_allocation_beyond_the_limit_fails_and_payloads_do_not_count` |
//! | a message is cut | `sys::a_message_larger_than_the_buffer_is_an_error` |
//! | a stopped process holds its call | `hostile::a_stopped_process_and_a_deadline`, `chaos` |

#[path = "../common/mod.rs"]
mod common;

mod chaos;
mod context;
mod death;
mod functions;
mod host;
mod hostile;
mod ignore;
mod largest;
mod leaving;
mod limits;
mod outcomes;
mod output;
mod payload;
mod shared;
mod start;
mod stop;
mod submit;
mod surroundings;
mod tricks;
mod values;

/// No test of anything: where this program, started as a worker, becomes one.
#[test]
fn worker_entry() {
    offloop::worker::run_if_worker(&functions::functions());
}

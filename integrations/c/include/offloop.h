// offloop for C: takes an expensive call off the event loop that you already have, runs it on
// another thread, and brings exactly one outcome back onto that loop.
//
// Made by cbindgen from the sources of the crate offloop-c; change those.
//
//     offloop_create -> offloop_submit -> (the function, on a thread) -> offloop_deliver -> (the handler)
//
// The shortest way is offloop_open -> offloop_run -> offloop_deliver.
//
// Threads. The thread that creates an offloop is its loop thread. Handlers, progress handlers and
// `drop_user` run there, inside offloop_deliver (or, for handlers that no turn will run any more,
// `drop_user` alone inside offloop_destroy). Functions, `drop_data` and `drop_value` run on other
// threads. Any thread, a function included, may call offloop_submit, offloop_run, offloop_cancel,
// offloop_is_done, offloop_is_cancelled, offloop_progress, offloop_create and offloop_open (for a
// loop of its own), offloop_last_error and offloop_version; all others are for the loop thread, and
// say OFFLOOP_ERROR_THREAD elsewhere.
//
// Order. Handlers run in the order in which their calls complete, or, with OFFLOOP_IN_ORDER, in the
// order of submits of one key. A call that is submitted inside a handler is never handled in the same turn.
//
// Ownership. From an offloop_submit that returns OFFLOOP_OK, whatever ends the call: `drop_data(data)`
// runs once, after the function has returned or in its place; `drop_user(user)` runs once, after the
// handler has returned or in its place; a value that is not null goes to the handler, which owns it, or to
// `drop_value`, once. After an error nothing was taken, and nothing will run. Structs that you pass
// are copied before the call returns, names too. Pointers that you are given (an outcome, its
// message, a last error) are borrowed, for as long as their description says.
//
// Handles are numbers, looked up at each use: one that is used after its end, or on something else,
// is an error and no more; 0 never is a valid one.
//
// Callbacks. A function that is called from here must return: no longjmp out of it, no thread
// exit. An exception of C++ that leaves one ends the program. The wake callback runs on any thread,
// and calls nothing of offloop but offloop_is_done, offloop_is_cancelled and offloop_version.
//
// Errors. Functions return a number below zero, and offloop_last_error says in a sentence why. On
// Unix errno has the number that comes nearest, for perror.
//
// End. offloop_destroy ends the threads. A function that is still running then keeps its thread, its
// `data` and this library's code until it returns, so do not unload the library before.


#ifndef OFFLOOP_H
#define OFFLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// It was done; the kind of an outcome with a value.
#define OFFLOOP_OK 0

// A pointer is null that must not be.
#define OFFLOOP_ERROR_NULL -1

// An option or a pointer that can't be right; or a `size` that is not that of the struct.
#define OFFLOOP_ERROR_INVALID -2

// There is no such offloop or call, or none any more.
#define OFFLOOP_ERROR_UNKNOWN -3

// It was asked on another thread than the loop's.
#define OFFLOOP_ERROR_THREAD -4

// It was asked inside a handler or a wake callback, where it can't be done.
#define OFFLOOP_ERROR_NESTED -5

// What was asked does not fit what the offloop or the call is, or has come to; or this process was
// forked from the one that made it.
#define OFFLOOP_ERROR_STATE -6

// The system refused a thread or a descriptor.
#define OFFLOOP_ERROR_SYSTEM -7

// A panic of Rust was caught: of a handler in Rust, or of a turn in a forked child.
#define OFFLOOP_ERROR_PANIC -8

// The function panicked, which one in C never does.
#define OFFLOOP_PANICKED 1

// The deadline passed.
#define OFFLOOP_TIMED_OUT 2

// It was cancelled by its ticket.
#define OFFLOOP_CANCELLED 3

// A newer call with the same key of OFFLOOP_LATEST came.
#define OFFLOOP_SUPERSEDED 4

// Too many calls were waiting.
#define OFFLOOP_QUEUE_FULL 5

// It was refused for another reason, which the message tells.
#define OFFLOOP_REJECTED 6

// The offloop was closed, shut down or destroyed before.
#define OFFLOOP_SHUT_DOWN 7

// The loop watches the descriptor of offloop_fd for reading. Unix.
#define OFFLOOP_WAKE_FD 0

// The loop is woken by a callback.
#define OFFLOOP_WAKE_CALLBACK 1

// The loop polls: it calls offloop_deliver each time round.
#define OFFLOOP_WAKE_NONE 2

// For blocking calls: a pool that grows and shrinks.
#define OFFLOOP_THREADS 0

// For computing calls: as many threads as cores, less one.
#define OFFLOOP_CORES 1

// Before and after those of high and of low priority.
#define OFFLOOP_NORMAL 0

// Ahead of all others that wait.
#define OFFLOOP_HIGH 1

// Behind all others that wait.
#define OFFLOOP_LOW 2

// Handlers of calls with an equal `in_order_key` run in submit order.
#define OFFLOOP_IN_ORDER 1

// Functions of calls with an equal `serial_key` run one at a time, in submit order.
#define OFFLOOP_SERIAL 2

// A call supersedes earlier ones with an equal `latest_key`.
#define OFFLOOP_LATEST 4

// `on_progress` hears of each value, and the function waits while 64 of them wait for the loop;
// without, of the newest.
#define OFFLOOP_EACH_PROGRESS 8

// Makes the loop call offloop_deliver soon. On any thread, on several at once too; it must not block.
typedef void (*offloop_wake)(void *data);

// How to make an offloop. All zero but the size is the default.
typedef struct offloop_options {
  // `sizeof(offloop_options)`.
  size_t size;
  // OFFLOOP_WAKE_FD, OFFLOOP_WAKE_CALLBACK or OFFLOOP_WAKE_NONE.
  uint32_t waking;
  // Threads of OFFLOOP_THREADS, at most; 0: 64.
  uint32_t threads_max;
  // Threads of OFFLOOP_CORES; 0: as many as cores, less one.
  uint32_t cores;
  // Calls that may wait for each of the two; 0: 65536.
  uint32_t queue;
  // Handlers per turn, at most; 0: 1024.
  uint32_t turn_max_calls;
  // Time per turn, after which the handler that runs is its last; 0: 4000.
  uint32_t turn_max_us;
  // For OFFLOOP_WAKE_CALLBACK. Not called any more once offloop_destroy has returned.
  offloop_wake wake;
  // What `wake` is given.
  void *wake_data;
} offloop_options;

// An offloop. 0 is none.
typedef uint64_t offloop_id;

// A call that was submitted, from then until its outcome has been delivered and its function has
// ended. 0 is none.
typedef uint64_t offloop_ticket;

// What is taken off the loop; gives the value, which may be null.
typedef void *(*offloop_function)(void *data, offloop_ticket ticket);

// Ends what a pointer points to.
typedef void (*offloop_drop)(void *pointer);

// What came of a call.
typedef struct offloop_outcome {
  // The call's.
  offloop_ticket ticket;
  // What the function returned, which is the handler's now; null if `kind` is not OFFLOOP_OK.
  void *value;
  // What happened instead, in a sentence, until the handler returns; empty if there is a value.
  const char *message;
  // OFFLOOP_OK, OFFLOOP_PANICKED, OFFLOOP_TIMED_OUT, OFFLOOP_CANCELLED, OFFLOOP_SUPERSEDED,
  // OFFLOOP_QUEUE_FULL, OFFLOOP_REJECTED or OFFLOOP_SHUT_DOWN.
  uint32_t kind;
} offloop_outcome;

// Gets the outcome, inside offloop_deliver, whose `state` it is given.
typedef void (*offloop_handler)(void *state, void *user, const struct offloop_outcome *outcome);

// Gets what offloop_progress was given, inside offloop_deliver.
typedef void (*offloop_progress_handler)(void *state, void *user, uint64_t done, uint64_t of);

// A call to submit. All zero but size, function and handler is the default.
typedef struct offloop_call {
  // `sizeof(offloop_call)`.
  size_t size;
  // Runs on another thread.
  offloop_function function;
  // What `function` is given.
  void *data;
  // Runs once with `data`, off the loop thread: behind the function, or in its place when a thread
  // comes to a call that has ended, or behind offloop_destroy.
  offloop_drop drop_data;
  // Runs with a value that no handler gets, off the loop thread or in offloop_destroy.
  offloop_drop drop_value;
  // Runs on the loop thread.
  offloop_handler handler;
  // Runs on the loop thread, before `handler`; may be null.
  offloop_progress_handler on_progress;
  // What `handler` and `on_progress` are given.
  void *user;
  // Runs once with `user`, on the loop thread: behind the handler, or in its place.
  offloop_drop drop_user;
  // For reports, in UTF-8; may be null.
  const char *name;
  // Time from the submit on, after which the outcome is OFFLOOP_TIMED_OUT; 0: no deadline. A
  // function that runs then goes on until it returns, and its value is dropped.
  uint64_t deadline_ms;
  // OFFLOOP_THREADS or OFFLOOP_CORES.
  uint32_t executor;
  // OFFLOOP_NORMAL, OFFLOOP_HIGH or OFFLOOP_LOW.
  uint32_t priority;
  // OFFLOOP_IN_ORDER, OFFLOOP_SERIAL, OFFLOOP_LATEST and OFFLOOP_EACH_PROGRESS, or'ed.
  uint32_t policies;
  // Counts with OFFLOOP_IN_ORDER.
  uint64_t in_order_key;
  // Counts with OFFLOOP_SERIAL.
  uint64_t serial_key;
  // Counts with OFFLOOP_LATEST.
  uint64_t latest_key;
} offloop_call;

// What a shutdown came to.
typedef struct offloop_report {
  // Functions that were running, and returned in time.
  size_t finished;
  // Calls that waited; their functions were never run.
  size_t never_started;
  // Functions that were still running at its end.
  size_t abandoned;
  // The names of their calls, one a line, until the offloop is destroyed.
  const char *abandoned_names;
} offloop_report;

// What offloop_run takes off the loop: a function as a thread's is.
typedef void *(*offloop_work)(void *data);

// Gets the value, inside offloop_deliver, whose `state` it is given.
typedef void (*offloop_then)(void *state, void *value);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Makes an offloop for the calling thread's loop, and starts the one thread that each has.
//
// End it by offloop_destroy. A thread that ends before that does it, and so may the whole program.
//
// # Safety
// `options` is null (the default) or points to an offloop_options; `made` to an offloop_id.
int32_t offloop_create(const struct offloop_options *options, offloop_id *made);

// Submits a call. Never blocks. On any thread; from others than the loop's too.
//
// One that can't be taken, because the queue is full or the offloop closed, is OFFLOOP_OK here: its handler hears of it.
//
// # Safety
// `call` points to an offloop_call whose functions and pointers are good as the header's head
// says; `ticket` is null or points to an offloop_ticket.
int32_t offloop_submit(offloop_id off,
                       const struct offloop_call *call,
                       offloop_ticket *ticket);

// Cancels a call: its outcome is OFFLOOP_CANCELLED, unless it has one. On any thread.
//
// A function that waits will not run; one that runs goes on until it returns, and can ask
// offloop_is_cancelled. OFFLOOP_ERROR_UNKNOWN says that the call has ended, which is no harm.
int32_t offloop_cancel(offloop_ticket ticket);

// 1 if the outcome is decided, 0 if not. On any thread. OFFLOOP_ERROR_UNKNOWN: it was delivered.
int32_t offloop_is_done(offloop_ticket ticket);

// Inside the call's function: 1 if nobody wants its value any more (it was cancelled or
// superseded, its deadline passed, the offloop is shutting down), 0 if somebody does. Never
// blocks.
int32_t offloop_is_cancelled(offloop_ticket ticket);

// Inside the call's function: sends two numbers to `on_progress`. Without one it does nothing.
int32_t offloop_progress(offloop_ticket ticket, uint64_t done, uint64_t of);

// One turn: runs the handlers whose outcomes are there. Gives how many. `state` is what they get.
//
// Call it where the loop was woken, on the loop thread. If the turn's limit ended it, the loop is
// woken again, and `more` is set, for one that polls. Inside a handler it runs nothing and is
// OFFLOOP_ERROR_NESTED; the outer turn wakes the loop when it ends, so a loop that a handler runs
// may call it.
//
// # Safety
// `state` is what the handlers take; `more` is null or points to a bool.
int32_t offloop_deliver(offloop_id off, void *state, bool *more);

// The descriptor to watch for reading, level- or edge-triggered, if it was made with
// OFFLOOP_WAKE_FD. Call offloop_deliver when it is readable; that resets it. It is the offloop's
// own: do not read or close it, and stop watching it before offloop_destroy.
int32_t offloop_fd(offloop_id off);

// How many calls have not been delivered yet.
int32_t offloop_pending(offloop_id off);

// Refuses new calls, and turns those that wait into OFFLOOP_SHUT_DOWN. What runs may finish. Never
// blocks: go on delivering until offloop_is_closed.
int32_t offloop_close(offloop_id off);

// 1 if it was closed and every call has been delivered since, else 0.
int32_t offloop_is_closed(offloop_id off);

// Closes it, asks what runs to stop, and waits for that, at most `within_ms`. All outcomes are decided
// then; offloop_deliver still hands them over. Inside a handler only with 0.
//
// # Safety
// `report` is null or points to an offloop_report.
int32_t offloop_shutdown(offloop_id off,
                         uint64_t within_ms,
                         struct offloop_report *report);

// Ends it, as by a shutdown that does not wait, and drops what no turn has handled: `drop_user`
// runs here. Not inside a handler. What is left of it is told no more: its tickets and itself are unknown.
int32_t offloop_destroy(offloop_id off);

// Why the last function that failed on this thread did, in a sentence; empty if none did. Until
// the next one fails on this thread.
const char *offloop_last_error(void);

// The version of this library, for ever.
const char *offloop_version(void);

// Same as offloop_create(NULL, made), and then offloop_fd(*made), which it gives. Unix.
//
// # Safety
// `made` points to an offloop_id.
int32_t offloop_open(offloop_id *made);

// Same as then(state, function(data)), except that the function runs on another thread, and `then`
// inside a later offloop_deliver, whose `state` it gets. errno is brought along. Never blocks.
//
// If the function is not run, because too many calls wait, the offloop was closed or the system
// has no more threads, the value is null, errno says why (EAGAIN, ECANCELED), and
// offloop_last_error in a sentence; that one is empty where the function itself returned a null.
// For a deadline, a ticket, destructors or another policy: offloop_submit. A value that `then`
// never gets, because the offloop was shut down or destroyed before, is lost.
//
// # Safety
// `function` takes `data` on another thread; `then` takes what it gives, and the state of each
// turn.
int32_t offloop_run(offloop_id off, offloop_work function, void *data, offloop_then then);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OFFLOOP_H */

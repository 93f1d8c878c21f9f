/* The ABI, used and misused by a C program; run as it is, with sanitizers and under memcheck.
 * Invariant: every block is freed by the one callback that has to, so that a checker finds what runs
 * twice or never. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "offloop.h"

#define CHECK(that)                                                                            \
    do {                                                                                       \
        if (!(that)) {                                                                         \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #that, offloop_last_error()); \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

static atomic_int drops;
static unsigned outcomes[8];

static void drop(void *pointer)
{
    free(pointer);
    atomic_fetch_add(&drops, 1);
}

static void *twice(void *data, offloop_ticket ticket)
{
    int *value = malloc(sizeof *value);
    offloop_progress(ticket, 1, 1);
    *value = *(int *)data * 2;
    return value;
}

static void *until_cancelled(void *data, offloop_ticket ticket)
{
    while (!offloop_is_cancelled(ticket))
        usleep(1000);
    return twice(data, ticket);
}

static void count(void *state, void *user, const offloop_outcome *outcome)
{
    CHECK(outcome->kind < 8 && *(int *)user == 21);
    CHECK((outcome->kind == OFFLOOP_OK) == (outcome->message[0] == '\0'));
    CHECK(outcome->kind != OFFLOOP_OK || *(int *)outcome->value == 42);
    outcomes[outcome->kind]++;
    *(int *)state += 1;
    free(outcome->value);
}

static void on_progress(void *state, void *user, uint64_t done, uint64_t of)
{
    CHECK(state && *(int *)user == 21 && done == 1 && of == 1);
}

static int *block(void)
{
    int *number = malloc(sizeof *number);
    *number = 21;
    return number;
}

static offloop_call described(offloop_function function)
{
    return (offloop_call){ .size = sizeof(offloop_call), .function = function, .data = block(),
                           .drop_data = drop, .drop_value = free, .handler = count,
                           .on_progress = on_progress, .user = block(), .drop_user = drop };
}

static offloop_ticket submit(offloop_id off, offloop_function function)
{
    offloop_call call = described(function);
    offloop_ticket ticket = 0;
    CHECK(offloop_submit(off, &call, &ticket) == OFFLOOP_OK && ticket != 0);
    return ticket;
}

static void deliver(offloop_id off, int until)
{
    int seen = 0;
    struct pollfd fd = { .fd = offloop_fd(off), .events = POLLIN };
    while (seen < until) {
        CHECK(poll(&fd, 1, 60000) == 1);
        CHECK(offloop_deliver(off, &seen, NULL) >= 0);
    }
}

static void *elsewhere(void *data)
{
    offloop_id off = *(offloop_id *)data;
    CHECK(offloop_deliver(off, NULL, NULL) == OFFLOOP_ERROR_THREAD);
    CHECK(offloop_fd(off) == OFFLOOP_ERROR_THREAD);
    CHECK(offloop_destroy(off) == OFFLOOP_ERROR_THREAD);
    CHECK(strstr(offloop_last_error(), "thread"));
    submit(off, twice);
    return NULL;
}

static void leave(void)
{
    _exit(0);
}

static void wait_for(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* In a child that was forked, everything is refused, and nothing is taken. */
static void forked(offloop_id off)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        offloop_call call = described(twice);
        CHECK(offloop_submit(off, &call, NULL) == OFFLOOP_ERROR_STATE);
        CHECK(offloop_deliver(off, NULL, NULL) == OFFLOOP_ERROR_PANIC);
        CHECK(offloop_shutdown(off, 0, NULL) == OFFLOOP_ERROR_STATE);
        CHECK(offloop_destroy(off) == OFFLOOP_ERROR_STATE);
        free(call.data);
        free(call.user);
        _exit(0);
    }
    wait_for(child);
}

/* A child of another thread than the loop's is refused too. */
static void *forked_elsewhere(void *data)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        offloop_call call = described(twice);
        CHECK(offloop_submit(*(offloop_id *)data, &call, NULL) == OFFLOOP_ERROR_STATE);
        _exit(0);
    }
    wait_for(child);
    return NULL;
}

/* The system's own number stands in errno. */
static void without_descriptors(void)
{
    struct rlimit limit, none;
    offloop_id off = 0;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(offloop_open(&off) == OFFLOOP_ERROR_SYSTEM && errno == EMFILE && off == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void *text(void *data)
{
    return strdup(data);
}

static void compare(void *state, void *value)
{
    CHECK(strcmp(value, "a name") == 0);
    *(int *)state += 1;
    free(value);
}

static void the_short_way(void)
{
    int seen = 0;
    offloop_id off;
    struct pollfd fd = { .fd = offloop_open(&off), .events = POLLIN };
    CHECK(offloop_run(off, text, "a name", compare) == OFFLOOP_OK);
    while (seen < 1) {
        CHECK(poll(&fd, 1, 60000) == 1);
        CHECK(offloop_deliver(off, &seen, NULL) >= 0);
    }
    CHECK(offloop_destroy(off) == OFFLOOP_OK);
    CHECK(offloop_run(off, text, "a name", compare) == OFFLOOP_ERROR_UNKNOWN);
}

static int inside[2], outside[2];

static void wake_slowly(void *data)
{
    char byte;
    (void)data;
    CHECK(write(inside[1], "i", 1) == 1);
    CHECK(read(outside[0], &byte, 1) == 1);
}

static void *cancel(void *data)
{
    CHECK(offloop_cancel(*(offloop_ticket *)data) == OFFLOOP_OK);
    return NULL;
}

/* A child ends its threads' loops without a lock that a thread of the parent's had. */
static void forked_while_it_wakes(void)
{
    char byte;
    pthread_t thread;
    offloop_id off;
    offloop_options options = { .size = sizeof options, .waking = OFFLOOP_WAKE_CALLBACK,
                                .wake = wake_slowly };
    CHECK(pipe(inside) == 0 && pipe(outside) == 0);
    CHECK(offloop_create(&options, &off) == OFFLOOP_OK);
    offloop_ticket ticket = submit(off, until_cancelled);
    CHECK(pthread_create(&thread, NULL, cancel, &ticket) == 0);
    CHECK(read(inside[0], &byte, 1) == 1);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        atexit(leave); /* behind the thread's own end, and before a sanitizer's */
        exit(0);
    }
    wait_for(child);
    CHECK(write(outside[1], "o", 1) == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(offloop_destroy(off) == OFFLOOP_OK);
    for (int at = 0; at < 2; at++)
        close(inside[at]), close(outside[at]);
}

static void wake(void *data)
{
    CHECK(write(*(int *)data, "w", 1) == 1);
}

static void by_callback(void)
{
    int ends[2], seen = 0;
    char byte;
    CHECK(pipe(ends) == 0);
    offloop_options options = { .size = sizeof options, .waking = OFFLOOP_WAKE_CALLBACK,
                                .wake = wake, .wake_data = &ends[1] };
    offloop_id off;
    CHECK(offloop_create(&options, &off) == OFFLOOP_OK);
    submit(off, twice);
    while (seen < 1) {
        CHECK(read(ends[0], &byte, 1) == 1);
        CHECK(offloop_deliver(off, &seen, NULL) >= 0);
    }
    CHECK(offloop_destroy(off) == OFFLOOP_OK);
    close(ends[0]);
    close(ends[1]);
}

/* `--no-fork`: for memcheck, to which all that the parent's threads held is lost in a forked child. */
int main(int argc, char **argv)
{
    int forks = argc < 2 || strcmp(argv[1], "--no-fork") != 0, expected = forks ? 30 : 28;
    offloop_id off;
    CHECK(offloop_create(NULL, NULL) == OFFLOOP_ERROR_NULL);
    CHECK(offloop_create(NULL, &off) == OFFLOOP_OK);
    CHECK(strlen(offloop_version()) >= 5);

    offloop_call bad = described(twice);
    bad.size = 1;
    CHECK(offloop_submit(off, &bad, NULL) == OFFLOOP_ERROR_INVALID);
    CHECK(offloop_submit(off, NULL, NULL) == OFFLOOP_ERROR_NULL);
    free(bad.data); /* a refusal takes nothing */
    free(bad.user);

    submit(off, twice);
    deliver(off, 1);
    offloop_ticket ticket = submit(off, until_cancelled);
    CHECK(offloop_cancel(ticket) == OFFLOOP_OK);
    deliver(off, 1);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, elsewhere, &off) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    deliver(off, 1);
    CHECK(outcomes[OFFLOOP_OK] == 2 && outcomes[OFFLOOP_CANCELLED] == 1);
    by_callback();
    the_short_way();
    without_descriptors();
    if (forks) {
        forked(off);
        CHECK(pthread_create(&thread, NULL, forked_elsewhere, &off) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        forked_while_it_wakes();
    }

    for (int at = 0; at < 10; at++) /* none of these is delivered */
        ticket = submit(off, until_cancelled);
    offloop_report report;
    CHECK(offloop_shutdown(off, 60000, &report) == OFFLOOP_OK);
    CHECK(report.finished + report.never_started == 10 && report.abandoned == 0);
    CHECK(offloop_destroy(off) == OFFLOOP_OK);
    CHECK(offloop_destroy(off) == OFFLOOP_ERROR_UNKNOWN);
    CHECK(offloop_deliver(off, NULL, NULL) == OFFLOOP_ERROR_UNKNOWN);
    for (int at = 0; at < 6000 && atomic_load(&drops) < expected; at++)
        usleep(10000);
    CHECK(atomic_load(&drops) == expected); /* data and user of each call */
    CHECK(offloop_cancel(ticket) == OFFLOOP_ERROR_UNKNOWN);
    return 0;
}

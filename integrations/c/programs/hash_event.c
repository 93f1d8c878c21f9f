/* One program on every loop; here on libevent. It hashes the files of a folder off the loop, while a
 * counter ticks; `c` and Enter cancel it.
 *
 * `struct app` is the same in all of them: compare two by `diff`, and what is left is their loops.
 * Here that is the last field of it and what stands below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>

#include "hash_folder.h"

enum { TICK_MS = 50 };

struct app {
    offloop_id off;
    struct hash_options options;
    unsigned long ticks;
    char line[4400];
    offloop_ticket call;
    struct event_base *base;
};

static void app_on_progress(void *state, void *user, uint64_t done, uint64_t of);
static void app_on_outcome(void *state, void *user, const offloop_outcome *outcome);

static void app_new(struct app *app, const offloop_options *options, int argc, char **argv)
{
    memset(app, 0, sizeof *app);
    app->options = hash_options_from_args(argc, argv);
    if (offloop_create(options, &app->off) != OFFLOOP_OK) {
        fprintf(stderr, "%s\n", offloop_last_error());
        exit(1);
    }
}

/* Here the loop would stand still: `summary = hash_folder(&app->options, 0)`. */
static void app_start(struct app *app)
{
    offloop_call call = {
        .size = sizeof call,
        .function = hash_folder,
        .data = hash_options_copy(&app->options),
        .drop_data = free,
        .drop_value = free,
        .handler = app_on_outcome,
        .on_progress = app_on_progress,
        .name = "hash",
    };
    if (offloop_submit(app->off, &call, &app->call) != OFFLOOP_OK) {
        fprintf(stderr, "%s\n", offloop_last_error());
        exit(1);
    }
}

static void app_cancel(struct app *app)
{
    offloop_cancel(app->call);
}

static void app_tick(struct app *app)
{
    app->ticks++;
}

static void app_on_progress(void *state, void *user, uint64_t done, uint64_t of)
{
    struct app *app = (struct app *)state;
    (void)user;
    snprintf(app->line, sizeof app->line, "%lu of %lu files", (unsigned long)done, (unsigned long)of);
}

static void app_on_outcome(void *state, void *user, const offloop_outcome *outcome)
{
    struct app *app = (struct app *)state;
    (void)user;
    app->call = 0;
    if (outcome->kind == OFFLOOP_OK)
        hash_summary_print((struct hash_summary *)outcome->value, app->line, sizeof app->line);
    else
        snprintf(app->line, sizeof app->line, "%s", outcome->message);
    free(outcome->value);
    puts(app->line);
    fflush(stdout);
}

/* A function that was cancelled may still run: it is asked to stop, and waited for. */
static void app_end(struct app *app)
{
    offloop_shutdown(app->off, 10000, NULL);
    offloop_destroy(app->off);
}

static void on_woken(evutil_socket_t fd, short what, void *data)
{
    struct app *app = data;
    (void)fd, (void)what;
    offloop_deliver(app->off, app, NULL);
    if (!app->call)
        event_base_loopbreak(app->base);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
    struct app *app = data;
    (void)fd, (void)what;
    app_tick(app);
    fprintf(stderr, "\r%lu %s  ", app->ticks, app->line);
}

static void on_keys(evutil_socket_t fd, short what, void *data)
{
    char keys[64];
    ssize_t count = read(fd, keys, sizeof keys);
    (void)what;
    if (count > 0 && memchr(keys, 'c', (size_t)count))
        app_cancel(data);
    if (count > 0)
        event_base_once(((struct app *)data)->base, fd, EV_READ, on_keys, data, NULL);
}

int main(int argc, char **argv)
{
    struct app app;
    app_new(&app, NULL, argc, argv);
    app_start(&app);
    app.base = event_base_new();
    struct event *woken =
        event_new(app.base, offloop_fd(app.off), EV_READ | EV_PERSIST, on_woken, &app);
    struct event *timer = event_new(app.base, -1, EV_PERSIST, on_timer, &app);
    event_add(woken, NULL);
    event_add(timer, &(struct timeval){ .tv_usec = TICK_MS * 1000 });
    if (isatty(STDIN_FILENO) || lseek(STDIN_FILENO, 0, SEEK_CUR) < 0) /* not where it is a file */
        event_base_once(app.base, STDIN_FILENO, EV_READ, on_keys, &app, NULL);
    event_base_dispatch(app.base);
    event_free(woken);
    event_free(timer);
    event_base_free(app.base);
    app_end(&app);
    return 0;
}

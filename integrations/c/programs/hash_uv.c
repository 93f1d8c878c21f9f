/* One program on every loop; here on libuv. It hashes the files of a folder off the loop, while a
 * counter ticks; `c` and Enter cancel it.
 *
 * `struct app` is the same in all of them: compare two by `diff`, and what is left is their loops.
 * Here that is the last fields of it and what stands below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "hash_folder.h"

enum { TICK_MS = 50 };

struct app {
    offloop_id off;
    struct hash_options options;
    unsigned long ticks;
    char line[4400];
    offloop_ticket call;
    uv_poll_t woken, keys;
    uv_timer_t timer;
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

static void on_woken(uv_poll_t *woken, int status, int events)
{
    struct app *app = woken->data;
    (void)status, (void)events;
    offloop_deliver(app->off, app, NULL);
    if (!app->call) { /* and then the loop has nothing left to do */
        uv_close((uv_handle_t *)&app->woken, NULL);
        uv_close((uv_handle_t *)&app->timer, NULL);
        if (app->keys.data)
            uv_close((uv_handle_t *)&app->keys, NULL);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct app *app = timer->data;
    app_tick(app);
    fprintf(stderr, "\r%lu %s  ", app->ticks, app->line);
}

static void on_keys(uv_poll_t *watch, int status, int events)
{
    char keys[64];
    ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    (void)status, (void)events;
    if (count <= 0)
        uv_poll_stop(watch);
    else if (memchr(keys, 'c', (size_t)count))
        app_cancel(watch->data);
}

int main(int argc, char **argv)
{
    struct app app;
    app_new(&app, NULL, argc, argv);
    app_start(&app);
    uv_loop_t *loop = uv_default_loop();
    uv_poll_init(loop, &app.woken, offloop_fd(app.off));
    app.woken.data = &app;
    uv_poll_start(&app.woken, UV_READABLE, on_woken);
    if (uv_poll_init(loop, &app.keys, STDIN_FILENO) == 0) { /* not where it is a file */
        app.keys.data = &app;
        uv_poll_start(&app.keys, UV_READABLE, on_keys);
    }
    uv_timer_init(loop, &app.timer);
    app.timer.data = &app;
    uv_timer_start(&app.timer, on_timer, TICK_MS, TICK_MS);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    app_end(&app);
    return 0;
}

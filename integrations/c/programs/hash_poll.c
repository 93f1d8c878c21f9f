/* One program on every loop; here on poll(2). It hashes the files of a folder off the loop, while a
 * counter ticks; `c` and Enter cancel it.
 *
 * `struct app` is the same in all of them: compare two by `diff`, and what is left is their loops.
 * Here that is what stands below it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hash_folder.h"

enum { TICK_MS = 50 };

struct app {
    offloop_id off;
    struct hash_options options;
    unsigned long ticks;
    char line[4400];
    offloop_ticket call;
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

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    struct app app;
    app_new(&app, NULL, argc, argv);
    app_start(&app);
    struct pollfd fds[] = {
        { .fd = offloop_fd(app.off), .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
    };
    long next_ms = now_ms() + TICK_MS;
    while (app.call) {
        long left_ms = next_ms - now_ms();
        if (poll(fds, 2, left_ms > 0 ? (int)left_ms : 0) < 0 && errno != EINTR) {
            perror("poll");
            return 1;
        }
        if (fds[0].revents)
            offloop_deliver(app.off, &app, NULL);
        if (fds[1].revents) {
            char keys[64];
            ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
            if (count <= 0)
                fds[1].fd = -1;
            else if (memchr(keys, 'c', (size_t)count))
                app_cancel(&app);
        }
        if (now_ms() >= next_ms) {
            app_tick(&app);
            next_ms += TICK_MS;
            fprintf(stderr, "\r%lu %s  ", app.ticks, app.line);
        }
    }
    app_end(&app);
    return 0;
}

/* One program on every loop; here on GLib. It hashes the files of a folder off the loop, while a
 * counter ticks; `c` and Enter cancel it.
 *
 * `struct app` is the same in all of them: compare two by `diff`, and what is left is their loops.
 * Here that is the last field of it and what stands below it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib-unix.h>

#include "hash_folder.h"

enum { TICK_MS = 50 };

struct app {
    offloop_id off;
    struct hash_options options;
    unsigned long ticks;
    char line[4400];
    offloop_ticket call;
    GMainLoop *loop;
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

static gboolean on_woken(gint fd, GIOCondition condition, gpointer data)
{
    struct app *app = data;
    (void)fd, (void)condition;
    offloop_deliver(app->off, app, NULL);
    if (!app->call)
        g_main_loop_quit(app->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean on_timer(gpointer data)
{
    struct app *app = data;
    app_tick(app);
    fprintf(stderr, "\r%lu %s  ", app->ticks, app->line);
    return G_SOURCE_CONTINUE;
}

static gboolean on_keys(gint fd, GIOCondition condition, gpointer data)
{
    char keys[64];
    ssize_t count = read(fd, keys, sizeof keys);
    (void)condition;
    if (count > 0 && memchr(keys, 'c', (size_t)count))
        app_cancel(data);
    return count > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    struct app app;
    app_new(&app, NULL, argc, argv);
    app_start(&app);
    app.loop = g_main_loop_new(NULL, FALSE);
    guint woken = g_unix_fd_add(offloop_fd(app.off), G_IO_IN, on_woken, &app);
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_keys, &app);
    g_timeout_add(TICK_MS, on_timer, &app);
    g_main_loop_run(app.loop);
    g_source_remove(woken);
    g_main_loop_unref(app.loop);
    app_end(&app);
    return 0;
}

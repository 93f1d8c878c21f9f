/* A name is looked up from a GLib loop, and shown. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <glib-unix.h>
#include <offloop_glib.h>

struct app {
    GMainLoop *loop;
    struct offloop_glib off;
};

static void show(void *state, void *answer)
{
    struct app *app = state;
    g_print("localhost: %s\n", answer ? (char *)answer : g_strerror(errno));
    free(answer);
    g_main_loop_quit(app->loop);
}

static int by_text(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* Asks the system, which may ask a server: this takes as long as it takes. */
static void *look_up(void *host)
{
    char names[16][64], answer[16 * 66] = "";
    size_t count = 0;
    struct addrinfo *found, hints = { .ai_socktype = SOCK_STREAM };
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error)
        return strdup(gai_strerror(error));
    for (struct addrinfo *at = found; at && count < 16; at = at->ai_next)
        if (!getnameinfo(at->ai_addr, at->ai_addrlen, names[count], 64, NULL, 0, NI_NUMERICHOST))
            count++;
    freeaddrinfo(found);
    qsort(names, count, sizeof *names, by_text);
    for (size_t at = 0; at < count; at++)
        if (at == 0 || strcmp(names[at], names[at - 1]))
            strcat(strcat(answer, at ? ", " : ""), names[at]);
    return strdup(answer);
}

static gboolean on_timer(gpointer data)
{
    struct app *app = data;
    offloop_run(app->off.id, look_up, "localhost", show);
    return G_SOURCE_REMOVE;
}

static gboolean on_interrupt(gpointer data)
{
    struct app *app = data;
    g_main_loop_quit(app->loop);
    return G_SOURCE_CONTINUE;
}

int main(void)
{
    struct app app = { .loop = g_main_loop_new(NULL, FALSE) };
    g_timeout_add(50, on_timer, &app);
    g_unix_signal_add(SIGINT, on_interrupt, &app);
    g_assert_no_errno(offloop_glib_open(&app.off, NULL, &app));
    g_main_loop_run(app.loop);
    offloop_glib_close(&app.off);
    g_main_loop_unref(app.loop);
    return 0;
}

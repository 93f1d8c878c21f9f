/* A name is looked up from a libevent loop, and shown. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include <offloop_event.h>

struct app {
    struct event_base *base;
    struct offloop_event off;
};

static void check(int code, const char *what)
{
    if (code < 0) {
        perror(what);
        exit(1);
    }
}

static void show(void *state, void *answer)
{
    struct app *app = state;
    printf("localhost: %s\n", answer ? (char *)answer : strerror(errno));
    free(answer);
    event_base_loopbreak(app->base);
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

static void on_timer(evutil_socket_t fd, short what, void *data)
{
    struct app *app = data;
    (void)fd, (void)what;
    offloop_run(app->off.id, look_up, "localhost", show);
}

static void on_interrupt(evutil_socket_t number, short what, void *data)
{
    struct app *app = data;
    (void)number, (void)what;
    event_base_loopbreak(app->base);
}

int main(void)
{
    struct app app = { .base = event_base_new() };
    struct event *timer = evtimer_new(app.base, on_timer, &app);
    struct event *interrupt = evsignal_new(app.base, SIGINT, on_interrupt, &app);
    check(event_add(timer, &(struct timeval){ .tv_usec = 50000 }), "the timer");
    check(event_add(interrupt, NULL), "SIGINT");
    check(offloop_event_open(&app.off, app.base, &app), "offloop");
    check(event_base_dispatch(app.base), "the loop");
    offloop_event_close(&app.off);
    event_free(timer);
    event_free(interrupt);
    event_base_free(app.base);
    return 0;
}

/* A name is looked up from a poll(2) loop, and shown. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <offloop.h>

struct app {
    bool ended;
    offloop_id off;
};

static void show(void *state, void *answer)
{
    struct app *app = state;
    printf("localhost: %s\n", answer ? (char *)answer : strerror(errno));
    free(answer);
    app->ended = true;
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

static void on_timer(struct app *app, int timer)
{
    char times[8];
    if (read(timer, times, sizeof times) > 0)
        offloop_run(app->off, look_up, "localhost", show);
}

static int timer_in(long ms)
{
    struct itimerspec once = { .it_value.tv_nsec = ms * 1000000 };
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    return timerfd_settime(timer, 0, &once, NULL) ? -1 : timer;
}

static int interrupts(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_NONBLOCK);
}

int main(void)
{
    struct app app = { 0 };
    struct pollfd fds[] = {
        { .fd = timer_in(50), .events = POLLIN },
        { .fd = interrupts(), .events = POLLIN },
        { .fd = offloop_open(&app.off), .events = POLLIN },
    };
    nfds_t count = sizeof fds / sizeof *fds;
    for (nfds_t at = 0; at < count; at++)
        if (fds[at].fd < 0)
            return perror("a descriptor"), 1;
    while (!app.ended && poll(fds, count, -1) >= 0) {
        if (fds[0].revents)
            on_timer(&app, fds[0].fd);
        if (fds[1].revents)
            app.ended = true;
        offloop_deliver(app.off, &app, NULL);
    }
    return 0;
}

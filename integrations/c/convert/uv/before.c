/* A name is looked up from a libuv loop, and shown. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct app {
    uv_timer_t timer;
    uv_signal_t interrupt;
};

static void check(int code)
{
    if (code < 0) {
        fprintf(stderr, "%s\n", uv_strerror(code));
        exit(1);
    }
}

/* With the last of the handles the loop ends. */
static void end(struct app *app)
{
    uv_close((uv_handle_t *)&app->timer, NULL);
    uv_close((uv_handle_t *)&app->interrupt, NULL);
}

static void show(void *state, void *answer)
{
    printf("localhost: %s\n", answer ? (char *)answer : strerror(errno));
    free(answer);
    end(state);
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

static void on_timer(uv_timer_t *timer)
{
    struct app *app = timer->data;
    show(app, look_up("localhost"));
}

static void on_interrupt(uv_signal_t *interrupt, int number)
{
    (void)number;
    end(interrupt->data);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct app app;
    app.timer.data = app.interrupt.data = &app;
    check(uv_timer_init(loop, &app.timer));
    check(uv_timer_start(&app.timer, on_timer, 50, 0));
    check(uv_signal_init(loop, &app.interrupt));
    check(uv_signal_start(&app.interrupt, on_interrupt, SIGINT));
    check(uv_run(loop, UV_RUN_DEFAULT));
    check(uv_loop_close(loop));
    return 0;
}

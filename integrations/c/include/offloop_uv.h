// offloop on a libuv loop: a handle of its own, which is in the loop from offloop_uv_open to
// offloop_uv_close, and keeps uv_run going meanwhile, as any other handle does.
#ifndef OFFLOOP_UV_H
#define OFFLOOP_UV_H

#include <errno.h>
#include <uv.h>

#include "offloop.h"

// Stays where it is until it is closed.
struct offloop_uv {
    offloop_id id;
    // What handlers get.
    void *state;
    uv_poll_t watch;
};

static inline void offloop_uv_on_woken(uv_poll_t *watch, int status, int events)
{
    struct offloop_uv *off = (struct offloop_uv *)watch->data;
    (void)status, (void)events;
    offloop_deliver(off->id, off->state, NULL);
}

static inline void offloop_uv_on_closed(uv_handle_t *watch)
{
    offloop_destroy(((struct offloop_uv *)watch->data)->id);
}

// Destroys it in the loop's next round, in which no handler runs any more. Inside a handler too.
static inline void offloop_uv_close(struct offloop_uv *off)
{
    uv_close((uv_handle_t *)&off->watch, offloop_uv_on_closed);
}

// Makes an offloop whose handlers run in `loop`, on this thread. A number of libuv's if it fails.
static inline int offloop_uv_open(struct offloop_uv *off, uv_loop_t *loop, void *state)
{
    int fd = offloop_open(&off->id);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    off->state = state;
    off->watch.data = off;
    int code = uv_poll_init(loop, &off->watch, fd);
    if (code < 0) {
        offloop_destroy(off->id);
        return code;
    }
    code = uv_poll_start(&off->watch, UV_READABLE, offloop_uv_on_woken);
    if (code < 0)
        offloop_uv_close(off);
    return code;
}

#endif

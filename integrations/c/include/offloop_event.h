// offloop on a libevent base: a persistent event, which is in the base from offloop_event_open to
// offloop_event_close.
#ifndef OFFLOOP_EVENT_H
#define OFFLOOP_EVENT_H

#include <event2/event.h>

#include "offloop.h"

// Stays where it is until it is closed.
struct offloop_event {
    offloop_id id;
    // What handlers get.
    void *state;
    struct event *watch;
};

static inline void offloop_event_on_woken(evutil_socket_t fd, short what, void *data)
{
    struct offloop_event *off = (struct offloop_event *)data;
    (void)fd, (void)what;
    offloop_deliver(off->id, off->state, NULL);
}

// Makes an offloop whose handlers run in `base`, on this thread. Below zero if it fails.
static inline int offloop_event_open(struct offloop_event *off, struct event_base *base, void *state)
{
    int fd = offloop_open(&off->id);
    if (fd < 0)
        return -1;
    off->state = state;
    off->watch = event_new(base, fd, EV_READ | EV_PERSIST, offloop_event_on_woken, off);
    if (off->watch && event_add(off->watch, NULL) == 0)
        return 0;
    if (off->watch)
        event_free(off->watch);
    offloop_destroy(off->id);
    return -1;
}

// Destroys it. Not inside a handler; before event_base_free.
static inline void offloop_event_close(struct offloop_event *off)
{
    event_free(off->watch);
    offloop_destroy(off->id);
}

#endif

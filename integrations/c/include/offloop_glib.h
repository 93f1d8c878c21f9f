// offloop on a GLib main context, GTK's for one: a source, which is in the context from
// offloop_glib_open to offloop_glib_close.
#ifndef OFFLOOP_GLIB_H
#define OFFLOOP_GLIB_H

#include <glib-unix.h>

#include "offloop.h"

// Stays where it is until it is closed.
struct offloop_glib {
    offloop_id id;
    // What handlers get.
    gpointer state;
    GSource *watch;
};

static inline gboolean offloop_glib_on_woken(gint fd, GIOCondition condition, gpointer data)
{
    struct offloop_glib *off = (struct offloop_glib *)data;
    (void)fd, (void)condition;
    offloop_deliver(off->id, off->state, NULL);
    return G_SOURCE_CONTINUE;
}

// Makes an offloop whose handlers run in `context`, or in the default one, on this thread: below
// GTK's events and painting, so that many of them stall neither. Below zero, with errno, if it fails.
static inline int offloop_glib_open(struct offloop_glib *off, GMainContext *context, gpointer state)
{
    int fd = offloop_open(&off->id);
    if (fd < 0)
        return -1;
    off->state = state;
    off->watch = g_unix_fd_source_new(fd, G_IO_IN);
    g_source_set_callback(off->watch, G_SOURCE_FUNC(offloop_glib_on_woken), off, NULL);
    g_source_set_priority(off->watch, G_PRIORITY_DEFAULT_IDLE);
    g_source_attach(off->watch, context);
    return 0;
}

// Destroys it. Not inside a handler.
static inline void offloop_glib_close(struct offloop_glib *off)
{
    g_source_destroy(off->watch);
    g_source_unref(off->watch);
    offloop_destroy(off->id);
}

#endif

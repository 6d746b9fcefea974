/* Frames from a network interface, such as the one a span port feeds.
 *
 * A kind of source (source.h) that never ends and never waits: its descriptor
 * is to be polled, and source_live_check() is to be called a few times a second
 * whether or not frames come.  An interface that goes down, away, or comes back
 * as another one of the same name is no error: the source says so, and goes on
 * when it can.  The clocks belong to the caller.
 *
 * Used by one thread at a time; the group is shared with the other handles of
 * the interface.  Memory: the kernel's ring of 'buffer_bytes', and
 * SOURCE_LIVE_BATCH frames of 'snapshot' bytes.  The frames of a batch are
 * copies, because the ring takes a block back with its last frame. */

#ifndef CAPTURE_SOURCE_LIVE_H
#define CAPTURE_SOURCE_LIVE_H

#include "capture/source.h"

struct live_group;

enum {
    SOURCE_LIVE_BATCH = 64, /* Frames that one source_read() gives at most. */
    /* How long a frame may wait in a ring that is not full until it shows. */
    SOURCE_LIVE_TIMEOUT_MS = 20,
    SOURCE_LIVE_MIN_BUFFER = 1 << 20,
    SOURCE_LIVE_MAX_BUFFER = 2047 << 20
};

struct source_live_options {
    const char *interface; /* Copied, */
    const char *filter;    /* as is this: BPF, also of tagged frames
                            * (live_filter.h); or NULL. */
    size_t buffer_bytes;
    uint32_t snapshot; /* Bytes kept of a frame, to SOURCE_MAX_FRAME_BYTES. */
    bool promiscuous;
    uint16_t number;          /* frame.interface. */
    struct live_group *group; /* Borrowed; NULL: the only handle. */
    unsigned member;          /* In 'group', from 0. */
};

/* X(NAME, "name"), from good to bad. */
#define SOURCE_LIVE_STATES(X)                                                  \
    X(CAPTURING, "capturing")                                                  \
    X(STARTING, "starting") /* The handles of the group come together. */      \
    X(DOWN, "down")         /* Switched off, or not connected. */              \
    X(LOST, "lost")         /* It is gone, or cannot be opened. */

enum source_live_state {
#define SOURCE_LIVE_ENUM(NAME, TEXT) SOURCE_LIVE_##NAME,
    SOURCE_LIVE_STATES(SOURCE_LIVE_ENUM) SOURCE_LIVE_N_STATES
#undef SOURCE_LIVE_ENUM
};

/* All but the first two are as of the last source_live_check().  Counted over
 * all interfaces there were of the name, while they were watched. */
struct source_live_stats {
    uint64_t received;     /* Frames delivered, */
    uint64_t bytes;        /* as long as they were on the wire. */
    uint64_t kernel_drops; /* This handle's: the ring was full. */
    uint64_t unread;       /* Were in the ring when it was given up. */
    uint64_t missed;       /* The interface's, as in link_state.h; */
    uint64_t discarded;
    uint64_t losses; /* Times it had to be opened again. */
    uint32_t mtu;
    enum source_live_state state;
    char reason[200]; /* Why it is lost; "" if it is not. */
};

/* Opens the interface; capture begins with the first source_live_check().  One
 * that is down is waited for; one that does not exist
 * or may not be opened, and a filter that does not compile, are errors.
 * Members of a group are opened in the order of their numbers. */
struct source *source_open_live(const struct source_live_options *,
                                struct error *);

/* To be polled for POLLIN; changes with source_live_check() and source_read().
 * -1: nothing to wait for. */
int source_live_fd(const struct source *);

/* Looks at the interface, counts what was dropped, and takes up capture where
 * it was lost. */
void source_live_check(struct source *, struct mono_time now,
                       struct wall_time wall);

/* Gives the ring up, so that everything is counted that came until now.  Only
 * source_live_get_stats() and source_close() come after. */
void source_live_stop(struct source *);

void source_live_get_stats(const struct source *, struct source_live_stats *);

const char *source_live_state_name(enum source_live_state);

#endif

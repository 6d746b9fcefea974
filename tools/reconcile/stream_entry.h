/* An entry of a stream, as a sensor writes them, or as anybody may have.  Pure
 * functions. */

#ifndef TOOLS_RECONCILE_STREAM_ENTRY_H
#define TOOLS_RECONCILE_STREAM_ENTRY_H

#include "tools/reconcile/ledger.h"

#include <stddef.h>
#include <stdint.h>

struct redis_reply;

struct stream_entry {
    enum event_kind kind;
    struct event_name name;
    uint64_t serial;   /* 0: it has none. */
    const char *event; /* Borrowed from the reply; NULL: none. */
    size_t event_size;
    bool has_event; /* Its id is the entry's. */
};

enum stream_entry_origin {
    STREAM_ENTRY_OURS,
    STREAM_ENTRY_OTHERS, /* Of another sensor. */
    STREAM_ENTRY_FOREIGN /* Of no sensor: it lacks what they write. */
};

/* Reads what XRANGE answered with for one entry.  'field' holds the event;
 * 'kinds' are those that the stream may hold.  Only of STREAM_ENTRY_OURS is
 * '*entry' filled in. */
enum stream_entry_origin stream_entry_read(const struct redis_reply *,
                                           const char *field,
                                           const char *sensor, unsigned kinds,
                                           struct stream_entry *entry);

#endif

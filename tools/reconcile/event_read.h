/* What reconciling needs to know of an event, from its JSON, which may come
 * from anybody who can write to the server.  Pure functions. */

#ifndef TOOLS_RECONCILE_EVENT_READ_H
#define TOOLS_RECONCILE_EVENT_READ_H

#include "tools/reconcile/ledger.h"

#include <stdbool.h>
#include <stddef.h>

/* The value of event.id.  False if there is none, or none that fits.  Costs
 * little for events as segmon writes them. */
bool event_read_id(const char *json, size_t size, char id[EVENT_ID_SIZE]);

struct event_read_status {
    bool is_end;  /* Of a run. */
    bool is_gap;  /* A gap record, */
    bool has_gap; /* and it can be read. */
    struct ledger_gap gap;
    bool has_counters; /* Of the output to that server. */
    struct ledger_counters counters[EVENT_N_KINDS];
};

/* 'server' is its name for people, as struct redis_uri has it.  False if it is
 * no status event. */
bool event_read_status(const char *json, size_t size, const char *server,
                       struct event_read_status *);

#endif

/* When a live run could not see, and that its clock was set: what is told of
 * it.
 *
 * Of the thread of the command. */

#ifndef TOOLS_COMMANDS_RUN_SIGHT_H
#define TOOLS_COMMANDS_RUN_SIGHT_H

#include "tools/runtime/blindness.h"
#include "tools/runtime/live.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    RUN_SIGHT_NOTE_SIZE = BLINDNESS_NOTE_SIZE
};

struct run_sight {
    struct blindness blindness;
    uint64_t told;      /* Of its changes, in statuses. */
    int64_t clock_step; /* Not yet told. */
    struct event_blindness list[BLINDNESS_MAX];
};

/* Either way it is to be freed with run_sight_done(). */
bool run_sight_init(struct run_sight *, const struct policy *, struct error *);
void run_sight_done(struct run_sight *);

/* A few times a second, and when capture has ended. */
void run_sight_look(struct run_sight *, const struct live_report *,
                    const struct event_output *outputs, size_t n_outputs,
                    bool is_last);

/* What no status has told yet, for people; false if there is nothing.  'ended':
 * it is good news. */
bool run_sight_news(struct run_sight *, char note[RUN_SIGHT_NOTE_SIZE],
                    bool *ended);

/* Adds the intervals to a status, which borrows them. */
void run_sight_add(struct run_sight *, struct event_status *);

/* Adds the pairs, with how well they were seen: since the last heartbeat, or if
 * this is one, since the one before.  Returns what is to be freed after it was
 * told, or NULL. */
struct event_pair *run_sight_add_pairs(struct run_sight *, const struct pairs *,
                                       struct event_status *,
                                       bool is_heartbeat);

/* It was sent. */
void run_sight_told(struct run_sight *, bool was_heartbeat);

#endif

/* Looks at a spool's folder from outside: what waits in it.
 *
 * Only reads: nothing is locked, made or changed, so a sensor may be using the
 * spool meanwhile, or not run at all.  What is seen then is true of some moment
 * during the call, but for records that were sent or removed since: those may
 * be among the waiting ones.  What the spool has in memory is not seen.
 * Memory: a window of 256 KiB, however much is there. */

#ifndef TOOLS_SPOOL_SPOOL_LOOK_H
#define TOOLS_SPOOL_SPOOL_LOOK_H

#include "tools/event/event.h"
#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct spool_look_kind {
    uint64_t acked_serial; /* All up to it were acknowledged, or told. */
    uint64_t last_serial;  /* Given, as far as is on disk. */
    uint64_t last_found;   /* Of a sound record; 0: none. */
};

struct spool_look {
    struct spool_look_kind kinds[EVENT_N_KINDS];
    bool state_lost; /* No sound state: all that is kept seems to wait. */
};

/* Finds the spool in a folder where outputs have theirs: 'directory' itself if
 * it is one, else the only folder in it that is.  False if there is none, or
 * there are several, or 'found' has no room for its path. */
bool spool_look_find(const char *directory, char *found, size_t size,
                     struct error *);

/* Calls 'take' for every sound record that was not acknowledged, of each kind
 * in the order of serials.  False if the folder is no spool, is of another
 * version or cannot be read. */
bool spool_look(const char *directory,
                void (*take)(void *context, const struct spool_record *),
                void *context, struct spool_look *look, struct error *);

#endif

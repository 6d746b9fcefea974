/* A live run and the service manager that may watch it: see notify.h.
 *
 * The manager hears that the run is alive as long as every thread of it is:
 * each counts its turns, also those in which there was nothing to do or a
 * server did not answer, and what takes none any more is stuck.  Belongs to the
 * thread of the command, which is the one that tells. */

#ifndef TOOLS_COMMANDS_RUN_SERVICE_H
#define TOOLS_COMMANDS_RUN_SERVICE_H

#include "tools/output/output.h"
#include "tools/process/notify.h"
#include "tools/runtime/live.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    /* That of the output, and those that send for it. */
    RUN_SERVICE_MAX_THREADS = LIVE_MAX_THREADS + 1 + OUTPUT_MAX_SINKS
};

struct run_service {
    struct notify notify;
    struct mono_time alive; /* Told last, or ready. */
    struct {
        uint64_t turns;         /* Seen last, */
        struct mono_time moved; /* and when they were others before. */
        int64_t patience_ns;    /* It may take so long for a turn; or 0. */
    } threads[RUN_SERVICE_MAX_THREADS];
    bool told_stuck;     /* Since 'alive'. */
    bool policy_refused; /* The one asked for last. */
};

/* Whether there are addresses to begin with: nDPI, libpcap and libseccomp do
 * not survive it when memory runs out as they begin. */
bool run_service_has_room(unsigned n_workers, struct error *);

/* As the environment asks; what makes no sense there is told. */
void run_service_open(struct run_service *);
void run_service_close(struct run_service *);

/* Tells the manager that the run works, from its start on. */
void run_service_ready(struct run_service *, struct mono_time now);

/* To be called a few times a second.  Tells the manager that the run is alive,
 * if it is and that is due.  'output' may be NULL. */
void run_service_watch(struct run_service *, const struct live *,
                       const struct output *, struct mono_time now);

/* Tells it in a line how the run goes. */
void run_service_tell_status(struct run_service *, const struct live_report *,
                             const struct event_output *outputs,
                             size_t n_outputs);

#endif

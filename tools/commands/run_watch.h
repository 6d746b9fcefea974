/* What is told while a live run goes on: what becomes of its interfaces, flow
 * tables and outputs. */

#ifndef TOOLS_COMMANDS_RUN_WATCH_H
#define TOOLS_COMMANDS_RUN_WATCH_H

#include "tools/runtime/live.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RUN_WATCH_NOTE_SIZE = 320
};

/* As each was when it was told of last. */
struct run_watch {
    struct {
        bool told;
        enum source_live_state state;
        uint32_t mtu;
        uint64_t losses;
    } interfaces[LIVE_MAX_INTERFACES];
    struct {
        bool is_down;
        bool is_disk_down;
        const char *risks[EVENT_MAX_RISKS]; /* Told. */
        size_t n_risks;
        uint64_t n_dropped; /* While it worked last. */
    } outputs[EVENT_MAX_OUTPUTS];
    uint64_t n_emergencies; /* That began, and */
    bool is_emergency;      /* whether there is one. */
};

/* Writes what has changed with interface 'i', for people; false if nothing has
 * that is to be told. */
bool run_watch_interface(struct run_watch *, size_t i,
                         const struct event_interface *,
                         char note[RUN_WATCH_NOTE_SIZE]);

/* The same of output 'i': that it fails, and that it works again. */
bool run_watch_output(struct run_watch *, size_t i, const struct event_output *,
                      char note[RUN_WATCH_NOTE_SIZE]);

/* The same of the disk where its events wait. */
bool run_watch_spool(struct run_watch *, size_t i, const struct event_output *,
                     char note[RUN_WATCH_NOTE_SIZE]);

/* A reason not to trust its server that was not told yet; true until there is
 * none.  What has gone meanwhile is told when it comes again. */
bool run_watch_server(struct run_watch *, size_t i, const struct event_output *,
                      char note[RUN_WATCH_NOTE_SIZE]);

/* The same of all flow tables: that some are nearly full, and that none is. */
bool run_watch_tables(struct run_watch *, const struct flow_table_counters *,
                      char note[RUN_WATCH_NOTE_SIZE]);

/* Tells how many events an output has not got, if any, at the end. */
void run_watch_loss(const struct event_output *);

#endif

/* Changes of interfaces, flow tables and outputs; see run_watch.h. */

#include "tools/commands/run_watch.h"

#include "tools/process/log.h"
#include "tools/report/losses.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_news(const struct run_watch *, size_t i,
                    const struct event_interface *);
static bool is_among(const char *const *risks, size_t n, const char *risk);

bool
run_watch_interface(struct run_watch *watch, size_t i,
                    const struct event_interface *now,
                    char note[RUN_WATCH_NOTE_SIZE])
{
    bool was_told = watch->interfaces[i].told;
    uint32_t mtu = watch->interfaces[i].mtu;

    /* Workers come together in a moment, or something else is told. */
    if (now->state == SOURCE_LIVE_STARTING || !is_news(watch, i, now)) {
        return false;
    }
    if (was_told && mtu != now->mtu) {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "%s: %s, MTU was %" PRIu32 " and is %" PRIu32, now->name,
                 source_live_state_name(now->state), mtu, now->mtu);
    } else if (now->reason[0]) {
        snprintf(note, RUN_WATCH_NOTE_SIZE, "%s: %s: %s", now->name,
                 source_live_state_name(now->state), now->reason);
    } else {
        snprintf(note, RUN_WATCH_NOTE_SIZE, "%s: %s", now->name,
                 source_live_state_name(now->state));
    }
    watch->interfaces[i].told = true;
    watch->interfaces[i].state = now->state;
    watch->interfaces[i].mtu = now->mtu;
    watch->interfaces[i].losses = now->losses;
    return true;
}

bool
run_watch_output(struct run_watch *watch, size_t i,
                 const struct event_output *now, char note[RUN_WATCH_NOTE_SIZE])
{
    bool was_down = watch->outputs[i].is_down;
    uint64_t dropped = losses_of(now).lost - watch->outputs[i].n_dropped;

    watch->outputs[i].is_down = !now->up;
    if (now->up) {
        watch->outputs[i].n_dropped += dropped;
    }
    if (now->up != was_down) {
        return false;
    }
    if (now->up) {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "%.120s: works again; %" PRIu64 " events were dropped",
                 now->name, dropped);
    } else {
        snprintf(note, RUN_WATCH_NOTE_SIZE, "%.120s: fails: %.160s", now->name,
                 now->error.message);
    }
    return true;
}

bool
run_watch_spool(struct run_watch *watch, size_t i,
                const struct event_output *now, char note[RUN_WATCH_NOTE_SIZE])
{
    bool is_down = now->spool.has_disk && !now->spool.is_up;

    if (is_down == watch->outputs[i].is_disk_down) {
        return false;
    }
    watch->outputs[i].is_disk_down = is_down;
    if (is_down) {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "%.120s: the disk of its spool fails, events wait in memory: "
                 "%.120s",
                 now->name, now->spool.error.message);
    } else {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "%.120s: the disk of its spool works again", now->name);
    }
    return true;
}

bool
run_watch_server(struct run_watch *watch, size_t i,
                 const struct event_output *now, char note[RUN_WATCH_NOTE_SIZE])
{
    const struct event_server *server = &now->server;
    const char **told = watch->outputs[i].risks;
    size_t n_told = 0, next = 0;

    for (size_t j = 0; j < watch->outputs[i].n_risks; j++) {
        if (is_among(server->risks, server->n_risks, told[j])) {
            told[n_told++] = told[j];
        }
    }
    while (next < server->n_risks &&
           is_among(told, n_told, server->risks[next])) {
        next++;
    }
    if (next < server->n_risks) {
        told[n_told++] = server->risks[next];
        snprintf(note, RUN_WATCH_NOTE_SIZE, "%.120s: the server %.120s",
                 now->name, server->risks[next]);
    }
    watch->outputs[i].n_risks = n_told;
    return next < server->n_risks;
}

bool
run_watch_tables(struct run_watch *watch, const struct flow_table_counters *now,
                 char note[RUN_WATCH_NOTE_SIZE])
{
    bool begins = now->emergencies > watch->n_emergencies;
    bool ends = watch->is_emergency && !now->emergency;

    watch->n_emergencies = now->emergencies;
    watch->is_emergency = now->emergency;
    if (begins) {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "flow tables of %" PRIu64 " workers are nearly full, with "
                 "%" PRIu64 " flows: attempts are given up early and told "
                 "together",
                 now->emergency, now->active);
    } else if (ends) {
        snprintf(note, RUN_WATCH_NOTE_SIZE,
                 "no flow table is nearly full any more, with %" PRIu64
                 " flows",
                 now->active);
    }
    return begins || ends;
}

void
run_watch_loss(const struct event_output *output)
{
    struct losses losses = losses_of(output);
    char origin[LOSSES_ORIGIN_SIZE];

    if (losses.waiting) {
        log_tell(NULL, LOG_LEVEL_NOTICE,
                 "%" PRIu64 " events for %s wait in the spool for the next run",
                 losses.waiting, output->name);
    }
    if (losses.lost) {
        log_tell(NULL, LOG_LEVEL_ERROR,
                 "%" PRIu64 " of %" PRIu64 " events did not reach %s%s",
                 losses.lost, losses.came, output->name,
                 losses_origin(&losses, origin));
    }
}

static bool
is_news(const struct run_watch *watch, size_t i,
        const struct event_interface *now)
{
    return !watch->interfaces[i].told ||
           watch->interfaces[i].state != now->state ||
           watch->interfaces[i].mtu != now->mtu ||
           watch->interfaces[i].losses != now->losses;
}

/* They are static: one text has one address. */
static bool
is_among(const char *const *risks, size_t n, const char *risk)
{
    size_t i = 0;

    while (i < n && risks[i] != risk) {
        i++;
    }
    return i < n;
}

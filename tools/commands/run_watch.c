/* Changes of interfaces; see run_watch.h. */

#include "tools/commands/run_watch.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_news(const struct run_watch *, size_t i,
                    const struct event_interface *);

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

static bool
is_news(const struct run_watch *watch, size_t i,
        const struct event_interface *now)
{
    return !watch->interfaces[i].told ||
           watch->interfaces[i].state != now->state ||
           watch->interfaces[i].mtu != now->mtu ||
           watch->interfaces[i].losses != now->losses;
}

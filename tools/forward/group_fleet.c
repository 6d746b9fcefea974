/* See group_fleet.h. */

#include "tools/forward/group_fleet.h"

#include "capture/error.h"
#include "tools/event/event.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_fleet.h"
#include "tools/redis/redis_readers.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 100 /* Between looks at nodes that have nothing new. */
};

#define REST_NS SECOND_NS /* Between tries to read one that failed. */

struct group_fleet {
    struct group_reader_options options;
    struct redis_readers *readers; /* Each a group_reader. */
    struct mono_time rests_until[REDIS_FLEET_MAX_SENSORS];
    size_t next;
    struct group_reader *turn; /* Whose entries were handed out. */
};

static void *open_reader(void *context, const char *const *sensors,
                         bool is_late);
static void close_reader(void *reader);
static bool read_in_turn(struct group_fleet *, bool wait,
                         const struct group_entry **, size_t *n,
                         struct error *);

struct group_fleet *
group_fleet_new(const struct group_reader_options *options, struct error *error)
{
    struct group_fleet *fleet = calloc(1, sizeof *fleet);

    if (!fleet) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to read streams");
        return NULL;
    }
    fleet->options = *options;
    fleet->readers = redis_readers_new(
        &(struct redis_readers_options){&fleet->options.server,
                                        options->sensors, open_reader,
                                        close_reader, fleet},
        error);
    if (!fleet->readers) {
        group_fleet_free(fleet);
        return NULL;
    }
    return fleet;
}

void
group_fleet_free(struct group_fleet *fleet)
{
    if (fleet) {
        redis_readers_free(fleet->readers);
        explicit_bzero(&fleet->options.server, sizeof fleet->options.server);
        free(fleet);
    }
}

bool
group_fleet_read(struct group_fleet *fleet, bool wait,
                 const struct group_entry **entries, size_t *n,
                 struct error *error)
{
    bool good;

    *n = 0;
    if (!redis_readers_refresh(fleet->readers, error)) {
        return false;
    }
    if (!redis_readers_is_cluster(fleet->readers)) {
        fleet->turn = redis_readers_get(fleet->readers, 0);
        return group_reader_read(fleet->turn, wait, entries, n, error);
    }
    good = read_in_turn(fleet, wait, entries, n, error);
    if (good && *n == 0 && wait) {
        poll(NULL, 0, PAUSE_MS);
    }
    return good;
}

bool
group_fleet_is_at_end(const struct group_fleet *fleet)
{
    size_t count = redis_readers_count(fleet->readers);
    size_t n = 0;

    while (n < count &&
           group_reader_is_at_end(redis_readers_get(fleet->readers, n))) {
        n++;
    }
    return n == count;
}

bool
group_fleet_ack(struct group_fleet *fleet, struct error *error)
{
    return !fleet->turn || group_reader_ack(fleet->turn, error);
}

void
group_fleet_get_counters(const struct group_fleet *fleet,
                         struct group_counters *counters)
{
    *counters = (struct group_counters){
        .overflow = redis_readers_n_left_out(fleet->readers) * EVENT_N_KINDS};
    for (size_t i = 0; i < redis_readers_count(fleet->readers); i++) {
        struct group_counters one;

        group_reader_get_counters(redis_readers_get(fleet->readers, i), &one);
        counters->acked += one.acked;
        counters->claimed += one.claimed;
        counters->foreign += one.foreign;
        counters->trimmed += one.trimmed;
        counters->overflow += one.overflow;
    }
}

/* What is only found later is new from its first entry on. */
static void *
open_reader(void *context, const char *const *sensors, bool is_late)
{
    const struct group_fleet *fleet = context;
    struct group_reader_options options = fleet->options;
    struct group_reader *reader;
    struct error error;

    options.sensors = sensors;
    options.only_new = options.only_new && !is_late;
    reader = group_reader_new(&options, &error);
    explicit_bzero(&options.server, sizeof options.server);
    return reader;
}

static void
close_reader(void *reader)
{
    group_reader_free(reader);
}

/* Until one has something.  A failure is told when nobody else had anything.
 * Of what holds no event nobody will say that it is safe. */
static bool
read_in_turn(struct group_fleet *fleet, bool wait,
             const struct group_entry **entries, size_t *n, struct error *error)
{
    struct mono_time now = system_clock_mono();
    size_t count = redis_readers_count(fleet->readers);
    bool good = true;

    fleet->turn = NULL;
    for (size_t i = 0; i < count && *n == 0; i++) {
        size_t number = fleet->next++ % count;
        struct group_reader *reader = redis_readers_get(fleet->readers, number);

        if (wait && now.ns < fleet->rests_until[number].ns) {
            continue;
        }
        if (!group_reader_read(reader, false, entries, n, error) ||
            (*n == 0 && !group_reader_ack(reader, error))) {
            fleet->rests_until[number].ns = now.ns + REST_NS;
            good = false;
        }
        fleet->turn = *n ? reader : NULL;
    }
    return good || *n > 0;
}

/* What went on between segments, in a status event; see event_parts.h. */

#include "tools/event/event_parts.h"

enum {
    /* Of an event: one pair more and what follows them still fit. */
    PAIRS_MAX_SIZE = EVENT_MAX_BYTES / 8 * 5
};

static void write_pair(struct json *, const struct event_pair *,
                       bool is_watched);
static void write_counts(struct json *, const struct event_pair_counts *);
static void write_verdicts(struct json *, const struct event_pair_counts *);

void
event_write_pairs(struct json *json, const struct event_status *status)
{
    if (!status->other_pairs) {
        return;
    }
    json_open(json, "pairs", '[');
    for (size_t i = 0; i < status->n_pairs && json->size < PAIRS_MAX_SIZE;
         i++) {
        write_pair(json, &status->pairs[i], status->blindness != NULL);
    }
    json_close(json, ']');
    json_u64(json, "n_pairs", status->n_pairs);
    if (status->other_pairs->flows) {
        json_open(json, "other_pairs", '{');
        write_counts(json, status->other_pairs);
        json_close(json, '}');
    }
}

static void
write_pair(struct json *json, const struct event_pair *pair, bool is_watched)
{
    json_open(json, NULL, '{');
    json_cstring(json, "src", pair->src);
    json_cstring(json, "dst", pair->dst);
    write_counts(json, &pair->counts);
    if (is_watched) {
        event_write_visibility(json, pair);
    }
    json_close(json, '}');
}

static void
write_counts(struct json *json, const struct event_pair_counts *counts)
{
    json_u64(json, "flows", counts->flows);
    write_verdicts(json, counts);
    json_u64(json, "got_through", counts->got_through);
    json_u64(json, "one_sided", counts->one_sided);
    json_u64(json, "two_sided", counts->two_sided);
    json_u64(json, "violations", counts->violations);
    event_write_both(json, "packets", counts->packets[0], counts->packets[1]);
    event_write_both(json, "bytes", counts->bytes[0], counts->bytes[1]);
    event_write_both(json, "missed_bytes", counts->missed_bytes[0],
                     counts->missed_bytes[1]);
    event_write_both(json, "duplicates", counts->duplicates[0],
                     counts->duplicates[1]);
}

/* Those that there are. */
static void
write_verdicts(struct json *json, const struct event_pair_counts *counts)
{
    json_open(json, "verdicts", '{');
    for (unsigned i = 0; i < EVENT_N_VERDICTS; i++) {
        if (counts->verdicts[i]) {
            json_u64(json, event_verdict_name((enum decision)i),
                     counts->verdicts[i]);
        }
    }
    json_close(json, '}');
}

/* Windows that tumble, one for each rule, pair of segments and service; see
 * violation_flood.h.  Between policies, words tell which are the same. */

#include "rules/violation_flood.h"

#include "rules/detect/recent.h"

#include <assert.h>
#include <stdlib.h>

struct flood_key {
    uint64_t words;    /* Policy, rule and reason. */
    uint64_t segments; /* Names. */
    uint16_t port;
    uint8_t protocol;
    uint8_t kind; /* enum violation_entry_kind. */
    uint32_t suppressed;
};

static_assert(sizeof(struct flood_key) == 24, "no padding");

struct flood {
    struct violation_entry entry; /* 'targets' are all sources of it. */
    struct wall_time since;       /* Of this window; */
    struct distinct sources;      /* in it. */
    bool is_on;
};

struct violation_floods {
    struct recent *recent; /* Of struct flood. */
};

enum {
    MAX_EXACT = 256 /* Sources counted one by one; beyond, estimated. */
};

static bool came_to_nothing(const struct violation_hit *);
static struct flood_key key_of(const struct violation_table *,
                               const struct violation_key *,
                               const struct violation_hit *, bool suppressed);
static struct flood *find(struct violation_floods *, const struct flood_key *);
static void count(struct flood *, const struct violation_hit *, uint64_t most);
static struct violation_entry *take(struct flood *,
                                    const struct violation_hit *);
static void drop(void *value);

struct violation_floods *
violation_floods_new(void)
{
    struct violation_floods *floods = calloc(1, sizeof *floods);

    if (floods) {
        floods->recent =
            recent_new(sizeof(struct flood_key), sizeof(struct flood),
                       VIOLATION_MAX_FLOODS, drop);
    }
    if (floods && !floods->recent) {
        free(floods);
        floods = NULL;
    }
    return floods;
}

void
violation_floods_free(struct violation_floods *floods)
{
    if (floods) {
        recent_free(floods->recent);
        free(floods);
    }
}

struct violation_entry *
violation_floods_see(struct violation_floods *floods,
                     const struct violation_table *table,
                     const struct violation_key *key,
                     const struct violation_hit *facts, bool suppressed,
                     unsigned most)
{
    struct flood_key of = key_of(table, key, facts, suppressed);
    struct flood *flood;

    if (!came_to_nothing(facts)) {
        return NULL;
    }
    flood = find(floods, &of);
    if (flood) {
        count(flood, facts, most);
    }
    if (flood && flood->is_on) {
        return take(flood, facts);
    }
    of.kind = VIOLATION_ENTRY_SOURCES_PORTS;
    of.port = 0;
    flood = find(floods, &of);
    if (flood) {
        count(flood, facts, (uint64_t)most * VIOLATION_FLOOD_PORTS);
    }
    return flood && flood->is_on ? take(flood, facts) : NULL;
}

struct violation_entry *
violation_floods_take(struct violation_floods *floods,
                      const struct violation_table *table,
                      const struct violation_key *key,
                      const struct violation_hit *facts, bool suppressed)
{
    struct flood_key of = key_of(table, key, facts, suppressed);
    struct flood *flood;

    if (!came_to_nothing(facts)) {
        return NULL;
    }
    of.kind = VIOLATION_ENTRY_SOURCES_PORTS;
    of.port = 0;
    flood = find(floods, &of);
    return flood ? take(flood, facts) : NULL;
}

/* What is found in many flows is told of a source, not of what it tried. */
static bool
came_to_nothing(const struct violation_hit *facts)
{
    return facts->outcome <= FLOW_OUTCOME_REFUSED && !facts->all_dsts &&
           !facts->all_ports;
}

static struct flood_key
key_of(const struct violation_table *table, const struct violation_key *key,
       const struct violation_hit *facts, bool suppressed)
{
    const struct policy *policy = facts->policy;

    return (struct flood_key){
        .words = key->words,
        .segments = violation_table_words(
            table, policy_segment(policy, facts->src_segment)->name,
            policy_segment(policy, facts->dst_segment)->name, ""),
        .port = key->port,
        .protocol = key->protocol,
        .kind = VIOLATION_ENTRY_SOURCES,
        .suppressed = suppressed,
    };
}

static struct flood *
find(struct violation_floods *floods, const struct flood_key *key)
{
    bool is_new;
    struct flood *flood = recent_use(floods->recent, key, &is_new);

    if (flood && is_new) {
        flood->entry.kind = key->kind;
        flood->since.ns = INT64_MIN;
    }
    return flood;
}

static void
count(struct flood *flood, const struct violation_hit *facts, uint64_t most)
{
    int64_t now = facts->now.ns;
    uint64_t max_exact = most < MAX_EXACT ? most + 1 : MAX_EXACT;

    if (flood->since.ns == INT64_MIN ||
        now - flood->since.ns >= VIOLATION_FLOOD_WINDOW_NS) {
        flood->is_on = flood->sources.n > most &&
                       now - flood->since.ns < 2 * VIOLATION_FLOOD_WINDOW_NS;
        distinct_clear(&flood->sources);
        flood->since.ns = now;
    }
    distinct_add(&flood->sources, distinct_hash(&facts->src, sizeof facts->src),
                 max_exact);
    flood->is_on |= flood->sources.n > most;
}

static struct violation_entry *
take(struct flood *flood, const struct violation_hit *facts)
{
    struct violation_entry *entry = &flood->entry;

    distinct_add(&entry->targets, distinct_hash(&facts->src, sizeof facts->src),
                 0);
    if (entry->story) {
        entry->story->violation.n_targets = entry->targets.n;
    }
    return entry;
}

static void
drop(void *value)
{
    struct flood *flood = value;

    violation_entry_done(&flood->entry);
    distinct_clear(&flood->sources);
}

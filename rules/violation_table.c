/* Entries are found by a keyed hash of what makes them one, with a random key
 * per table, so nobody who chooses addresses can choose buckets; the SHA-256
 * that records carry is made when an entry is first told.  Order of emission
 * comes from the list, never from the buckets. */

#include "rules/violation_table.h"

#include "rules/policy_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    TABLE_FIRST_BUCKETS = 64,
    MAX_POLICY_BYTES = 200, /* Of its name, in an id. */
    MAX_PORT_DIGITS = 5
};

/* What is hashed for the id that records carry: words with bars between.  There
 * is room for eight of them, the longest a policy's name. */
struct id_text {
    char bytes[512];
    size_t size;
};

struct violation_table {
    struct violation_entry **buckets; /* A power of two of them. */
    size_t n_buckets, n, max;
    uint64_t seed;
    struct violation_entry *oldest, *newest;
};

static size_t bucket_of(const struct violation_table *, uint64_t identity);
static bool table_grow(struct violation_table *);
static void table_remove(struct violation_table *, struct violation_entry *);
static void list_append(struct violation_table *, struct violation_entry *);
static void list_remove(struct violation_table *, struct violation_entry *);
static uint64_t identity_of(const struct violation_table *,
                            enum violation_entry_kind,
                            const struct violation_key *);
static uint64_t hash_text(const char *text, uint64_t seed);
static void entry_free(struct violation_entry *);
static void id_text_add(struct id_text *, const char *word);
static void id_text_add_bytes(struct id_text *, const char *bytes, size_t size);
static void id_text_add_number(struct id_text *, uint16_t number);

struct violation_table *
violation_table_new(size_t max_entries)
{
    struct violation_table *table = calloc(1, sizeof *table);

    if (!table) {
        return NULL;
    }
    table->max = max_entries;
    table->n_buckets = TABLE_FIRST_BUCKETS;
    table->buckets = calloc(table->n_buckets, sizeof(struct violation_entry *));
    if (!table->buckets) {
        free(table);
        return NULL;
    }
    if (getrandom(&table->seed, sizeof table->seed, 0) < 0) {
        table->seed = 0;
    }
    return table;
}

void
violation_table_free(struct violation_table *table)
{
    while (table && table->oldest) {
        table_remove(table, table->oldest);
    }
    if (table) {
        free(table->buckets);
        free(table);
    }
}

void
violation_table_set_max(struct violation_table *table, size_t max_entries)
{
    table->max = max_entries;
}

size_t
violation_table_count(const struct violation_table *table)
{
    return table->n;
}

struct violation_entry *
violation_table_find(struct violation_table *table,
                     enum violation_entry_kind kind,
                     const struct violation_key *key)
{
    uint64_t identity = identity_of(table, kind, key);
    struct violation_entry *entry = table->buckets[bucket_of(table, identity)];

    while (entry && (entry->identity != identity || entry->kind != kind)) {
        entry = entry->next;
    }
    return entry;
}

struct violation_entry *
violation_table_add(struct violation_table *table,
                    enum violation_entry_kind kind,
                    const struct violation_key *key)
{
    struct violation_entry *entry;
    size_t bucket;

    if (table->n >= table->max ||
        (table->n == table->n_buckets && !table_grow(table))) {
        return NULL;
    }
    entry = calloc(1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    entry->kind = kind;
    entry->identity = identity_of(table, kind, key);
    entry->touched.ns = INT64_MIN;
    bucket = bucket_of(table, entry->identity);
    entry->next = table->buckets[bucket];
    table->buckets[bucket] = entry;
    table->n++;
    list_append(table, entry);
    return entry;
}

void
violation_table_touch(struct violation_table *table,
                      struct violation_entry *entry, struct wall_time now)
{
    entry->touched = now;
    list_remove(table, entry);
    list_append(table, entry);
}

void
violation_table_expire(struct violation_table *table, struct wall_time until,
                       void (*each)(void *context, struct violation_entry *),
                       void *context)
{
    struct violation_entry *entry = table->oldest;

    while (entry && entry->touched.ns <= until.ns) {
        struct violation_entry *newer = entry->newer;

        each(context, entry);
        table_remove(table, entry);
        entry = newer;
    }
}

void
violation_key_id(enum violation_entry_kind kind,
                 const struct violation_key *key, char id[VIOLATION_ID_SIZE])
{
    static const char *const versions[] = {"v1", "v1", "v1", "t1"};
    struct id_text text = {.size = 0};
    char addr[ADDR_TEXT_SIZE], hex[65];

    id_text_add(&text, versions[kind]);
    id_text_add_bytes(&text, key->policy,
                      strnlen(key->policy, MAX_POLICY_BYTES));
    id_text_add(&text, key->rule);
    id_text_add(&text, key->reason);
    id_text_add(&text, addr_format(&key->src, addr));
    id_text_add(&text, kind == VIOLATION_ENTRY_DSTS
                           ? "*"
                           : addr_format(&key->dst, addr));
    id_text_add_number(&text, key->protocol);
    if (kind == VIOLATION_ENTRY_PORTS) {
        id_text_add(&text, "*");
    } else {
        id_text_add_number(&text, key->port);
    }
    hash_hex(text.bytes, text.size, hex);
    memcpy(id, hex, VIOLATION_ID_SIZE - 1);
    id[VIOLATION_ID_SIZE - 1] = '\0';
}

void
violation_entry_set_policy(struct violation_entry *entry,
                           const struct policy *policy)
{
    if (entry->policy != policy) {
        policy_unref(entry->policy);
        entry->policy = policy_hold(policy);
    }
}

void
violation_entry_add_flow(struct violation_entry *entry, uint64_t flow)
{
    uint64_t *flows = entry->violation.flow_ids;

    if (!violation_entry_has_flow(entry, flow)) {
        memmove(flows + 1, flows, (VIOLATION_MAX_FLOWS - 1) * sizeof *flows);
        flows[0] = flow;
    }
}

bool
violation_entry_has_flow(const struct violation_entry *entry, uint64_t flow)
{
    for (size_t i = 0; i < VIOLATION_MAX_FLOWS; i++) {
        if (entry->violation.flow_ids[i] == flow) {
            return true;
        }
    }
    return false;
}

/* While targets are counted exactly each is fresh, so none is there twice. */
void
violation_entry_add_target(struct violation_entry *group,
                           const struct violation_key *key, bool over_dsts,
                           unsigned collapse)
{
    uint64_t hash = over_dsts ? distinct_hash(&key->dst, sizeof key->dst)
                              : distinct_hash(&key->port, sizeof key->port);

    distinct_add_new(&group->targets, hash, collapse);
    group->violation.n_targets = group->targets.n;
}

static size_t
bucket_of(const struct violation_table *table, uint64_t identity)
{
    uint64_t mixed = (identity ^ table->seed) * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(mixed >> 32) & (table->n_buckets - 1);
}

static bool
table_grow(struct violation_table *table)
{
    struct violation_entry **old = table->buckets;

    table->buckets =
        calloc(table->n_buckets * 2, sizeof(struct violation_entry *));
    if (!table->buckets) {
        table->buckets = old;
        return false;
    }
    table->n_buckets *= 2;
    for (struct violation_entry *entry = table->oldest; entry;
         entry = entry->newer) {
        size_t bucket = bucket_of(table, entry->identity);

        entry->next = table->buckets[bucket];
        table->buckets[bucket] = entry;
    }
    free(old);
    return true;
}

static void
table_remove(struct violation_table *table, struct violation_entry *entry)
{
    struct violation_entry **link =
        &table->buckets[bucket_of(table, entry->identity)];

    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    list_remove(table, entry);
    table->n--;
    entry_free(entry);
}

static void
list_append(struct violation_table *table, struct violation_entry *entry)
{
    entry->newer = NULL;
    entry->older = table->newest;
    if (table->newest) {
        table->newest->newer = entry;
    } else {
        table->oldest = entry;
    }
    table->newest = entry;
}

static void
list_remove(struct violation_table *table, struct violation_entry *entry)
{
    if (entry->older) {
        entry->older->newer = entry->newer;
    } else {
        table->oldest = entry->newer;
    }
    if (entry->newer) {
        entry->newer->older = entry->older;
    } else {
        table->newest = entry->older;
    }
}

/* Equal for exactly the keys that violation_key_id() makes equal. */
static uint64_t
identity_of(const struct violation_table *table, enum violation_entry_kind kind,
            const struct violation_key *key)
{
    struct {
        struct addr src, dst;
        uint16_t port;
        uint8_t protocol, kind;
    } facts = {.src = key->src,
               .dst = key->dst,
               .port = key->port,
               .protocol = key->protocol,
               .kind = (uint8_t)kind};
    uint64_t hash;

    static_assert(sizeof facts == 2 * sizeof(struct addr) + 4,
                  "padding would be hashed");
    if (kind == VIOLATION_ENTRY_DSTS) {
        facts.dst = (struct addr){{0}};
    } else if (kind == VIOLATION_ENTRY_PORTS) {
        facts.port = 0;
    }
    hash = XXH3_64bits_withSeed(&facts, sizeof facts, table->seed);
    return hash_text(key->policy,
                     hash_text(key->reason, hash_text(key->rule, hash)));
}

static uint64_t
hash_text(const char *text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text, strlen(text), seed);
}

static void
entry_free(struct violation_entry *entry)
{
    policy_unref(entry->policy);
    distinct_clear(&entry->targets);
    free(entry);
}

static void
id_text_add(struct id_text *text, const char *word)
{
    id_text_add_bytes(text, word, strlen(word));
}

static void
id_text_add_bytes(struct id_text *text, const char *bytes, size_t size)
{
    size_t room = sizeof text->bytes - text->size;

    if (text->size > 0 && room > 0) {
        text->bytes[text->size++] = '|';
        room--;
    }
    size = size < room ? size : room;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void
id_text_add_number(struct id_text *text, uint16_t number)
{
    char digits[MAX_PORT_DIGITS];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    id_text_add_bytes(text, digits + at, sizeof digits - at);
}

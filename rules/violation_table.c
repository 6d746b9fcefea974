/* Entries are found by a keyed hash of what makes them one, with a random key
 * per table, so nobody who chooses addresses can choose buckets; the SHA-256
 * that records carry is made when an entry is first told.  Order of emission
 * comes from the list, never from the buckets.
 *
 * Entries have numbers, from 1, in slabs that never move. */

#include "rules/violation_table.h"

#include "capture/xxh3.h"
#include "rules/policy_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    TABLE_FIRST_BUCKETS = 64,
    SLAB_SHIFT = 6,
    SLAB_ENTRIES = 1 << SLAB_SHIFT,
    MAX_POLICY_BYTES = 200, /* Of its name, in an id. */
    MAX_PORT_DIGITS = 5
};

/* What is hashed for the id that records carry: words with bars between.  There
 * is room for eight of them, the longest a policy's name. */
struct id_text {
    char bytes[512];
    size_t size;
};

static_assert(sizeof(struct violation_entry) == 64, "a cache line");

struct violation_table {
    uint32_t *buckets; /* A power of two of them, half empty at least. */
    size_t n_buckets, n, max;
    uint64_t seed;
    uint32_t oldest, newest;
    struct wall_time quiet; /* None was touched before. */
    uint32_t free;          /* First of those removed; linked by 'next'. */
    uint32_t n_used;
    struct violation_entry **slabs; /* Room for twice as many at each power. */
};

static struct violation_entry *entry_at(const struct violation_table *,
                                        uint32_t number);
static uint32_t *bucket_of(const struct violation_table *, uint64_t identity);
static uint32_t take_number(struct violation_table *);
static bool add_slab(struct violation_table *);
static bool table_grow(struct violation_table *);
static void list_append(struct violation_table *, uint32_t number);
static void list_remove(struct violation_table *,
                        const struct violation_entry *);
static uint64_t identity_of(enum violation_entry_kind,
                            const struct violation_key *);
static uint64_t hash_text(const char *text, uint64_t seed);
static bool has_flow(const struct violation_story *, uint64_t flow);
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
    table->quiet.ns = INT64_MIN;
    table->n_buckets = TABLE_FIRST_BUCKETS;
    table->buckets = calloc(table->n_buckets, sizeof *table->buckets);
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
        violation_table_remove(table, table->oldest);
    }
    if (table) {
        for (uint32_t i = 0; i < table->n_used; i += SLAB_ENTRIES) {
            free(table->slabs[i >> SLAB_SHIFT]);
        }
        free(table->slabs);
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

uint64_t
violation_table_words(const struct violation_table *table, const char *policy,
                      const char *rule, const char *reason)
{
    return hash_text(policy, hash_text(reason, hash_text(rule, table->seed)));
}

struct violation_entry *
violation_table_find(struct violation_table *table,
                     enum violation_entry_kind kind,
                     const struct violation_key *key)
{
    uint64_t identity = identity_of(kind, key);
    uint32_t number = *bucket_of(table, identity);

    while (number) {
        struct violation_entry *entry = entry_at(table, number);

        if (entry->identity == identity && entry->kind == kind) {
            return entry;
        }
        number = entry->next;
    }
    return NULL;
}

void
violation_table_look_ahead(const struct violation_table *table,
                           enum violation_entry_kind kind,
                           const struct violation_key *key)
{
    __builtin_prefetch(bucket_of(table, identity_of(kind, key)));
}

struct violation_entry *
violation_table_add(struct violation_table *table,
                    enum violation_entry_kind kind,
                    const struct violation_key *key)
{
    struct violation_entry *entry;
    uint32_t number, *bucket;

    if (table->n >= table->max ||
        (table->n * 2 == table->n_buckets && !table_grow(table)) ||
        !(number = take_number(table))) {
        return NULL;
    }
    entry = entry_at(table, number);
    *entry = (struct violation_entry){.identity = identity_of(kind, key),
                                      .kind = (uint8_t)kind,
                                      .touched = {INT64_MIN}};
    bucket = bucket_of(table, entry->identity);
    entry->next = *bucket;
    *bucket = number;
    table->n++;
    list_append(table, number);
    return entry;
}

void
violation_table_touch(struct violation_table *table,
                      struct violation_entry *entry, struct wall_time now)
{
    uint32_t number =
        entry->older ? entry_at(table, entry->older)->newer : table->oldest;

    entry->touched = now;
    if (now.ns < table->quiet.ns) {
        table->quiet = now;
    }
    if (number != table->newest) {
        list_remove(table, entry);
        list_append(table, number);
    }
}

void
violation_table_expire(struct violation_table *table, struct wall_time until,
                       void (*each)(void *context, struct violation_entry *),
                       void *context)
{
    uint32_t number = table->oldest;

    if (until.ns < table->quiet.ns) {
        return;
    }
    while (number && entry_at(table, number)->touched.ns <= until.ns) {
        uint32_t newer = entry_at(table, number)->newer;

        each(context, entry_at(table, number));
        violation_table_remove(table, number);
        number = newer;
    }
    table->quiet = number ? entry_at(table, number)->touched : until;
}

uint32_t
violation_table_last(const struct violation_table *table)
{
    return table->n_used;
}

struct violation_entry *
violation_table_at(const struct violation_table *table, uint32_t number)
{
    struct violation_entry *entry = entry_at(table, number);

    return entry->story ? entry : NULL;
}

void
violation_table_remove(struct violation_table *table, uint32_t number)
{
    struct violation_entry *entry = entry_at(table, number);
    uint32_t *link = bucket_of(table, entry->identity);

    while (*link != number) {
        link = &entry_at(table, *link)->next;
    }
    *link = entry->next;
    list_remove(table, entry);
    table->n--;
    violation_entry_done(entry);
    entry->next = table->free;
    table->free = number;
}

void
violation_key_id(enum violation_entry_kind kind,
                 const struct violation_key *key, char id[VIOLATION_ID_SIZE])
{
    static const char *const versions[] = {"v1", "v1", "v1", "t1", "f1", "f1"};
    bool many = kind >= VIOLATION_ENTRY_SOURCES;
    struct id_text text = {.size = 0};
    char addr[ADDR_TEXT_SIZE], hex[65];

    id_text_add(&text, versions[kind]);
    id_text_add_bytes(&text, key->policy,
                      strnlen(key->policy, MAX_POLICY_BYTES));
    id_text_add(&text, key->rule);
    id_text_add(&text, key->reason);
    id_text_add(&text, many ? key->src_name : addr_format(&key->src, addr));
    if (many) {
        id_text_add(&text, key->dst_name);
    } else {
        id_text_add(&text, kind == VIOLATION_ENTRY_DSTS
                               ? "*"
                               : addr_format(&key->dst, addr));
    }
    id_text_add_number(&text, key->protocol);
    if (kind == VIOLATION_ENTRY_PORTS ||
        kind == VIOLATION_ENTRY_SOURCES_PORTS) {
        id_text_add(&text, "*");
    } else {
        id_text_add_number(&text, key->port);
    }
    hash_hex(text.bytes, text.size, hex);
    memcpy(id, hex, VIOLATION_ID_SIZE - 1);
    id[VIOLATION_ID_SIZE - 1] = '\0';
}

void
violation_entry_done(struct violation_entry *entry)
{
    if (entry->story) {
        policy_unref(entry->story->policy);
        free(entry->story);
        entry->story = NULL;
    }
    if (entry->kind != VIOLATION_ENTRY_THRESHOLD) {
        distinct_clear(&entry->targets);
    }
}

bool
violation_entry_begin(struct violation_entry *entry)
{
    bool is_group = entry->kind != VIOLATION_ENTRY_SINGLE &&
                    entry->kind != VIOLATION_ENTRY_THRESHOLD;

    if (!entry->story) {
        entry->story = calloc(1, sizeof *entry->story);
        if (entry->story && is_group) {
            entry->story->violation.n_targets = entry->targets.n;
        }
    }
    return entry->story;
}

void
violation_story_set_policy(struct violation_story *story,
                           const struct policy *policy)
{
    if (story->policy != policy) {
        policy_unref(story->policy);
        story->policy = policy_hold(policy);
    }
}

void
violation_story_add_flow(struct violation_story *story, uint64_t flow)
{
    uint64_t *flows = story->violation.flow_ids;

    if (!has_flow(story, flow)) {
        memmove(flows + 1, flows, (VIOLATION_MAX_FLOWS - 1) * sizeof *flows);
        flows[0] = flow;
    }
}

bool
violation_entry_has_flow(const struct violation_entry *entry, uint64_t flow)
{
    return entry->story && has_flow(entry->story, flow);
}

uint64_t
violation_entry_n_targets(const struct violation_entry *entry)
{
    return entry->story ? entry->story->violation.n_targets : entry->targets.n;
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
    if (group->story) {
        group->story->violation.n_targets = group->targets.n;
    }
}

static bool
has_flow(const struct violation_story *story, uint64_t flow)
{
    for (size_t i = 0; i < VIOLATION_MAX_FLOWS; i++) {
        if (story->violation.flow_ids[i] == flow) {
            return true;
        }
    }
    return false;
}

static struct violation_entry *
entry_at(const struct violation_table *table, uint32_t number)
{
    return &table->slabs[(number - 1) >> SLAB_SHIFT]
                        [(number - 1) & (SLAB_ENTRIES - 1)];
}

static uint32_t *
bucket_of(const struct violation_table *table, uint64_t identity)
{
    uint64_t mixed = (identity ^ table->seed) * UINT64_C(0x9e3779b97f4a7c15);

    return &table->buckets[(size_t)(mixed >> 32) & (table->n_buckets - 1)];
}

static uint32_t
take_number(struct violation_table *table)
{
    uint32_t number = table->free;

    if (number) {
        table->free = entry_at(table, number)->next;
        return number;
    }
    if (table->n_used % SLAB_ENTRIES == 0 && !add_slab(table)) {
        return 0;
    }
    return ++table->n_used;
}

static bool
add_slab(struct violation_table *table)
{
    uint32_t n = table->n_used >> SLAB_SHIFT;
    struct violation_entry **slabs = table->slabs;

    if ((n & (n - 1)) == 0) {
        slabs =
            realloc(slabs, (n ? 2 * n : 1) * sizeof(struct violation_entry *));
        if (!slabs) {
            return false;
        }
        table->slabs = slabs;
    }
    slabs[n] = aligned_alloc(sizeof **slabs, SLAB_ENTRIES * sizeof **slabs);
    return slabs[n];
}

static bool
table_grow(struct violation_table *table)
{
    size_t n = table->n_buckets * 2;
    uint32_t *buckets = calloc(n, sizeof *buckets);

    if (!buckets) {
        return false;
    }
    free(table->buckets);
    table->buckets = buckets;
    table->n_buckets = n;
    for (uint32_t number = table->oldest; number;
         number = entry_at(table, number)->newer) {
        struct violation_entry *entry = entry_at(table, number);
        uint32_t *bucket = bucket_of(table, entry->identity);

        entry->next = *bucket;
        *bucket = number;
    }
    return true;
}

static void
list_append(struct violation_table *table, uint32_t number)
{
    struct violation_entry *entry = entry_at(table, number);

    entry->newer = 0;
    entry->older = table->newest;
    *(table->newest ? &entry_at(table, table->newest)->newer : &table->oldest) =
        number;
    table->newest = number;
}

static void
list_remove(struct violation_table *table, const struct violation_entry *entry)
{
    *(entry->older ? &entry_at(table, entry->older)->newer : &table->oldest) =
        entry->newer;
    *(entry->newer ? &entry_at(table, entry->newer)->older : &table->newest) =
        entry->older;
}

/* Equal for exactly the keys that violation_key_id() makes equal. */
static uint64_t
identity_of(enum violation_entry_kind kind, const struct violation_key *key)
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

    static_assert(sizeof facts == 2 * sizeof(struct addr) + 4,
                  "padding would be hashed");
    if (kind == VIOLATION_ENTRY_DSTS) {
        facts.dst = (struct addr){{0}};
    } else if (kind == VIOLATION_ENTRY_PORTS) {
        facts.port = 0;
    }
    return XXH3_64bits_withSeed(&facts, sizeof facts, key->words);
}

static uint64_t
hash_text(const char *text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text, strlen(text), seed);
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

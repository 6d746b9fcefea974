/* Chained buckets, and a list from the least to the most recently used. */

#include "rules/detect/recent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct recent_entry {
    struct recent_entry *newer, *older, *next; /* By use; in the bucket. */
    uint64_t hash;
    uint64_t bytes[]; /* The value, then the key. */
};

struct recent {
    size_t key_bytes, value_bytes, max, n;
    void (*drop)(void *value);
    struct recent_entry **buckets; /* A power of two of them. */
    size_t n_buckets;
    struct recent_entry *oldest, *newest;
    uint64_t seed, overflow;
};

enum {
    FIRST_BUCKETS = 64
};

static struct recent_entry *add(struct recent *, const void *key,
                                uint64_t hash);
static bool grow(struct recent *);
static void forget(struct recent *, struct recent_entry *);
static void append(struct recent *, struct recent_entry *);
static void unlink_use(struct recent *, struct recent_entry *);
static void *key_of(const struct recent *, struct recent_entry *);

struct recent *
recent_new(size_t key_bytes, size_t value_bytes, size_t max,
           void (*drop)(void *value))
{
    struct recent *recent = calloc(1, sizeof *recent);

    assert(key_bytes <= RECENT_MAX_KEY_BYTES);
    if (!recent) {
        return NULL;
    }
    recent->key_bytes = key_bytes;
    recent->value_bytes = (value_bytes + 7) & ~(size_t)7;
    recent->max = max;
    recent->drop = drop;
    recent->n_buckets = FIRST_BUCKETS;
    recent->buckets = calloc(FIRST_BUCKETS, sizeof(struct recent_entry *));
    if (!recent->buckets) {
        free(recent);
        return NULL;
    }
    if (getrandom(&recent->seed, sizeof recent->seed, 0) < 0) {
        recent->seed = 0;
    }
    return recent;
}

void
recent_free(struct recent *recent)
{
    while (recent && recent->oldest) {
        forget(recent, recent->oldest);
    }
    if (recent) {
        free(recent->buckets);
        free(recent);
    }
}

void *
recent_use(struct recent *recent, const void *key, bool *is_new)
{
    uint64_t hash = XXH3_64bits_withSeed(key, recent->key_bytes, recent->seed);
    struct recent_entry *entry =
        recent->buckets[hash & (recent->n_buckets - 1)];

    while (entry && (entry->hash != hash || memcmp(key_of(recent, entry), key,
                                                   recent->key_bytes) != 0)) {
        entry = entry->next;
    }
    *is_new = !entry;
    if (entry) {
        unlink_use(recent, entry);
        append(recent, entry);
    } else {
        entry = add(recent, key, hash);
    }
    return entry ? entry->bytes : NULL;
}

size_t
recent_count(const struct recent *recent)
{
    return recent->n;
}

uint64_t
recent_overflow(const struct recent *recent)
{
    return recent->overflow;
}

static struct recent_entry *
add(struct recent *recent, const void *key, uint64_t hash)
{
    struct recent_entry *entry;
    size_t bucket;

    if (recent->n == recent->max) {
        forget(recent, recent->oldest);
        recent->overflow++;
    }
    if (recent->n == recent->n_buckets && !grow(recent)) {
        return NULL;
    }
    entry = calloc(1, sizeof *entry + recent->value_bytes + recent->key_bytes);
    if (!entry) {
        return NULL;
    }
    entry->hash = hash;
    memcpy(key_of(recent, entry), key, recent->key_bytes);
    bucket = hash & (recent->n_buckets - 1);
    entry->next = recent->buckets[bucket];
    recent->buckets[bucket] = entry;
    recent->n++;
    append(recent, entry);
    return entry;
}

static bool
grow(struct recent *recent)
{
    size_t n = recent->n_buckets * 2;
    struct recent_entry **buckets = calloc(n, sizeof(struct recent_entry *));

    if (!buckets) {
        return false;
    }
    free(recent->buckets);
    recent->buckets = buckets;
    recent->n_buckets = n;
    for (struct recent_entry *entry = recent->oldest; entry;
         entry = entry->newer) {
        entry->next = buckets[entry->hash & (n - 1)];
        buckets[entry->hash & (n - 1)] = entry;
    }
    return true;
}

static void
forget(struct recent *recent, struct recent_entry *entry)
{
    struct recent_entry **link =
        &recent->buckets[entry->hash & (recent->n_buckets - 1)];

    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    unlink_use(recent, entry);
    recent->n--;
    if (recent->drop) {
        recent->drop(entry->bytes);
    }
    free(entry);
}

static void
append(struct recent *recent, struct recent_entry *entry)
{
    entry->newer = NULL;
    entry->older = recent->newest;
    *(recent->newest ? &recent->newest->newer : &recent->oldest) = entry;
    recent->newest = entry;
}

static void
unlink_use(struct recent *recent, struct recent_entry *entry)
{
    *(entry->older ? &entry->older->newer : &recent->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &recent->newest) = entry->older;
}

static void *
key_of(const struct recent *recent, struct recent_entry *entry)
{
    return (uint8_t *)entry->bytes + recent->value_bytes;
}

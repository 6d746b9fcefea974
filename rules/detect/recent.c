/* Chained buckets, and a list from the least to the most recently used. Entries
 * are in slabs, by number from 1; slabs come as they are needed and stay, so
 * nothing is allocated for what takes the place of something forgotten. */

#include "rules/detect/recent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FIRST_BUCKETS = 64,
    SLAB_SHIFT = 8,
    SLAB_ENTRIES = 1 << SLAB_SHIFT
};

struct recent_entry {
    uint32_t newer, older, next; /* Numbers: by use; in the bucket. */
    uint32_t hash;
    uint64_t bytes[]; /* The value, then the key. */
};

struct recent {
    size_t key_bytes, value_bytes, entry_bytes;
    uint32_t max, n;
    void (*drop)(void *value);
    uint8_t **slabs;
    uint32_t *buckets; /* A power of two of them. */
    uint32_t n_buckets;
    uint32_t oldest, newest;
    uint64_t seed, overflow;
};

static struct recent_entry *entry_at(const struct recent *, uint32_t number);
static uint32_t add(struct recent *, const void *key, uint32_t hash);
static uint32_t take_number(struct recent *);
static bool grow(struct recent *);
static void forget(struct recent *, uint32_t number);
static void append(struct recent *, uint32_t number);
static void unlink_use(struct recent *, const struct recent_entry *);
static void *key_of(const struct recent *, struct recent_entry *);

struct recent *
recent_new(size_t key_bytes, size_t value_bytes, size_t max,
           void (*drop)(void *value))
{
    struct recent *recent = calloc(1, sizeof *recent);
    size_t round = sizeof(uint64_t) - 1;

    assert(key_bytes <= RECENT_MAX_KEY_BYTES && max < UINT32_MAX);
    if (!recent) {
        return NULL;
    }
    recent->key_bytes = key_bytes;
    recent->value_bytes = (value_bytes + round) & ~round;
    recent->entry_bytes = (sizeof(struct recent_entry) + recent->value_bytes +
                           key_bytes + round) &
                          ~round;
    recent->max = (uint32_t)max;
    recent->drop = drop;
    recent->n_buckets = FIRST_BUCKETS;
    recent->buckets = calloc(FIRST_BUCKETS, sizeof *recent->buckets);
    recent->slabs = calloc((max >> SLAB_SHIFT) + 1, sizeof(uint8_t *));
    if (!recent->buckets || !recent->slabs) {
        recent_free(recent);
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
    if (!recent) {
        return;
    }
    for (uint32_t i = 1; recent->drop && i <= recent->n; i++) {
        recent->drop(entry_at(recent, i)->bytes);
    }
    for (size_t i = 0; recent->slabs && i <= recent->max >> SLAB_SHIFT; i++) {
        free(recent->slabs[i]);
    }
    free(recent->slabs);
    free(recent->buckets);
    free(recent);
}

void *
recent_use(struct recent *recent, const void *key, bool *is_new)
{
    uint32_t hash =
        (uint32_t)XXH3_64bits_withSeed(key, recent->key_bytes, recent->seed);
    uint32_t number = recent->buckets[hash & (recent->n_buckets - 1)];

    while (number) {
        struct recent_entry *entry = entry_at(recent, number);

        if (entry->hash == hash &&
            memcmp(key_of(recent, entry), key, recent->key_bytes) == 0) {
            break;
        }
        number = entry->next;
    }
    *is_new = !number;
    if (!number) {
        number = add(recent, key, hash);
    } else if (number != recent->newest) {
        unlink_use(recent, entry_at(recent, number));
        append(recent, number);
    }
    return number ? entry_at(recent, number)->bytes : NULL;
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
entry_at(const struct recent *recent, uint32_t number)
{
    uint32_t i = number - 1;

    return (void *)(recent->slabs[i >> SLAB_SHIFT] +
                    (i & (SLAB_ENTRIES - 1)) * recent->entry_bytes);
}

static uint32_t
add(struct recent *recent, const void *key, uint32_t hash)
{
    uint32_t number = take_number(recent), *bucket;
    struct recent_entry *entry;

    if (!number) {
        return 0;
    }
    entry = entry_at(recent, number);
    bucket = &recent->buckets[hash & (recent->n_buckets - 1)];
    memset(entry->bytes, 0, recent->value_bytes);
    memcpy(key_of(recent, entry), key, recent->key_bytes);
    entry->hash = hash;
    entry->next = *bucket;
    *bucket = number;
    append(recent, number);
    return number;
}

/* That of the oldest entry when all are taken; 0 without memory. */
static uint32_t
take_number(struct recent *recent)
{
    uint8_t **slab = &recent->slabs[recent->n >> SLAB_SHIFT];

    if (recent->n == recent->max) {
        uint32_t number = recent->oldest;

        forget(recent, number);
        recent->overflow++;
        return number;
    }
    if (recent->n == recent->n_buckets && !grow(recent)) {
        return 0;
    }
    if (!*slab) {
        *slab = malloc(SLAB_ENTRIES * recent->entry_bytes);
    }
    return *slab ? ++recent->n : 0;
}

static bool
grow(struct recent *recent)
{
    uint32_t n = recent->n_buckets * 2;
    uint32_t *buckets = calloc(n, sizeof *buckets);

    if (!buckets) {
        return false;
    }
    free(recent->buckets);
    recent->buckets = buckets;
    recent->n_buckets = n;
    for (uint32_t i = 1; i <= recent->n; i++) {
        struct recent_entry *entry = entry_at(recent, i);

        entry->next = buckets[entry->hash & (n - 1)];
        buckets[entry->hash & (n - 1)] = i;
    }
    return true;
}

/* Its number can be used again. */
static void
forget(struct recent *recent, uint32_t number)
{
    struct recent_entry *entry = entry_at(recent, number);
    uint32_t *link = &recent->buckets[entry->hash & (recent->n_buckets - 1)];

    while (*link != number) {
        link = &entry_at(recent, *link)->next;
    }
    *link = entry->next;
    unlink_use(recent, entry);
    if (recent->drop) {
        recent->drop(entry->bytes);
    }
}

static void
append(struct recent *recent, uint32_t number)
{
    struct recent_entry *entry = entry_at(recent, number);

    entry->newer = 0;
    entry->older = recent->newest;
    *(recent->newest ? &entry_at(recent, recent->newest)->newer
                     : &recent->oldest) = number;
    recent->newest = number;
}

static void
unlink_use(struct recent *recent, const struct recent_entry *entry)
{
    *(entry->older ? &entry_at(recent, entry->older)->newer : &recent->oldest) =
        entry->newer;
    *(entry->newer ? &entry_at(recent, entry->newer)->older : &recent->newest) =
        entry->older;
}

static void *
key_of(const struct recent *recent, struct recent_entry *entry)
{
    return (uint8_t *)entry->bytes + recent->value_bytes;
}

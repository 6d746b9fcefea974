/* Chained buckets, and a list from the least to the most recently used.
 *
 * Entries have numbers, from 1, and are in slabs, which come as they are needed
 * and stay: nothing is allocated for what takes the place of something
 * forgotten.  To use one its neighbours in list and bucket are looked at as
 * well, so links are kept apart from keys and values, four to a cache line. */

#include "rules/detect/recent.h"

#include "capture/xxh3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    FIRST_BUCKETS = 64,
    SLAB_SHIFT = 8,
    SLAB_ENTRIES = 1 << SLAB_SHIFT
};

/* How an entry is found. */
struct recent_node {
    uint32_t newer, older, next; /* Numbers: by use; in the bucket. */
    uint32_t hash;
};

/* And for each of them 'bytes': the value, then the key. */
struct recent_slab {
    struct recent_node node[SLAB_ENTRIES];
    uint64_t bytes[];
};

struct recent {
    size_t key_bytes, value_bytes, stride;
    uint32_t max, n;
    void (*drop)(void *value);
    struct recent_slab **slabs;
    uint32_t *buckets; /* A power of two of them, half empty at least. */
    uint32_t n_buckets;
    uint32_t oldest, newest;
    uint64_t seed, overflow;
};

static uint32_t hash_of(const struct recent *, const void *key);
static uint32_t *bucket_of(const struct recent *, uint32_t hash);
static struct recent_node *node_at(const struct recent *, uint32_t number);
static uint8_t *value_of(const struct recent *, uint32_t number);
static uint8_t *key_of(const struct recent *, uint32_t number);
static uint32_t add(struct recent *, const void *key, uint32_t hash);
static uint32_t take_number(struct recent *);
static bool grow(struct recent *);
static void forget(struct recent *, uint32_t number);
static void append(struct recent *, uint32_t number);
static void unlink_use(struct recent *, const struct recent_node *);

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
    recent->stride = (recent->value_bytes + key_bytes + round) & ~round;
    recent->max = (uint32_t)max;
    recent->drop = drop;
    recent->n_buckets = FIRST_BUCKETS;
    recent->buckets = calloc(FIRST_BUCKETS, sizeof *recent->buckets);
    recent->slabs =
        calloc((max >> SLAB_SHIFT) + 1, sizeof(struct recent_slab *));
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
        recent->drop(value_of(recent, i));
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
    uint32_t hash = hash_of(recent, key);
    uint32_t number = *bucket_of(recent, hash);

    while (number) {
        const struct recent_node *node = node_at(recent, number);

        if (node->hash == hash &&
            memcmp(key_of(recent, number), key, recent->key_bytes) == 0) {
            break;
        }
        number = node->next;
    }
    *is_new = !number;
    if (!number) {
        number = add(recent, key, hash);
    } else if (number != recent->newest) {
        unlink_use(recent, node_at(recent, number));
        append(recent, number);
    }
    return number ? value_of(recent, number) : NULL;
}

void
recent_look_ahead(const struct recent *recent, const void *key)
{
    __builtin_prefetch(bucket_of(recent, hash_of(recent, key)));
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

static uint32_t
hash_of(const struct recent *recent, const void *key)
{
    return (uint32_t)XXH3_64bits_withSeed(key, recent->key_bytes, recent->seed);
}

static uint32_t *
bucket_of(const struct recent *recent, uint32_t hash)
{
    return &recent->buckets[hash & (recent->n_buckets - 1)];
}

static struct recent_node *
node_at(const struct recent *recent, uint32_t number)
{
    uint32_t i = number - 1;

    return &recent->slabs[i >> SLAB_SHIFT]->node[i & (SLAB_ENTRIES - 1)];
}

static uint8_t *
value_of(const struct recent *recent, uint32_t number)
{
    uint32_t i = number - 1;

    return (uint8_t *)recent->slabs[i >> SLAB_SHIFT]->bytes +
           (i & (SLAB_ENTRIES - 1)) * recent->stride;
}

static uint8_t *
key_of(const struct recent *recent, uint32_t number)
{
    return value_of(recent, number) + recent->value_bytes;
}

static uint32_t
add(struct recent *recent, const void *key, uint32_t hash)
{
    uint32_t number = take_number(recent), *bucket;
    struct recent_node *node;

    if (!number) {
        return 0;
    }
    node = node_at(recent, number);
    bucket = bucket_of(recent, hash);
    memset(value_of(recent, number), 0, recent->value_bytes);
    memcpy(key_of(recent, number), key, recent->key_bytes);
    node->hash = hash;
    node->next = *bucket;
    *bucket = number;
    append(recent, number);
    return number;
}

/* That of the oldest entry when all are taken; 0 without memory. */
static uint32_t
take_number(struct recent *recent)
{
    struct recent_slab **slab = &recent->slabs[recent->n >> SLAB_SHIFT];

    if (recent->n == recent->max) {
        uint32_t number = recent->oldest;

        forget(recent, number);
        recent->overflow++;
        return number;
    }
    if (recent->n * 2 == recent->n_buckets && !grow(recent)) {
        return 0;
    }
    if (!*slab) {
        *slab = malloc(sizeof **slab + SLAB_ENTRIES * recent->stride);
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
        struct recent_node *node = node_at(recent, i);

        uint32_t *bucket = bucket_of(recent, node->hash);

        node->next = *bucket;
        *bucket = i;
    }
    return true;
}

/* Its number can be used again. */
static void
forget(struct recent *recent, uint32_t number)
{
    struct recent_node *node = node_at(recent, number);
    uint32_t *link = bucket_of(recent, node->hash);

    while (*link != number) {
        link = &node_at(recent, *link)->next;
    }
    *link = node->next;
    unlink_use(recent, node);
    if (recent->drop) {
        recent->drop(value_of(recent, number));
    }
}

static void
append(struct recent *recent, uint32_t number)
{
    struct recent_node *node = node_at(recent, number);

    node->newer = 0;
    node->older = recent->newest;
    *(recent->newest ? &node_at(recent, recent->newest)->newer
                     : &recent->oldest) = number;
    recent->newest = number;
}

static void
unlink_use(struct recent *recent, const struct recent_node *node)
{
    *(node->older ? &node_at(recent, node->older)->newer : &recent->oldest) =
        node->newer;
    *(node->newer ? &node_at(recent, node->newer)->older : &recent->newest) =
        node->older;
}

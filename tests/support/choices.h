/* Where random tests take their decisions from: a seed, or the bytes of a
 * fuzzer, which steers what it finds useful.  The same source always decides
 * alike, on every machine. */

#ifndef TESTS_SUPPORT_CHOICES_H
#define TESTS_SUPPORT_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choices {
    const uint8_t *bytes; /* Borrowed; used up first. */
    size_t n_left;
    uint64_t state; /* Then this goes on. */
};

static inline struct choices
choices_from_seed(uint64_t seed)
{
    return (struct choices){.state = seed};
}

/* Once the bytes are used up, what follows still depends on all of them. */
static inline struct choices
choices_from_bytes(const uint8_t *bytes, size_t n)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return (struct choices){.bytes = bytes, .n_left = n, .state = hash};
}

/* 0 to n - 1; n is at most 65536. */
static inline uint32_t
choose(struct choices *choices, uint32_t n)
{
    uint64_t mixed;

    if (choices->n_left) { /* One byte, two where one is not enough. */
        uint32_t value = *choices->bytes++;

        choices->n_left--;
        if (n > 256 && choices->n_left) {
            value = value << 8 | *choices->bytes++;
            choices->n_left--;
        }
        return value % n;
    }
    choices->state += UINT64_C(0x9e3779b97f4a7c15); /* SplitMix64 */
    mixed = choices->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((mixed ^ mixed >> 31) >> 16) % n;
}

static inline bool
chance(struct choices *choices, uint32_t one_in)
{
    return choose(choices, one_in) == 0;
}

#endif

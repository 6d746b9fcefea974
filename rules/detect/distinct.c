/* Hashes are kept one by one until there are too many; then each becomes the
 * length of its run of zeros, in one of the registers.  What the estimate needs
 * of all registers is kept up to date, because it is wanted at every change. */

#include "rules/detect/distinct.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    REGISTER_BITS = 10,
    MAX_RANK = 64 - REGISTER_BITS + 1,
    ONE_SHIFT = 53 /* The sum of all registers fits. */
};

struct distinct_registers {
    uint64_t sum; /* Of 2^-rank over all, times 2^ONE_SHIFT. */
    unsigned n_zeros;
    uint8_t ranks[DISTINCT_N_REGISTERS];
};

static_assert(DISTINCT_N_REGISTERS == 1 << REGISTER_BITS, "one an index");
static_assert(ONE_SHIFT + REGISTER_BITS < 64, "the sum fits");

static void keep(struct distinct *, uint64_t hash);
static void estimate_from_now_on(struct distinct *);
static const uint64_t *hashes_of(const struct distinct *);
static void free_hashes(struct distinct *);
static bool note(struct distinct_registers *, uint64_t hash);
static uint64_t inverse(unsigned rank);
static uint64_t estimate(const struct distinct_registers *);

void
distinct_add(struct distinct *distinct, uint64_t hash, uint64_t max_exact)
{
    const uint64_t *hashes = hashes_of(distinct);

    for (uint64_t i = 0; !distinct->registers && i < distinct->n; i++) {
        if (hashes[i] == hash) {
            return;
        }
    }
    distinct_add_new(distinct, hash, max_exact);
}

void
distinct_add_new(struct distinct *distinct, uint64_t hash, uint64_t max_exact)
{
    uint64_t n = distinct->n;

    if (distinct->registers) {
        if (note(distinct->registers, hash)) {
            uint64_t now = estimate(distinct->registers);

            distinct->n = now > n ? now : n;
        }
        return;
    }
    if (n < max_exact) {
        keep(distinct, hash);
        return;
    }
    estimate_from_now_on(distinct);
    if (distinct->registers) {
        note(distinct->registers, hash);
        distinct->n++;
    }
}

void
distinct_clear(struct distinct *distinct)
{
    free_hashes(distinct);
    free(distinct->registers);
    *distinct = (struct distinct){.n = 0};
}

uint64_t
distinct_hash(const void *bytes, unsigned n)
{
    const uint8_t *byte = bytes;
    uint64_t hash = UINT64_C(0x243f6a8885a308d3);

    for (unsigned i = 0; i < n; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* Room doubles at each power of two. */
static void
keep(struct distinct *distinct, uint64_t hash)
{
    uint64_t n = distinct->n, *larger;

    if (n == 0) {
        distinct->only = hash;
        distinct->n = 1;
        return;
    }
    if ((n & (n - 1)) == 0) {
        larger =
            realloc(n == 1 ? NULL : distinct->hashes, 2 * n * sizeof *larger);
        if (!larger) {
            return;
        }
        if (n == 1) {
            larger[0] = distinct->only;
        }
        distinct->hashes = larger;
    }
    distinct->hashes[distinct->n++] = hash;
}

/* Unless memory is out. */
static void
estimate_from_now_on(struct distinct *distinct)
{
    const uint64_t *hashes = hashes_of(distinct);
    struct distinct_registers *registers = calloc(1, sizeof *registers);

    if (!registers) {
        return;
    }
    registers->n_zeros = DISTINCT_N_REGISTERS;
    registers->sum = DISTINCT_N_REGISTERS * inverse(0);
    for (uint64_t i = 0; i < distinct->n; i++) {
        note(registers, hashes[i]);
    }
    free_hashes(distinct);
    distinct->registers = registers;
}

static const uint64_t *
hashes_of(const struct distinct *distinct)
{
    return distinct->n > 1 ? distinct->hashes : &distinct->only;
}

static void
free_hashes(struct distinct *distinct)
{
    if (distinct->n > 1 && !distinct->registers) {
        free(distinct->hashes);
    }
}

/* Whether that changes what is estimated: the more there were, the rarer. */
static bool
note(struct distinct_registers *registers, uint64_t hash)
{
    uint8_t *at = &registers->ranks[hash >> (64 - REGISTER_BITS)];
    uint64_t rest = hash << REGISTER_BITS;
    uint8_t rank = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : MAX_RANK);

    if (*at >= rank) {
        return false;
    }
    registers->sum -= inverse(*at) - inverse(rank);
    registers->n_zeros -= *at == 0;
    *at = rank;
    return true;
}

/* What is rarer than one in 2^ONE_SHIFT counts as nothing. */
static uint64_t
inverse(unsigned rank)
{
    return rank > ONE_SHIFT ? 0 : UINT64_C(1) << (ONE_SHIFT - rank);
}

static uint64_t
estimate(const struct distinct_registers *registers)
{
    const double n = DISTINCT_N_REGISTERS;
    double sum = (double)registers->sum / (double)inverse(0);
    double count = 0.7213 / (1 + 1.079 / n) * n * n / sum;

    if (count <= 2.5 * n && registers->n_zeros) {
        count = n * log(n / (double)registers->n_zeros);
    }
    return (uint64_t)(count + 0.5);
}

/* addr_sets.h against looking each address up in every set. */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "rules/addr_sets.h"
#include "rules/arena.h"

#include <stdlib.h>

enum {
    N_ROUNDS = 300,
    MAX_SETS = 9,
    MAX_RANGES = 5,
    N_ENDS = 2 * MAX_RANGES,
    N_BYTES = 12, /* Addresses differ in their last byte, few in all. */
    N_ADDRS = 3 * N_BYTES
};

/* IPv4, IPv6, and the two ends of all there is. */
static struct addr
addr_number(unsigned i)
{
    struct addr addr = {{[10] = 0xff, [11] = 0xff, [12] = 10}};
    unsigned byte = i % N_BYTES;

    if (i / N_BYTES == 1) {
        addr = (struct addr){{0}};
    } else if (i / N_BYTES == 2) {
        memset(&addr, 0xff, sizeof addr);
        byte += 256 - N_BYTES;
    }
    addr.byte[15] = (uint8_t)byte;
    return addr;
}

static int
addr_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct addr));
}

/* Ranges of one set are disjoint: between addresses drawn and sorted. */
static void
draw_set(struct choices *choices, struct addr_range *ranges,
         struct addr_set *set)
{
    struct addr ends[N_ENDS];
    size_t n_ranges = choose(choices, MAX_RANGES + 1);

    *set = (struct addr_set){ranges, 0};
    for (unsigned i = 0; i < N_ENDS; i++) {
        ends[i] = addr_number(choose(choices, N_ADDRS));
    }
    qsort(ends, N_ENDS, sizeof ends[0], addr_order);
    for (size_t i = 0; i < n_ranges; i++) {
        struct addr_range range = {ends[2 * i], ends[2 * i + 1]};

        if (!set->n || memcmp(&ranges[set->n - 1].last, &range.first,
                              sizeof range.first) < 0) {
            ranges[set->n++] = range;
        }
    }
}

static unsigned
sets_that_have(const struct addr_set *sets, size_t n, const struct addr *addr)
{
    unsigned bits = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sets[i].n; k++) {
            const struct addr_range *range = &sets[i].ranges[k];
            bool has = addr_order(&range->first, addr) <= 0 &&
                       addr_order(addr, &range->last) <= 0;

            bits |= (unsigned)has << i;
        }
        assert_int_equal(addr_set_has(&sets[i], addr), bits >> i & 1);
    }
    return bits;
}

static void
addresses_of_the_same_sets_are_one_class(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < N_ROUNDS; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct addr_range ranges[MAX_SETS][MAX_RANGES];
        struct addr_set sets[MAX_SETS];
        struct addr_classes classes;
        struct arena arena = {NULL, 0};
        size_t n = choose(&choices, MAX_SETS + 1);
        unsigned bits[N_ADDRS];
        uint64_t number[N_ADDRS];

        for (size_t i = 0; i < n; i++) {
            draw_set(&choices, ranges[i], &sets[i]);
        }
        assert_true(addr_classes_build(&classes, &arena, sets, n));
        for (unsigned i = 0; i < N_ADDRS; i++) {
            struct addr addr = addr_number(i);

            bits[i] = sets_that_have(sets, n, &addr);
            number[i] = addr_classes_find(&classes, &addr);
            assert_int_equal(number[i] == 0, bits[i] == 0);
        }
        for (unsigned i = 0; i < N_ADDRS * N_ADDRS; i++) {
            unsigned a = i / N_ADDRS, b = i % N_ADDRS;

            assert_int_equal(number[a] == number[b], bits[a] == bits[b]);
        }
        arena_done(&arena);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_same_sets_are_one_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

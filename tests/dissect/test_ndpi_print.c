/* ndpi_print.h: the C library's snprintf() is the oracle. */

#include "tests/support/test.h"

#include "dissect/ndpi_print.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    ROOM = 64
};

static char ours[ROOM], theirs[ROOM];

static size_t
prepare(void)
{
    memset(ours, '#', ROOM);
    memset(theirs, '#', ROOM);
    return ROOM;
}

/* Nothing is written past the end either. */
static void
check_equal(int n, int expected)
{
    assert_int_equal(n, expected);
    assert_memory_equal(ours, theirs, ROOM);
}

/* Prints both, into every size of array. */
#define CHECK(...)                                                             \
    for (size_t size = 0; size < prepare(); size++)                            \
    check_equal(ndpi_print(ours, size, 1, ROOM, __VA_ARGS__),                  \
                snprintf(theirs, size, __VA_ARGS__))

static void
fingerprints_read_as_before(void **state)
{
    static const unsigned numbers[] = {
        0, 1, 9, 10, 255, 4865, 49199, 65535, UINT_MAX - 1, UINT_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        CHECK("%u,", numbers[i]);
        CHECK("%s%u", "-", numbers[i]);
        CHECK("%s%u", "", numbers[i]);
        CHECK("%02x", numbers[i]);
        CHECK("%02X", numbers[i]);
        CHECK("%s%04X", "-", numbers[i]);
        CHECK("%u.%u.%u.%u", numbers[i], 2U, 3U, 4U);
        CHECK("%09u|%01x", numbers[i], numbers[i]);
    }
}

static void
texts_read_as_before(void **state)
{
    (void)state;
    CHECK(",%s,%s,%s", "one", "", "three");
    CHECK("%s%u", "--", 7U);
    CHECK("%s", "longer than the array, which is no reason to write past it");
}

static void
all_else_is_left_to_the_c_library(void **state)
{
    const char *volatile nothing = NULL;

    (void)state;
    CHECK("%d %i", -5, INT_MIN);
    CHECK("%5u|%-5u|%012u|%.3s", 7U, 7U, 7U, "abcdef");
    CHECK("%c%%%lu%zu", 'x', 1UL, sizeof(int));
    CHECK("%s=%.2f", "pi", 3.14159);
    CHECK("%s", nothing != NULL ? nothing : "(null)");
    CHECK("%u%s%i", 1U, "then something else", 2);
}

static void
it_stands_for_the_c_library_s_own(void **state)
{
    union {
        void *object;
        int (*function)(char *, size_t, int, size_t, const char *, ...);
    } found;

    (void)state;
    found.object = dlsym(RTLD_DEFAULT, "__snprintf_chk");
    assert_true(found.function == ndpi_print);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_read_as_before),
        cmocka_unit_test(texts_read_as_before),
        cmocka_unit_test(all_else_is_left_to_the_c_library),
        cmocka_unit_test(it_stands_for_the_c_library_s_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

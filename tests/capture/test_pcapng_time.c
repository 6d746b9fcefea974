/* pcapng_time.h */

#include "tests/support/test.h"

#include "capture/pcapng_time.h"

static int64_t
ns_of(uint8_t resolution, int64_t offset, uint64_t ticks)
{
    struct pcapng_time time = {0};

    assert_true(pcapng_time_set_resolution(&time, resolution));
    pcapng_time_set_offset(&time, offset);
    return pcapng_time_of(&time, ticks).ns;
}

static void
decimal_ticks_become_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(ns_of(0, 0, 3), 3 * SECOND_NS);
    assert_int_equal(ns_of(3, 0, 1234), 1234 * MILLISECOND_NS);
    assert_int_equal(ns_of(6, 0, 1700000000123456), 1700000000123456000);
    assert_int_equal(ns_of(9, 0, 1700000000123456789), 1700000000123456789);
    assert_int_equal(ns_of(12, 0, 1700000000123456789), 1700000000123456);
    assert_int_equal(ns_of(19, 0, UINT64_MAX), 1844674407);
}

static void
binary_ticks_become_nanoseconds(void **state)
{
    (void)state;
    assert_int_equal(ns_of(0x80, 0, 5), 5 * SECOND_NS);
    assert_int_equal(ns_of(0x81, 0, 3), 1500 * MILLISECOND_NS);
    assert_int_equal(ns_of(0x80 | 32, 0, (UINT64_C(7) << 32) + (1U << 31)),
                     7500 * MILLISECOND_NS);
    assert_int_equal(ns_of(0x80 | 34, 0, UINT64_MAX),
                     INT64_C(1073741823999999999));
    assert_int_equal(ns_of(0x80 | 63, 0, UINT64_C(3) << 62),
                     1500 * MILLISECOND_NS);
    assert_int_equal(ns_of(0x80 | 63, 0, UINT64_MAX), 1999999999);
}

static void
offsets_are_signed_seconds(void **state)
{
    (void)state;
    assert_int_equal(ns_of(6, 100, 7), 100 * SECOND_NS + 7000);
    assert_int_equal(ns_of(6, -100, 300000007), 200 * SECOND_NS + 7000);
    assert_int_equal(ns_of(0, INT64_MIN, UINT64_MAX), WALL_TIME_LAST_NS);
}

static void
times_out_of_range_are_the_first_or_the_last(void **state)
{
    (void)state;
    assert_int_equal(ns_of(0, 0, UINT64_MAX), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(6, 0, UINT64_MAX), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(9, 0, UINT64_MAX), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(0x80, 0, UINT64_MAX), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(6, INT64_MAX, 1), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(6, INT64_MIN, 0), WALL_TIME_FIRST_NS);
    assert_int_equal(ns_of(6, -100, 7), WALL_TIME_FIRST_NS);
    assert_int_equal(ns_of(0, INT64_MAX, UINT64_MAX), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(0, 7258118400, 0), WALL_TIME_LAST_NS);
    assert_int_equal(ns_of(9, 7258118399, 999999999), WALL_TIME_LAST_NS - 1);
}

static void
resolutions_beyond_64_bits_are_refused(void **state)
{
    struct pcapng_time time;

    (void)state;
    for (unsigned n = 0; n < 128; n++) {
        assert_int_equal(pcapng_time_set_resolution(&time, (uint8_t)n),
                         n <= 19);
        assert_int_equal(pcapng_time_set_resolution(&time, (uint8_t)(128 + n)),
                         n <= 63);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_ticks_become_nanoseconds),
        cmocka_unit_test(binary_ticks_become_nanoseconds),
        cmocka_unit_test(offsets_are_signed_seconds),
        cmocka_unit_test(times_out_of_range_are_the_first_or_the_last),
        cmocka_unit_test(resolutions_beyond_64_bits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

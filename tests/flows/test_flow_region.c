/* Memory that comes and goes at the end of an array. */

#include "flows/flow_region.h"
#include "tests/flows/resident.h"

#include <string.h>

static const size_t step = FLOW_REGION_STEP;

static void
what_is_reached_is_there_and_counted(void **state)
{
    struct flow_memory memory = {0};
    struct flow_region region;
    const size_t most = 1000000;

    (void)state;
    assert_true(flow_region_open(&region, &memory, most));
    assert_int_equal(memory.used, 0);
    for (size_t bytes = 1; bytes <= most; bytes += 997) {
        assert_true(flow_region_reach(&region, bytes));
        assert_true(region.size >= bytes);
        assert_true(region.size < bytes + 2 * step + bytes / FLOW_REGION_SLACK);
        assert_int_equal(memory.used, region.size);
        assert_int_equal(region.base[bytes - 1], 0);
        region.base[bytes - 1] = 1;
    }
    assert_false(flow_region_reach(&region, most + step));
    flow_region_close(&region);
    assert_int_equal(memory.used, 0);
}

static void
what_is_cut_is_gone_from_memory(void **state)
{
    struct flow_memory memory = {0};
    struct flow_region region;
    const size_t most = 64 << 20;
    size_t before;

    (void)state;
    assert_true(flow_region_open(&region, &memory, most));
    before = resident_bytes();
    assert_true(flow_region_reach(&region, most));
    memset(region.base, 1, most);
    assert_true(resident_bytes() >= before + most / 2);
    flow_region_cut(&region, 1000, true);
    assert_int_equal(region.size, step);
    assert_int_equal(memory.used, step);
    assert_true(resident_bytes() <= before + most / 4);
    assert_int_equal(region.base[999], 1);
    assert_true(flow_region_reach(&region, step + 1));
    assert_int_equal(region.base[step], 0);
    flow_region_close(&region);
}

/* A step more or less does not go to and fro. */
static void
a_little_is_not_worth_a_cut(void **state)
{
    struct flow_memory memory = {0};
    struct flow_region region;
    size_t size;

    (void)state;
    assert_true(flow_region_open(&region, &memory, 100 * step));
    assert_true(flow_region_reach(&region, 10 * step));
    size = region.size;
    flow_region_cut(&region, 9 * step, false);
    assert_int_equal(region.size, size);
    flow_region_cut(&region, 7 * step, false);
    assert_int_equal(region.size, 8 * step);
    flow_region_close(&region);
}

static void
the_limit_holds_to_the_last_step(void **state)
{
    struct flow_memory memory = {.limit = 10 * step, .used = step};
    struct flow_region region;

    (void)state;
    assert_true(flow_region_open(&region, &memory, 100 * step));
    assert_true(flow_region_reach(&region, 9 * step));
    assert_false(flow_region_reach(&region, 9 * step + 1));
    assert_int_equal(memory.used, memory.limit);
    flow_region_close(&region);
    assert_int_equal(memory.used, step);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_reached_is_there_and_counted),
        cmocka_unit_test(what_is_cut_is_gone_from_memory),
        cmocka_unit_test(a_little_is_not_worth_a_cut),
        cmocka_unit_test(the_limit_holds_to_the_last_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Cursors read what is there, in either byte order, and nothing else. */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "dissect/cursor.h"

#include <string.h>

static const uint8_t numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static struct cursor
over(const uint8_t *data, size_t size)
{
    return cursor_over((struct bytes){data, size});
}

static void
numbers_are_read_in_both_orders(void **state)
{
    struct bytes b = {numbers, sizeof numbers};
    struct cursor c = cursor_over(b);
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;

    (void)state;
    assert_true(cursor_u8(&c, &u8));
    assert_int_equal(u8, 1);
    assert_true(cursor_be16(&c, &u16));
    assert_int_equal(u16, 0x0203);
    assert_true(cursor_le16(&c, &u16));
    assert_int_equal(u16, 0x0504);
    assert_true(cursor_be24(&c, &u32));
    assert_int_equal(u32, 0x060708);
    assert_int_equal(cursor_left(&c), 1);
    c = cursor_over(b);
    assert_true(cursor_be64(&c, &u64));
    assert_true(u64 == UINT64_C(0x0102030405060708));
    c = cursor_over(b);
    assert_true(cursor_be32(&c, &u32));
    assert_int_equal(u32, 0x01020304);
    assert_true(cursor_le32(&c, &u32));
    assert_int_equal(u32, 0x08070605);
    assert_int_equal(bytes_be32(bytes_part(b, 1, 4), 0), 0x02030405);
}

static void
a_short_read_changes_nothing(void **state)
{
    struct guard guard = guard_new(sizeof numbers);

    (void)state;
    for (size_t size = 0; size < 8; size++) {
        struct cursor c = over(guard_copy(&guard, numbers, size), size);
        const uint8_t *at = c.at;
        uint64_t u64 = 77;
        uint32_t u32 = 77;
        struct bytes b = {NULL, 77};

        assert_false(cursor_be64(&c, &u64));
        assert_int_equal(u64, 77);
        assert_int_equal(cursor_be32(&c, &u32), size >= 4);
        c.at = at;
        assert_false(cursor_take(&c, size + 1, &b));
        assert_false(cursor_peek(&c, SIZE_MAX, &b));
        assert_false(cursor_skip(&c, size + 1));
        assert_int_equal(b.size, 77);
        assert_ptr_equal(c.at, at);
    }
    guard_free(&guard);
}

static void
peeking_stays_where_it_is(void **state)
{
    struct cursor c = over(numbers, sizeof numbers);
    struct bytes b;

    (void)state;
    assert_true(cursor_peek(&c, 4, &b));
    assert_ptr_equal(c.at, numbers);
    assert_int_equal(b.size, 4);
    assert_true(cursor_skip(&c, sizeof numbers));
    assert_int_equal(cursor_left(&c), 0);
    assert_true(cursor_take(&c, 0, &b));
    assert_int_equal(b.size, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_both_orders),
        cmocka_unit_test(a_short_read_changes_nothing),
        cmocka_unit_test(peeking_stays_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

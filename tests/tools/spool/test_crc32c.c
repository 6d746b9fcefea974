/* crc32c.h */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tools/spool/crc32c.h"

#include <string.h>

enum {
    MAX_BYTES = 4096,
    N_ROUNDS = 2000
};

/* Bit by bit, as the polynomial is divided. */
static uint32_t
naive_crc32c(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
        }
    }
    return ~crc;
}

static void
assert_crc(const void *bytes, size_t size, uint32_t expected)
{
    assert_int_equal(crc32c(0, bytes, size), expected);
    assert_int_equal(crc32c_portable(0, bytes, size), expected);
}

/* RFC 3720, appendix B.4, which gives the CRCs' bytes in order of sending. */
static void
examples_of_the_standard_are_met(void **state)
{
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
        0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
        0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
    uint8_t bytes[32];

    (void)state;
    memset(bytes, 0, sizeof bytes);
    assert_crc(bytes, sizeof bytes, 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_crc(bytes, sizeof bytes, 0x62a8ab43);
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_crc(bytes, sizeof bytes, 0x46dd794e);
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_crc(bytes, sizeof bytes, 0x113fdb5c);
    assert_crc(read_command, sizeof read_command, 0xd9963a56);
    assert_crc("123456789", 9, 0xe3069283);
    assert_crc("", 0, 0);
}

static void
every_way_agrees_whatever_the_length_and_the_cuts(void **state)
{
    struct choices choices = choices_from_seed(3720);
    static uint8_t bytes[MAX_BYTES];

    (void)state;
    for (size_t i = 0; i < MAX_BYTES; i++) {
        bytes[i] = (uint8_t)choose(&choices, 256);
    }
    for (unsigned i = 0; i < N_ROUNDS; i++) {
        size_t start = choose(&choices, 16);
        size_t size = choose(&choices, MAX_BYTES - 16);
        size_t cut = choose(&choices, (uint32_t)size + 1);
        const uint8_t *at = bytes + start;
        uint32_t seed = choose(&choices, 65536);
        uint32_t expected = naive_crc32c(seed, at, size);

        assert_int_equal(crc32c(seed, at, size), expected);
        assert_int_equal(crc32c_portable(seed, at, size), expected);
        assert_int_equal(crc32c(crc32c(seed, at, cut), at + cut, size - cut),
                         expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_standard_are_met),
        cmocka_unit_test(every_way_agrees_whatever_the_length_and_the_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

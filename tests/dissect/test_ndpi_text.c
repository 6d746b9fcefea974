/* ndpi_text.h: nDPI's module is left as its own function leaves it, and words
 * are found where its own functions find them, whatever is in a payload. */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "dissect/ndpi_inside.h"
#include "dissect/ndpi_text.h"

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdlib.h>
#include <string.h>

#if NDPI_INSIDE

enum {
    HEADERS = 40,
    MAX_PAYLOAD = 80,
    N_RANDOM = 30000
};

struct fixture {
    struct guard guard;
    struct ndpi_detection_module_struct module; /* Not one that was made. */
    struct ndpi_flow_struct flow;
};

typedef void parse_function(struct ndpi_detection_module_struct *,
                            struct ndpi_flow_struct *);

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_non_null(ndpi_revision()); /* So nDPI is linked. */
    f->guard = guard_new(HEADERS + MAX_PAYLOAD);
    assert_true(ndpi_text_install());
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    guard_free(&f->guard);
    free(f);
    return 0;
}

static parse_function *
original(void)
{
    union {
        void *object;
        parse_function *function;
    } found = {dlsym(RTLD_NEXT, "ndpi_parse_packet_line_info")};

    assert_non_null(found.object);
    assert_true(found.function != ndpi_parse_packet_line_info);
    return found.function;
}

/* What it makes of a packet. */
static void
parse(struct fixture *f, parse_function *function, const uint8_t *ip,
      size_t size)
{
    struct ndpi_packet_struct *packet = &f->module.packet;

    memset(packet, 0, sizeof *packet);
    memset(&f->flow, 0, sizeof f->flow);
    packet->iph = (const void *)ip;
    packet->l3_packet_len = (u_int16_t)(HEADERS + size);
    packet->payload = ip + HEADERS;
    packet->payload_packet_len = (u_int16_t)size;
    packet->line[0].len = 9; /* Of the packet before. */
    packet->parsed_lines = 3;
    packet->host_line.len = 7;
    function(&f->module, &f->flow);
}

static void
assert_parsed_alike(struct fixture *f, const void *payload, size_t size)
{
    uint8_t bytes[HEADERS + MAX_PAYLOAD] = {0x45};
    struct ndpi_packet_struct ours;
    struct ndpi_flow_struct flow;
    const uint8_t *ip;

    memcpy(bytes + HEADERS, payload, size);
    ip = guard_copy(&f->guard, bytes, HEADERS + size);
    parse(f, ndpi_parse_packet_line_info, ip, size);
    ours = f->module.packet;
    flow = f->flow;
    parse(f, original(), ip, size);
    assert_memory_equal(&ours, &f->module.packet, sizeof ours);
    assert_memory_equal(&flow, &f->flow, sizeof flow);
}

static void
lines_are_found_as_before(void **state)
{
    static const char *const payloads[] = {
        "",
        "a",
        "\r\n",
        "a\r\n",
        "abc\r",
        "abc\n",
        "abc\r\n",
        "\r\nabc",
        "a\r\r\n",
        "a\rb\nc",
        "GET / HTTP/1.1\r\nHost: a.example\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Type: text/plain\r\n\r\n",
        "no end of line in more than a few bytes of text",
    };

    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_parsed_alike(*state, payloads[i], strlen(payloads[i]));
    }
}

/* Of few letters, so that line ends come everywhere, or hardly ever. */
static void
lines_at_random_are_found_as_before(void **state)
{
    static const char letters[] = "\r\nab:c \r\nxyzxyzxyzxyzxyzxyzxyzx";
    uint8_t payload[MAX_PAYLOAD];
    uint32_t lot = 3;

    for (unsigned i = 0; i < N_RANDOM; i++) {
        size_t size = i % (MAX_PAYLOAD + 1);
        uint32_t n_letters = i % 3 ? 8 : sizeof letters - 1;

        for (size_t k = 0; k < size; k++) {
            lot = lot * 1664525 + 1013904223;
            payload[k] = (uint8_t)letters[(lot >> 16) % n_letters];
        }
        assert_parsed_alike(*state, payload, size);
    }
}

/* nDPI has none of a packet whose headers are cut. */
static void
a_payload_that_is_not_in_the_packet_is_not_read(void **state)
{
    struct fixture *f = *state;
    struct ndpi_packet_struct *packet = &f->module.packet;

    memset(packet, 0, sizeof *packet);
    packet->payload_packet_len = MAX_PAYLOAD;
    ndpi_parse_packet_line_info(&f->module, &f->flow);
    assert_int_equal(packet->packet_lines_parsed_complete, 0);
    assert_int_equal(packet->payload_packet_len, MAX_PAYLOAD);
    assert_null(ndpi_strnstr(NULL, "a", 0));
    assert_false(ndpi_match_prefix(NULL, 0, "a", 1));
}

typedef char *find_function(const char *, const char *, size_t);
typedef int begins_function(const u_int8_t *, size_t, const char *, size_t);

/* What nDPI has under that name. */
static void *
theirs(const char *name)
{
    void *object = dlsym(RTLD_NEXT, name);

    assert_non_null(object);
    return object;
}

static uint8_t
draw(const char *letters, uint32_t n)
{
    static uint32_t lot = 5;

    lot = lot * 1664525 + 1013904223;
    return (uint8_t)letters[(lot >> 16) % n];
}

/* The text goes on behind what is searched; a zero inside ends it. */
static void
words_are_found_as_before(void **state)
{
    union {
        void *object;
        find_function *find;
        begins_function *begins;
    } find = {theirs("ndpi_strnstr")}, begins = {theirs("ndpi_match_prefix")};
    struct fixture *f = *state;
    unsigned n_found = 0, n_begun = 0;

    assert_true(find.find != ndpi_strnstr);
    assert_true(begins.begins != ndpi_match_prefix);
    for (unsigned i = 0; i < N_RANDOM; i++) {
        uint8_t bytes[12];
        size_t size = i % sizeof bytes, word_size = i / 12 % 5;
        char word[5] = {0};
        const uint8_t *text;
        const char *found;
        int begun;

        for (size_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = draw("ababababc", 10);
        }
        for (size_t k = 0; k < word_size; k++) {
            word[k] = (char)draw("ab", 2);
        }
        text = guard_copy(&f->guard, bytes, sizeof bytes);
        found = ndpi_strnstr((const char *)text, word, size);
        assert_ptr_equal(found, find.find((const char *)text, word, size));
        begun = ndpi_match_prefix(text, size, word, word_size);
        assert_int_equal(begun, begins.begins(text, size, word, word_size));
        n_found += found != NULL;
        n_begun += begun != 0;
    }
    assert_in_range(n_found, N_RANDOM / 4, N_RANDOM * 3 / 4);
    assert_in_range(n_begun, N_RANDOM / 8, N_RANDOM * 3 / 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found_as_before),
        cmocka_unit_test(lines_at_random_are_found_as_before),
        cmocka_unit_test(a_payload_that_is_not_in_the_packet_is_not_read),
        cmocka_unit_test(words_are_found_as_before),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#else

int
main(void)
{
    return 77; /* Skipped: nothing is replaced. */
}

#endif

/* ndpi_tls.h: what nDPI learns of a ClientHello is what its own function
 * learns, fingerprint included, whatever the hello is; and TLS is recognised
 * where it begins, be it not at the start of a conversation. */

#include "tests/support/test.h"
#include "tests/support/tls_messages.h"

#include "dissect/ndpi_inside.h"
#include "dissect/ndpi_tls.h"
#include "tests/dissect/inspected.h"

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdlib.h>

#if NDPI_INSIDE

enum {
    MAX_HELLO = 3000,
    PADDING = 64, /* As behind every packet: NDPI_PACKET_PADDING. */
    N_HELLOS = 20000,
    QUIC_1 = 1,
    QUIC_DRAFT_29 = (int)0xff00001d,
    RECORD_HANDSHAKE = 22
};

typedef int hello_function(struct ndpi_detection_module_struct *,
                           struct ndpi_flow_struct *, uint32_t);

/* Not in nDPI's headers. */
hello_function
    processClientServerHello; /* NOLINT(readability-identifier-naming) */

/* What a hello taught. */
struct learnt {
    struct ndpi_flow_struct flow;
    int result;
};

/* Of no engine. */
static struct ndpi_detection_module_struct *module;
static uint32_t lot = 11;

static int
set_up_with_module(void **state)
{
    int failed = set_up(state);

    assert_true(ndpi_tls_install());
    module = ndpi_shim_module_new();
    assert_non_null(module);
    assert_true(ndpi_shim_module_finalize(module));
    return failed;
}

static int
tear_down_with_module(void **state)
{
    ndpi_exit_detection_module(module);
    return tear_down(state);
}

static uint32_t
draw(uint32_t below)
{
    lot = lot * 1664525 + 1013904223;
    return (lot >> 8) % below;
}

static hello_function *
original(void)
{
    union {
        void *object;
        hello_function *function;
    } found = {dlsym(RTLD_NEXT, "processClientServerHello")};

    assert_non_null(found.object);
    assert_true(found.function != processClientServerHello);
    return found.function;
}

static struct learnt
learn(hello_function *function, const uint8_t *hello, size_t size,
      uint32_t quic_version)
{
    struct ndpi_packet_struct *packet = &module->packet;
    struct ndpi_udphdr udp = {0};
    struct learnt learnt;

    memset(&learnt, 0, sizeof learnt);
    memset(packet, 0, sizeof *packet);
    learnt.flow.detected_protocol_stack[0] =
        quic_version != 0 ? NDPI_PROTOCOL_QUIC : NDPI_PROTOCOL_TLS;
    packet->udp = quic_version != 0 ? &udp : NULL;
    packet->payload = hello;
    packet->payload_packet_len = (u_int16_t)size;
    learnt.result = function(module, &learnt.flow, quic_version);
    assert_ptr_equal(packet->payload, hello);
    assert_int_equal(packet->payload_packet_len, size);
    packet->udp = NULL;
    return learnt;
}

static void
assert_same_text(const char *ours, const char *theirs)
{
    assert_int_equal(ours == NULL, theirs == NULL);
    if (ours != NULL) {
        assert_string_equal(ours, theirs);
    }
}

/* Returns whether our function had nDPI's read less than it would have. */
static bool
assert_learnt_alike(const struct tls_message *hello, uint32_t quic_version)
{
    struct learnt ours, theirs;
    uint8_t bytes[MAX_HELLO + PADDING] = {0};
    bool less;

    assert_true(hello->size <= MAX_HELLO);
    memcpy(bytes, hello->byte, hello->size);
    ours = learn(processClientServerHello, bytes, hello->size, quic_version);
    theirs = learn(original(), bytes, hello->size, quic_version);
    assert_int_equal(ours.result, theirs.result);
    assert_int_equal(ours.flow.risk, theirs.flow.risk);
    assert_int_equal(ours.flow.category, theirs.flow.category);
    assert_int_equal(ours.flow.confidence, theirs.flow.confidence);
    assert_memory_equal(ours.flow.detected_protocol_stack,
                        theirs.flow.detected_protocol_stack,
                        sizeof ours.flow.detected_protocol_stack);
    assert_string_equal(ours.flow.host_server_name,
                        theirs.flow.host_server_name);
    assert_same_text(ours.flow.http.user_agent, theirs.flow.http.user_agent);
    assert_same_text(ours.flow.protos.tls_quic.alpn,
                     theirs.flow.protos.tls_quic.alpn);
    assert_same_text(ours.flow.protos.tls_quic.encrypted_sni.esni,
                     theirs.flow.protos.tls_quic.encrypted_sni.esni);
    assert_string_equal(ours.flow.protos.tls_quic.ja3_client,
                        theirs.flow.protos.tls_quic.ja3_client);
    assert_int_equal(ours.flow.protos.tls_quic.ssl_version,
                     theirs.flow.protos.tls_quic.ssl_version);
    assert_int_equal(ours.flow.protos.tls_quic.subprotocol_detected,
                     theirs.flow.protos.tls_quic.subprotocol_detected);
    less = ours.flow.protos.tls_quic.tls_supported_versions == NULL &&
           theirs.flow.protos.tls_quic.tls_supported_versions != NULL;
    ndpi_free_flow_data(&ours.flow);
    ndpi_free_flow_data(&theirs.flow);
    return less;
}

/* 'size' numbers of 16 bits with their length before them, some of GREASE. */
static void
add_numbers(struct tls_message *m, size_t n)
{
    message_number(m, 2, (uint32_t)(2 * n));
    while (n-- > 0) {
        message_number(m, 2,
                       draw(8) == 0 ? 0x1a1a + 0x1010 * draw(6)
                                    : draw(UINT16_MAX) >> draw(16));
    }
}

static void
add_body(struct tls_message *m, unsigned id)
{
    static const char *const hosts[] = {"www.github.com", "a.example",
                                        "h4x0rjq7wzkq.com", "caf\xc3\xa9"};
    const char *host = hosts[draw(4)];
    size_t size = strlen(host);

    switch (id) {
    case 0:
        message_number(m, 2, (uint32_t)size + 3);
        message_number(m, 1, 0);
        message_number(m, 2, (uint32_t)size);
        message_add(m, host, size);
        break;
    case 10:
    case 13: add_numbers(m, draw(12)); break;
    case 11: message_add(m, "\3\0\1\2", 1 + draw(4)); break;
    case 16: message_add(m, "\0\014\2h2\10http/1.1", 14); break;
    case 43: message_add(m, "\6\x2a\x2a\3\4\3\3", 7); break;
    case 57: /* One parameter, and Chrome's with its user agent. */
        message_add(m, "\1\2\x41\0\x80\0\x31\x29\12Chrome/100", 19);
        break;
    default:
        for (size_t n = draw(40); n > 0; n--) {
            message_number(m, 1, draw(256));
        }
    }
}

static void
set_be16(struct tls_message *m, size_t at, size_t value)
{
    m->byte[at] = (uint8_t)(value >> 8);
    m->byte[at + 1] = (uint8_t)value;
}

static void
add_extensions(struct tls_message *m)
{
    static const uint16_t ids[] = {
        0,      10, 11,    16, 13, 43, 5,    23,    35,   45,    51,
        0x3a3a, 57, 65281, 53, 54, 60, 1234, 17513, 5000, 65445, 65486,
    };
    /* The last few are rare. */
    uint32_t among = draw(4) == 0 ? sizeof ids / sizeof ids[0] : 14;
    size_t n = draw(20), begin = m->size, at = draw(among);

    message_number(m, 2, 0);
    while (n-- > 0) {
        unsigned id = ids[draw(16) == 0 ? draw(among) : at++ % among];
        size_t body;

        message_number(m, 2, id);
        message_number(m, 2, 0);
        body = m->size;
        add_body(m, id);
        set_be16(m, body - 2, m->size - body);
    }
    set_be16(m, begin, m->size - begin - 2);
}

/* All of its lengths agree. */
static void
make_hello(struct tls_message *m)
{
    size_t session = draw(2) == 0 ? 0 : 32;

    m->size = 0;
    message_number(m, 1, 1);
    message_number(m, 3, 0);
    message_number(m, 2, 0x0300 + draw(5));
    memset(m->byte + m->size, 0x3c, 32 + 1 + session);
    m->size += 32 + 1 + session;
    m->byte[m->size - session - 1] = (uint8_t)session;
    add_numbers(m, draw(8) == 0 ? draw(300) : draw(40));
    message_add(m, "\1\0", 2);
    if (draw(20) != 0) {
        add_extensions(m);
    }
    set_be16(m, 2, m->size - 4);
}

static uint32_t
some_version(void)
{
    static const uint32_t versions[] = {
        0, 0, 0, QUIC_1, (uint32_t)QUIC_DRAFT_29, 0x51303530};

    return versions[draw(sizeof versions / sizeof versions[0])];
}

static void
hellos_teach_ndpi_what_they_did(void **state)
{
    static struct tls_message hello;
    unsigned n_less = 0;

    (void)state;
    for (unsigned i = 0; i < N_HELLOS; i++) {
        make_hello(&hello);
        n_less += assert_learnt_alike(&hello, some_version());
    }
    assert_true(n_less > N_HELLOS / 8); /* Most have no supported_versions. */
}

/* Cut short, or with bytes and lengths that are not what they were. */
static void
damaged_hellos_teach_ndpi_what_they_did(void **state)
{
    static struct tls_message hello;

    (void)state;
    for (unsigned i = 0; i < N_HELLOS; i++) {
        make_hello(&hello);
        if (draw(2) == 0) {
            hello.size -= draw((uint32_t)hello.size - 40);
        }
        if (draw(2) == 0) {
            set_be16(&hello, 2, hello.size - 4);
        }
        for (unsigned n = draw(4); n > 0; n--) {
            hello.byte[1 + draw((uint32_t)hello.size - 1)] =
                (uint8_t)(draw(2) ? draw(256) : draw(4));
        }
        assert_learnt_alike(&hello, some_version());
    }
}

/* At every length of the ciphers around that at which nDPI cuts the text. */
static void
a_fingerprint_too_long_for_ndpi_is_cut_as_before(void **state)
{
    static struct tls_message hello;

    (void)state;
    for (size_t n = 155; n < 185; n++) {
        hello.size = 0;
        message_number(&hello, 2, 0x0100);
        message_number(&hello, 2, 0);
        message_number(&hello, 2, 0x0303);
        memset(hello.byte + hello.size, 0, 33);
        hello.size += 33;
        message_number(&hello, 2, (uint32_t)(2 * n));
        for (size_t i = 0; i < n; i++) {
            message_number(&hello, 2, 0xc02f);
        }
        message_add(&hello, "\1\0\0\7\0\013\0\3\2\1\0", 11);
        set_be16(&hello, 2, hello.size - 4);
        assert_learnt_alike(&hello, 0);
    }
}

static void
begin(struct fixture *f, struct inspection **inspection)
{
    conversation_init(&f->conversation, PROTOCOL_TCP, 4433);
    *inspection = inspection_new(f->engine, NULL);
    assert_non_null(*inspection);
}

static void
assert_finished_as_tls(struct fixture *f, struct inspection *inspection)
{
    struct application result;

    inspection_finish(f->engine, inspection, &result);
    assert_int_equal(result.state, APPLICATION_KNOWN);
    assert_string_equal(name_of(f, result.name), "TLS");
    application_done(&result);
}

static void
add_client_hello(struct tls_message *record)
{
    static struct tls_message hello;

    hello.size = 0;
    message_client_hello(&hello, 0x0303);
    record->size = 0;
    message_record(record, RECORD_HANDSHAKE, 0x0301, hello.byte, hello.size);
}

static void
add_server_hello(struct tls_message *record)
{
    static struct tls_message hello;

    hello.size = 0;
    message_server_hello(&hello, 0x0303, 0, 0);
    record->size = 0;
    message_record(record, RECORD_HANDSHAKE, 0x0303, hello.byte, hello.size);
}

static void
tls_is_recognised_after_something_else(void **state)
{
    static const char *const firsts[] = {"\1\2\3", "upgrade\n", "\x80x"};
    static struct tls_message record;
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct inspection *inspection;

        begin(f, &inspection);
        say_text(f, inspection, true, firsts[i]);
        say(f, inspection, false, "\2", 1);
        add_client_hello(&record);
        say(f, inspection, true, record.byte, record.size);
        add_server_hello(&record);
        say(f, inspection, false, record.byte, record.size);
        assert_finished_as_tls(f, inspection);
    }
}

/* RFC 5246, appendix E.2: the client's has no record around it. */
static void
tls_is_recognised_after_a_hello_of_ssl_2(void **state)
{
    static const uint8_t hello[] = {
        0x80, 0x1c, 1, 3, 1, 0, 3, 0, 0,  0,  16, 0,  0,  0x2f, 1,
        2,    3,    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,   16};
    static struct tls_message record;
    struct fixture *f = *state;
    struct inspection *inspection;

    begin(f, &inspection);
    say(f, inspection, true, hello, sizeof hello);
    add_server_hello(&record);
    say(f, inspection, false, record.byte, record.size);
    assert_finished_as_tls(f, inspection);
}

static void
tls_is_recognised_byte_by_byte(void **state)
{
    static struct tls_message record;
    struct fixture *f = *state;
    struct inspection *inspection;

    begin(f, &inspection);
    add_client_hello(&record);
    for (size_t at = 0; at < 20; at++) {
        say(f, inspection, true, record.byte + at, 1);
    }
    say(f, inspection, true, record.byte + 20, record.size - 20);
    assert_finished_as_tls(f, inspection);
}

static void
what_is_not_tls_is_not_gathered(void **state)
{
    struct fixture *f = *state;
    struct inspection *inspection;
    struct application_counters before, after;
    struct application result;
    uint8_t noise[1000];

    begin(f, &inspection);
    memset(noise, 0xee, sizeof noise);
    application_engine_counters(f->engine, &before);
    for (unsigned i = 0; i < 20; i++) {
        say(f, inspection, i % 2 == 0, noise, sizeof noise);
    }
    application_engine_counters(f->engine, &after);
    assert_int_equal(after.bytes, before.bytes);
    inspection_finish(f->engine, inspection, &result);
    assert_int_equal(result.state, APPLICATION_UNKNOWN);
    application_done(&result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_teach_ndpi_what_they_did),
        cmocka_unit_test(damaged_hellos_teach_ndpi_what_they_did),
        cmocka_unit_test(a_fingerprint_too_long_for_ndpi_is_cut_as_before),
        cmocka_unit_test(tls_is_recognised_after_something_else),
        cmocka_unit_test(tls_is_recognised_after_a_hello_of_ssl_2),
        cmocka_unit_test(tls_is_recognised_byte_by_byte),
        cmocka_unit_test(what_is_not_tls_is_not_gathered),
    };

    return cmocka_run_group_tests(tests, set_up_with_module,
                                  tear_down_with_module);
}

#else

int
main(void)
{
    return 77; /* Skipped: nothing is replaced. */
}

#endif

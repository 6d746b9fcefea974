/* ndpi_dispatch.h: two engines see the same conversations, one of them without
 * it, and after each packet nDPI has come as far in both. */

#include "tests/support/test.h"

#include "dissect/application_impl.h"
#include "dissect/ndpi_dispatch.h"
#include "tests/dissect/inspected.h"

#include <limits.h>
#include <stdint.h>

enum {
    MAX_NOISE = 200, /* Bytes, and... */
    MAX_KNOWN = 6,   /* ...of an opening before it. */
    N_NOISE = 1500,
    MAX_PACKETS = 14
};

struct engines {
    struct fixture ours, theirs;
    unsigned n_known, n_packets;
};

/* What is recognised, by a client's first words and a server's. */
static const struct opening {
    uint8_t protocol;
    uint16_t port;
    const char *client, *server;
} openings[] = {
    {PROTOCOL_TCP, 80, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {PROTOCOL_TCP, 22, "SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2\r\n"},
    {PROTOCOL_TCP, 21, "USER anonymous\r\n", "220 FTP ready\r\n"},
    {PROTOCOL_TCP, 25, "EHLO a.example\r\n", "220 a.example ESMTP\r\n"},
    {PROTOCOL_TCP, 110, "USER a\r\n", "+OK POP3 ready\r\n"},
    {PROTOCOL_TCP, 143, "a1 LOGIN a b\r\n", "* OK IMAP4 ready\r\n"},
    {PROTOCOL_TCP, 6667, "NICK a\r\nUSER a 0 * :a\r\n", ":a 001 a\r\n"},
    {PROTOCOL_TCP, 6379, "*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
    {PROTOCOL_TCP, 554, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
     "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"},
    {PROTOCOL_TCP, 5900, "RFB 003.008\n", "RFB 003.008\n"},
    {PROTOCOL_TCP, 9418, "003agit-upload-pack /a.git", "00000000"},
    {PROTOCOL_TCP, 873, "@RSYNCD: 31.0\n", "@RSYNCD: 31.0\n"},
    {PROTOCOL_TCP, 6881, "\023BitTorrent protocol", "\023BitTorrent protocol"},
    {PROTOCOL_UDP, 5060, "OPTIONS sip:a@a.example SIP/2.0\r\nVia: a\r\n\r\n",
     "SIP/2.0 200 OK\r\n\r\n"},
    {PROTOCOL_UDP, 1900, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250\r\n",
     "HTTP/1.1 200 OK\r\nST: a\r\n\r\n"},
    {PROTOCOL_UDP, 514, "<13>Jan  1 00:00:00 a su: b", "x"},
    {PROTOCOL_UDP, 6881, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping", "d1:rd"},
    {PROTOCOL_UDP, 27015, "\xff\xff\xff\xffTSource Engine Query", "\xff\xff"},
};

static const uint16_t ports[] = {80,  22,   53,   443,  21,    25,   123,
                                 502, 1883, 3306, 5432, 20000, 44818};

enum {
    N_OPENINGS = sizeof openings / sizeof openings[0],
    N_PORTS = sizeof ports / sizeof ports[0]
};

static uint32_t lot = 7;

static uint32_t
draw(uint32_t below)
{
    lot = lot * 1664525 + 1013904223;
    return (lot >> 8) % below;
}

static int
set_up_both(void **state)
{
    struct engines *e = calloc(1, sizeof *e);
    struct error error;

    assert_non_null(e);
    e->ours.engine = application_engine_new(NULL, &error);
    e->theirs.engine = application_engine_new(NULL, &error);
    assert_non_null(e->ours.engine);
    assert_non_null(e->theirs.engine);
    ndpi_dispatch_free(e->theirs.engine->dispatch);
    e->theirs.engine->dispatch = NULL;
    *state = e;
    return 0;
}

static int
tear_down_both(void **state)
{
    struct engines *e = *state;

    application_engine_free(e->ours.engine);
    application_engine_free(e->theirs.engine);
    free(e);
    return 0;
}

static void
assert_same_flow(const struct ndpi_flow_struct *ours,
                 const struct ndpi_flow_struct *theirs)
{
    assert_memory_equal(ours->detected_protocol_stack,
                        theirs->detected_protocol_stack,
                        sizeof ours->detected_protocol_stack);
    assert_memory_equal(&ours->excluded_protocol_bitmask,
                        &theirs->excluded_protocol_bitmask,
                        sizeof ours->excluded_protocol_bitmask);
    assert_int_equal(ours->guessed_protocol_id, theirs->guessed_protocol_id);
    assert_int_equal(ours->confidence, theirs->confidence);
    assert_int_equal(ours->category, theirs->category);
    assert_int_equal(ours->risk, theirs->risk);
#if NDPI_SHIM_VERSION == 402
    assert_int_equal(ours->fail_with_unknown, theirs->fail_with_unknown);
    assert_int_equal(ours->check_extra_packets, theirs->check_extra_packets);
#endif
}

struct talk {
    struct inspection *ours, *theirs;
};

static void
begin(struct engines *e, struct talk *talk, uint8_t protocol, uint16_t port,
      bool ipv6)
{
    conversation_init(&e->ours.conversation, protocol, port);
    conversation_init(&e->theirs.conversation, protocol, port);
    e->ours.conversation.ip_version = ipv6 ? 6 : 4;
    e->theirs.conversation.ip_version = ipv6 ? 6 : 4;
    talk->ours = inspection_new(e->ours.engine, NULL);
    talk->theirs = inspection_new(e->theirs.engine, NULL);
    assert_non_null(talk->ours);
    assert_non_null(talk->theirs);
}

/* Returns false when no more need be said. */
static bool
say_to_both(struct engines *e, struct talk *talk, bool from_initiator,
            const void *bytes, size_t size)
{
    bool final = say(&e->ours, talk->ours, from_initiator, bytes, size);

    assert_int_equal(
        final, say(&e->theirs, talk->theirs, from_initiator, bytes, size));
    assert_same_flow(&talk->ours->flow, &talk->theirs->flow);
    e->n_packets++;
    return !final;
}

static void
end(struct engines *e, struct talk *talk)
{
    struct application ours, theirs;

    inspection_finish(e->ours.engine, talk->ours, &ours);
    inspection_finish(e->theirs.engine, talk->theirs, &theirs);
    assert_int_equal(ours.state, theirs.state);
    assert_int_equal(ours.master, theirs.master);
    assert_int_equal(ours.name, theirs.name);
    assert_int_equal(ours.guess_master, theirs.guess_master);
    assert_int_equal(ours.guess_name, theirs.guess_name);
    assert_int_equal(ours.risks, theirs.risks);
    e->n_known += ours.state == APPLICATION_KNOWN;
    application_done(&ours);
    application_done(&theirs);
}

static void
a_module_of_a_known_version_has_a_dispatch(void **state)
{
    struct engines *e = *state;

#if NDPI_SHIM_VERSION == 402
    assert_non_null(e->ours.engine->dispatch);
#else
    assert_null(e->ours.engine->dispatch);
#endif
    assert_true(ndpi_dispatch_install());
}

/* The two sides in turn; an odd 'seed' lets the server begin. */
static void
hold(struct engines *e, const struct opening *opening, uint16_t port,
     unsigned seed)
{
    struct talk talk;
    bool goes_on = true;

    begin(e, &talk, opening->protocol, port, seed & 2);
    for (unsigned n = seed; n < seed + MAX_PACKETS && goes_on; n++) {
        const char *text = n % 2 ? opening->server : opening->client;

        goes_on = say_to_both(e, &talk, n % 2 == 0, text, strlen(text));
    }
    end(e, &talk);
}

/* On its own port, then on those that suggest another protocol. */
static void
hold_everywhere(struct engines *e, const struct opening *opening, unsigned seed)
{
    hold(e, opening, opening->port, seed);
    for (unsigned i = 0; i < N_PORTS; i++) {
        hold(e, opening, ports[i], seed);
    }
}

static void
what_is_recognised_is_recognised_alike(void **state)
{
    struct engines *e = *state;

    for (unsigned i = 0; i < 4 * N_OPENINGS; i++) {
        hold_everywhere(e, &openings[i / 4], i % 4);
    }
    assert_in_range(e->n_known, N_OPENINGS, UINT_MAX);
}

/* Behind as many bytes of an opening. */
static size_t
make_noise(uint8_t *bytes, const char *opening, size_t known)
{
    size_t size = draw(MAX_NOISE - MAX_KNOWN) + MAX_KNOWN;

    memcpy(bytes, opening, known);
    for (size_t i = known; i < size; i++) {
        bytes[i] = (uint8_t)draw(256);
    }
    return size;
}

static void
what_nobody_knows_is_excluded_alike(void **state)
{
    struct engines *e = *state;
    unsigned before = e->n_packets;

    for (unsigned i = 0; i < N_NOISE; i++) {
        const struct opening *opening = &openings[draw(N_OPENINGS)];
        uint16_t port = (uint16_t)(i % 3 ? draw(UINT16_MAX) : opening->port);
        bool goes_on = true;
        struct talk talk;

        begin(e, &talk, i & 1 ? PROTOCOL_TCP : PROTOCOL_UDP, port, i & 2);
        for (unsigned n = 0; n < MAX_PACKETS && goes_on; n++) {
            uint8_t bytes[MAX_NOISE];
            size_t size =
                make_noise(bytes, opening->client, i % 4 ? 0 : draw(MAX_KNOWN));

            goes_on = say_to_both(e, &talk, draw(2), bytes, size);
        }
        end(e, &talk);
    }
    assert_in_range(e->n_packets - before, 4 * N_NOISE, UINT_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_of_a_known_version_has_a_dispatch),
        cmocka_unit_test(what_is_recognised_is_recognised_alike),
        cmocka_unit_test(what_nobody_knows_is_excluded_alike),
    };

    return cmocka_run_group_tests(tests, set_up_both, tear_down_both);
}

/* Every decoder, on every sample: whole, cut at every length, and with every
 * byte changed; always right before an unmapped page. */

#include "tests/support/guard.h"
#include "tests/support/test.h"

#include "tests/dissect/samples.h"

#include <stdio.h>
#include <string.h>

static struct frame_builder builder;

static struct frame
built(const struct sample *sample)
{
    return sample_build(&builder, sample);
}

static enum dissect_result
dissected(const struct frame *frame, struct packet *packet)
{
    memset(packet, 0xaa, sizeof *packet);
    return dissect_frame(frame, &samples_options, packet);
}

static void
check_vlans(const struct sample *sample, const struct packet *p)
{
    uint8_t n_vlans = 0;

    while (n_vlans < PACKET_MAX_VLANS && sample->vlan[n_vlans] != 0) {
        assert_int_equal(p->vlan[n_vlans], sample->vlan[n_vlans]);
        n_vlans++;
    }
    assert_int_equal(p->n_vlans, n_vlans);
}

static void
check_segment(const struct sample *sample, const struct packet *p)
{
    char text[ADDR_TEXT_SIZE];
    bool ipv4 = sample->ip_version != 6;

    assert_int_equal(p->ip_version, ipv4 ? 4 : 6);
    assert_string_equal(addr_format(&p->src, text),
                        ipv4 ? "10.0.0.1" : "2001:db8::1");
    assert_string_equal(addr_format(&p->dst, text),
                        ipv4 ? "10.0.0.2" : "2001:db8::2");
    assert_int_equal(p->protocol, PROTOCOL_TCP);
    assert_int_equal(p->src_port, 40000);
    assert_int_equal(p->dst_port, 443);
    assert_int_equal(p->tcp_flags, TCP_SYN);
    assert_int_equal(p->tcp_seq, 1000);
    assert_int_equal(p->tcp_window, 0x2000);
    assert_int_equal(p->ttl, 64);
    assert_int_equal(p->payload_bytes, 7);
    assert_int_equal(p->payload_captured, 7);
    assert_int_equal(p->flags & ~(PACKET_HAS_MAC | PACKET_LINK_BROADCAST), 0);
}

static void
check_sample(const struct sample *sample)
{
    struct frame frame = built(sample);
    struct packet p;
    enum dissect_result result = dissected(&frame, &p);

    if (result != DISSECT_OK || p.depth != sample->depth) {
        fail_msg("%s: %s", sample->name, dissect_result_label(result));
    }
    check_segment(sample, &p);
    check_vlans(sample, &p);
    assert_int_equal(p.tunnel, sample->tunnel);
    assert_int_equal(p.tunnel_id, sample->tunnel_id);
    assert_memory_equal(frame.data + p.payload_at, "payload", 7);
}

static void
every_sample_is_decoded_to_its_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        check_sample(&samples[i]);
    }
}

static void
every_field_is_filled_in_whatever_was_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        struct frame frame = built(&samples[i]);
        struct packet a, b;

        memset(&a, 0, sizeof a);
        memset(&b, 0xff, sizeof b);
        dissect_frame(&frame, &samples_options, &a);
        dissect_frame(&frame, &samples_options, &b);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

/* What must hold for any bytes at all. */
static void
check_bounds(const struct frame *frame, enum dissect_result result,
             const struct packet *p)
{
    assert_true((unsigned)result < DISSECT_N_RESULTS);
    assert_int_equal(p->number, frame->number);
    if (result != DISSECT_OK) {
        return;
    }
    assert_true(p->ip_version == 4 || p->ip_version == 6);
    assert_true(p->ip_at <= p->transport_at);
    assert_true(p->transport_at <= p->payload_at);
    assert_true(p->payload_at <= frame->captured);
    assert_true(p->payload_captured <= frame->captured - p->payload_at);
    assert_true(p->payload_captured <= p->payload_bytes);
    assert_true(p->payload_bytes <= p->ip_bytes);
    assert_true(p->n_vlans <= PACKET_MAX_VLANS);
    assert_true(p->tunnel < PACKET_N_TUNNELS);
    assert_true(p->depth < DISSECT_MAX_LAYERS);
    assert_true((p->tunnel != PACKET_TUNNEL_NONE) == (p->depth > 0));
}

static void
check_cut_sample(const struct sample *sample, struct guard *guard)
{
    struct frame whole = built(sample);

    for (uint32_t size = 0; size < whole.captured; size++) {
        struct frame cut = whole;
        enum dissect_result result;
        struct packet p;

        cut.data = guard_copy(guard, whole.data, size);
        cut.captured = size;
        result = dissected(&cut, &p);
        check_bounds(&cut, result, &p);
        assert_true(result == DISSECT_OK || result == DISSECT_CUT_SHORT);
        assert_true(result != DISSECT_OK || p.flags & PACKET_TRUNCATED ||
                    size >= builder.size - builder.trailer);
    }
}

static void
a_capture_cut_anywhere_is_safe_and_honest(void **state)
{
    struct guard guard = guard_new(FRAME_BUILDER_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        check_cut_sample(&samples[i], &guard);
    }
    guard_free(&guard);
}

static void
a_frame_that_ends_early_is_never_cut_short(void **state)
{
    struct guard guard = guard_new(FRAME_BUILDER_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        struct frame whole = built(&samples[i]);

        for (uint32_t size = 0; size < whole.captured; size++) {
            struct frame cut = whole;
            enum dissect_result result;
            struct packet p;

            cut.data = guard_copy(&guard, whole.data, size);
            cut.captured = cut.wire_size = size;
            result = dissected(&cut, &p);
            check_bounds(&cut, result, &p);
            assert_int_not_equal(result, DISSECT_CUT_SHORT);
        }
    }
    guard_free(&guard);
}

static void
check_changed_byte(const struct frame *frame, uint8_t *byte)
{
    static const uint8_t values[] = {0x00, 0x01, 0x3f, 0x44, 0x7f, 0x80, 0xff};
    uint8_t old = *byte;

    for (size_t i = 0; i < sizeof values; i++) {
        struct packet p;

        *byte = values[i];
        check_bounds(frame, dissected(frame, &p), &p);
    }
    *byte = old;
}

static void
any_changed_byte_is_safe(void **state)
{
    struct guard guard = guard_new(FRAME_BUILDER_MAX_BYTES);

    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        struct frame frame = built(&samples[i]);
        uint8_t *bytes = guard_copy(&guard, frame.data, frame.captured);

        frame.data = bytes;
        for (uint32_t at = 0; at < frame.captured; at++) {
            check_changed_byte(&frame, bytes + at);
        }
    }
    guard_free(&guard);
}

static void
tunnels_are_left_closed_when_the_options_say_so(void **state)
{
    static const struct dissect_options closed = {.tunnels = 0};

    (void)state;
    for (size_t i = 0; i < n_samples; i++) {
        struct frame frame = built(&samples[i]);
        struct packet p;

        assert_int_equal(dissect_frame(&frame, &closed, &p), DISSECT_OK);
        assert_int_equal(p.depth, 0);
        assert_int_equal(p.tunnel, PACKET_TUNNEL_NONE);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_decoded_to_its_segment),
        cmocka_unit_test(every_field_is_filled_in_whatever_was_there),
        cmocka_unit_test(a_capture_cut_anywhere_is_safe_and_honest),
        cmocka_unit_test(a_frame_that_ends_early_is_never_cut_short),
        cmocka_unit_test(any_changed_byte_is_safe),
        cmocka_unit_test(tunnels_are_left_closed_when_the_options_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

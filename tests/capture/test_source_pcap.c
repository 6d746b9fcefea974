/* source_pcap.c */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "tests/capture/frames.h"

#include <inttypes.h>
#include <stdio.h>

#define MAGIC_MICRO    UINT32_C(0xa1b2c3d4)
#define MAGIC_NANO     UINT32_C(0xa1b23c4d)
#define MAGIC_MODIFIED UINT32_C(0xa1b2cd34)

static const struct capture_packet packets[] = {
    {.seconds = 1700000000, .fraction = 1, .captured = 60, .wire = 60},
    {.seconds = 1700000000, .fraction = 999999, .captured = 0, .wire = 0},
    {.seconds = 1700000001, .fraction = 5, .captured = 96, .wire = 1514},
    {.seconds = 4294967295, .fraction = 7, .captured = 1, .wire = 1},
};
enum {
    N_PACKETS = sizeof packets / sizeof *packets
};

static void
write_packets(struct capture_file *file, uint32_t magic)
{
    capture_file_pcap(file, magic, FRAME_LINK_ETHERNET);
    for (unsigned i = 0; i < N_PACKETS; i++) {
        capture_file_pcap_packet(file, &packets[i], (uint8_t)i);
    }
}

static void
check_packets(const struct frames *frames, int64_t fraction_ns)
{
    assert_true(frames->opened);
    assert_int_equal(frames->status, SOURCE_END);
    assert_int_equal(frames->n, N_PACKETS);
    for (unsigned i = 0; i < N_PACKETS; i++) {
        const struct frame *frame = &frames->list[i];

        assert_int_equal(frame->time.ns, packets[i].seconds * SECOND_NS +
                                             packets[i].fraction * fraction_ns);
        assert_int_equal(frame->number, i + 1);
        assert_int_equal(frame->wire_size, packets[i].wire);
        assert_int_equal(frame->link, FRAME_LINK_ETHERNET);
        assert_int_equal(frame->interface, 0);
        assert_int_equal(frame->file, 7);
        frames_check_payload(frames, i, packets[i].captured, (uint8_t)i);
    }
}

static void
both_byte_orders_and_resolutions_are_read(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 4; variant++) {
        bool nano = variant & 2;
        struct capture_file file;
        struct frames frames;

        capture_file_init(&file, variant & 1);
        write_packets(&file, nano ? MAGIC_NANO : MAGIC_MICRO);
        frames_of_file(&frames, &file);
        check_packets(&frames, nano ? 1 : MICROSECOND_NS);
        assert_string_equal(source_interface_name(frames.source, 0), "");
        assert_string_equal(source_interface_name(frames.source, 9), "");
        frames_done(&frames);
        capture_file_done(&file);
    }
}

static void
any_batch_size_gives_the_same_frames(void **state)
{
    struct capture_file file;

    (void)state;
    capture_file_init(&file, false);
    write_packets(&file, MAGIC_MICRO);
    for (size_t max_batch = 1; max_batch <= N_PACKETS + 1; max_batch++) {
        struct frames frames;

        frames_of_bytes(&frames, file.data, file.size, max_batch, NULL);
        check_packets(&frames, MICROSECOND_NS);
        frames_done(&frames);
    }
    capture_file_done(&file);
}

/* Many windows long, so that records fall across their ends. */
static void
records_across_window_ends_are_whole(void **state)
{
    enum {
        N_LARGE = 3000
    };
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_pcap(&file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    for (uint32_t i = 0; i < N_LARGE; i++) {
        struct capture_packet packet = {
            .seconds = i, .captured = i * 7 % 1500, .wire = 1500};

        capture_file_pcap_packet(&file, &packet, (uint8_t)i);
    }
    frames_of_file(&frames, &file);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, N_LARGE);
    for (uint32_t i = 0; i < N_LARGE; i++) {
        assert_int_equal(frames.list[i].time.ns, i * SECOND_NS);
        frames_check_payload(&frames, i, i * 7 % 1500, (uint8_t)i);
    }
    assert_int_equal(frames.stats.frames, N_LARGE);
    assert_int_equal(frames.stats.bytes, file.size);
    assert_int_equal(frames.stats.size, file.size);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
the_largest_frame_is_read_and_one_byte_more_is_damage(void **state)
{
    struct capture_packet packet = {.captured = SOURCE_MAX_FRAME_BYTES};

    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct capture_file file;
        struct frames frames;

        capture_file_init(&file, false);
        capture_file_pcap(&file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
        packet.captured = SOURCE_MAX_FRAME_BYTES;
        capture_file_pcap_packet(&file, &packet, 1);
        packet.captured += more;
        capture_file_pcap_packet(&file, &packet, 2);
        frames_of_file(&frames, &file);
        assert_int_equal(frames.n, 2 - more);
        frames_check_payload(&frames, 0, SOURCE_MAX_FRAME_BYTES, 1);
        if (more) {
            frames_check_error(&frames, ERROR_SYNTAX,
                               "packet 2 at byte 262184: captured length "
                               "262145 is larger than the limit of 262144");
        }
        frames_done(&frames);
        capture_file_done(&file);
    }
}

static void
an_error_stays_an_error(void **state)
{
    struct capture_packet packet = {.captured = 300000};
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    write_packets(&file, MAGIC_MICRO);
    capture_file_pcap_packet(&file, &packet, 0);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.n, N_PACKETS);
    for (unsigned i = 0; i < 3; i++) {
        struct error error = {0};
        struct frame frame;
        size_t n = 1;

        assert_int_equal(source_read(frames.source, &frame, 1, &n, &error),
                         SOURCE_ERROR);
        assert_int_equal(n, 0);
        assert_string_equal(error.message, frames.error.message);
        assert_string_equal(error.where, frames.error.where);
    }
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_wire_length_below_the_captured_one_is_raised(void **state)
{
    struct capture_packet packet = {.captured = 100, .wire = 60};
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_pcap(&file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    capture_file_pcap_packet(&file, &packet, 0);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.n, 1);
    assert_int_equal(frames.list[0].captured, 100);
    assert_int_equal(frames.list[0].wire_size, 100);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
fractions_above_a_second_are_carried(void **state)
{
    struct capture_packet packet = {.seconds = 4294967295,
                                    .fraction = 4294967295};
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_pcap(&file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    capture_file_pcap_packet(&file, &packet, 0);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.list[0].time.ns,
                     4294967295 * SECOND_NS + 4294967295 * MICROSECOND_NS);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
link_types_are_those_of_the_registry(void **state)
{
    static const uint32_t links[][2] = {
        {FRAME_LINK_ETHERNET, FRAME_LINK_ETHERNET},
        {FRAME_LINK_LINUX_SLL2, FRAME_LINK_LINUX_SLL2},
        {101, FRAME_LINK_RAW},
        {12, FRAME_LINK_RAW}, /* As BSD wrote it... */
        {14, FRAME_LINK_RAW}, /* ...and OpenBSD. */
        {0x24000001, 1},      /* A 2 byte FCS announced. */
        {0x03ff0071, 113},    /* Reserved bits set. */
        {40000, 40000},       /* Unknown: passed on. */
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct capture_file file;
        struct frames frames;

        capture_file_init(&file, false);
        capture_file_pcap(&file, MAGIC_MICRO, links[i][0]);
        capture_file_pcap_packet(&file, &packets[0], 0);
        frames_of_file(&frames, &file);
        assert_int_equal(frames.n, 1);
        assert_int_equal(frames.list[0].link, links[i][1]);
        frames_done(&frames);
        capture_file_done(&file);
    }
}

/* Writes a file of 'major'.'minor' with lengths 80 and 40, in this order. */
static void
read_version(struct frames *frames, uint16_t major, uint16_t minor)
{
    struct capture_file file;

    capture_file_init(&file, true);
    capture_file_u32(&file, MAGIC_MICRO);
    capture_file_u16(&file, major);
    capture_file_u16(&file, minor);
    capture_file_u64(&file, 0);
    capture_file_u32(&file, 96);
    capture_file_u32(&file, FRAME_LINK_ETHERNET);
    capture_file_u64(&file, 0);
    capture_file_u32(&file, 80);
    capture_file_u32(&file, 40);
    capture_file_payload(&file, 40, 3);
    frames_of_file(frames, &file);
    capture_file_done(&file);
}

static void
old_versions_have_their_lengths_swapped(void **state)
{
    static const uint16_t versions[][2] = {{2, 0}, {2, 2}, {2, 3}, {543, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct frames frames;

        read_version(&frames, versions[i][0], versions[i][1]);
        assert_int_equal(frames.n, 1);
        frames_check_payload(&frames, 0, 40, 3);
        assert_int_equal(frames.list[0].wire_size, 80);
        frames_done(&frames);
    }
}

static void
unknown_versions_are_refused(void **state)
{
    static const uint16_t versions[][2] = {{1, 4}, {2, 5}, {3, 0}, {543, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct frames frames;

        read_version(&frames, versions[i][0], versions[i][1]);
        assert_false(frames.opened);
        frames_check_error(&frames, ERROR_UNSUPPORTED, "is not supported");
        frames_done(&frames);
    }
}

static void
the_modified_format_has_longer_packet_headers(void **state)
{
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_pcap(&file, MAGIC_MODIFIED, FRAME_LINK_ETHERNET);
    for (uint8_t i = 0; i < 2; i++) {
        capture_file_u32(&file, 1000);
        capture_file_u32(&file, i);
        capture_file_u32(&file, 60);
        capture_file_u32(&file, 61);
        capture_file_u64(&file, 0x0102030405060708);
        capture_file_payload(&file, 60, i);
    }
    frames_of_file(&frames, &file);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 2);
    frames_check_payload(&frames, 1, 60, 1);
    assert_int_equal(frames.list[1].wire_size, 61);
    assert_int_equal(frames.list[1].time.ns, 1000 * SECOND_NS + 1000);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_cut_at_any_byte_keeps_every_packet_before_it(void **state)
{
    struct capture_file file;
    struct frames whole;
    size_t ends[N_PACKETS + 1] = {24};
    unsigned n_whole = 0;

    (void)state;
    capture_file_init(&file, false);
    write_packets(&file, MAGIC_MICRO);
    frames_of_file(&whole, &file);
    for (unsigned i = 0; i < N_PACKETS; i++) {
        ends[i + 1] = ends[i] + 16 + packets[i].captured;
    }
    for (size_t cut = 0; cut <= file.size; cut++) {
        struct frames frames;
        char position[64];

        while (n_whole < N_PACKETS && ends[n_whole + 1] <= cut) {
            n_whole++;
        }
        frames_of_bytes(&frames, file.data, cut, 2, NULL);
        assert_int_equal(frames.opened, cut >= 24);
        assert_int_equal(frames.n, n_whole);
        frames_check_prefix(&frames, &whole);
        if (!frames.opened) {
            frames_check_error(
                &frames, cut < 4 && cut > 0 ? ERROR_UNSUPPORTED : ERROR_SYNTAX,
                "");
        } else if (cut == ends[n_whole]) {
            assert_int_equal(frames.status, SOURCE_END);
        } else {
            snprintf(position, sizeof position,
                     "packet %u at byte %zu: the file ends inside a packet",
                     n_whole + 1, ends[n_whole]);
            frames_check_error(&frames, ERROR_SYNTAX, position);
        }
        frames_done(&frames);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_and_resolutions_are_read),
        cmocka_unit_test(any_batch_size_gives_the_same_frames),
        cmocka_unit_test(records_across_window_ends_are_whole),
        cmocka_unit_test(the_largest_frame_is_read_and_one_byte_more_is_damage),
        cmocka_unit_test(an_error_stays_an_error),
        cmocka_unit_test(a_wire_length_below_the_captured_one_is_raised),
        cmocka_unit_test(fractions_above_a_second_are_carried),
        cmocka_unit_test(link_types_are_those_of_the_registry),
        cmocka_unit_test(old_versions_have_their_lengths_swapped),
        cmocka_unit_test(unknown_versions_are_refused),
        cmocka_unit_test(the_modified_format_has_longer_packet_headers),
        cmocka_unit_test(a_cut_at_any_byte_keeps_every_packet_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

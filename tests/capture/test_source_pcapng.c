/* source_pcapng.c, pcapng_interfaces.c */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "capture/pcapng_interfaces.h"
#include "tests/capture/frames.h"

#include <stdio.h>
#include <string.h>

static const struct capture_interface ethernet = {
    .name = "eth0", .link = FRAME_LINK_ETHERNET, .snap_length = 262144};
static const struct capture_interface raw_nano = {.name = "tun0",
                                                  .link = FRAME_LINK_RAW,
                                                  .snap_length = 96,
                                                  .has_resolution = true,
                                                  .resolution = 9};

/* A packet on 'interface' at 'ticks', with 'size' bytes. */
static struct capture_packet
packet_of(uint32_t interface, uint64_t ticks, uint32_t size)
{
    return (struct capture_packet){
        .interface = interface, .ticks = ticks, .captured = size, .wire = size};
}

static void
add_enhanced(struct capture_file *file, uint32_t interface, uint64_t ticks,
             uint32_t size, uint8_t seed)
{
    struct capture_packet packet = packet_of(interface, ticks, size);

    capture_file_enhanced(file, &packet, seed);
}

static void
start(struct capture_file *file, bool big_endian)
{
    capture_file_init(file, big_endian);
    capture_file_section(file);
    capture_file_interface(file, &ethernet);
}

/* Reads the file, which it frees, and expects one error after 'n' packets. */
static void
expect_error(struct capture_file *file, size_t n, enum error_code code,
             const char *text)
{
    struct frames frames;

    frames_of_file(&frames, file);
    assert_int_equal(frames.n, n);
    frames_check_error(&frames, code, text);
    frames_done(&frames);
    capture_file_done(file);
}

static void
every_kind_of_packet_block_is_read_in_both_byte_orders(void **state)
{
    (void)state;
    for (unsigned big_endian = 0; big_endian < 2; big_endian++) {
        struct capture_packet packet = packet_of(0, 1700000000000001, 61);
        struct capture_file file;
        struct frames frames;

        start(&file, big_endian);
        capture_file_enhanced(&file, &packet, 1);
        packet.ticks++;
        packet.wire = 1000;
        capture_file_obsolete(&file, &packet, 2);
        packet.wire = packet.captured;
        capture_file_simple(&file, &packet, 3);
        frames_of_file(&frames, &file);
        assert_int_equal(frames.status, SOURCE_END);
        assert_int_equal(frames.n, 3);
        for (uint8_t i = 0; i < 3; i++) {
            frames_check_payload(&frames, i, 61, i + 1);
            assert_int_equal(frames.list[i].number, i + 1);
            assert_int_equal(frames.list[i].link, FRAME_LINK_ETHERNET);
        }
        assert_int_equal(frames.list[0].time.ns, 1700000000000001000);
        assert_int_equal(frames.list[1].time.ns, 1700000000000002000);
        assert_int_equal(frames.list[1].wire_size, 1000);
        /* A simple packet has no time of its own. */
        assert_int_equal(frames.list[2].time.ns, 1700000000000002000);
        frames_done(&frames);
        capture_file_done(&file);
    }
}

static void
each_interface_has_its_own_link_type_time_and_name(void **state)
{
    const struct capture_interface offset = {.link = FRAME_LINK_LINUX_SLL2,
                                             .offset = -3600};
    struct capture_file file;
    struct frames frames;

    (void)state;
    start(&file, false);
    capture_file_interface(&file, &raw_nano);
    capture_file_interface(&file, &offset);
    add_enhanced(&file, 1, 1700000000000000007, 20, 1);
    add_enhanced(&file, 0, 1700000000000001, 60, 2);
    add_enhanced(&file, 2, 1700000000000001, 60, 3);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.n, 3);
    assert_int_equal(frames.list[0].link, FRAME_LINK_RAW);
    assert_int_equal(frames.list[0].interface, 1);
    assert_int_equal(frames.list[0].time.ns, 1700000000000000007);
    assert_int_equal(frames.list[1].link, FRAME_LINK_ETHERNET);
    assert_int_equal(frames.list[2].link, FRAME_LINK_LINUX_SLL2);
    assert_int_equal(frames.list[2].time.ns, 1699996400000001000);
    assert_string_equal(source_interface_name(frames.source, 0), "eth0");
    assert_string_equal(source_interface_name(frames.source, 1), "tun0");
    assert_string_equal(source_interface_name(frames.source, 2), "");
    assert_string_equal(source_interface_name(frames.source, 3), "");
    frames_done(&frames);
    capture_file_done(&file);
}

static void
interfaces_are_numbered_through_all_sections(void **state)
{
    struct capture_file file;
    struct frames frames;

    (void)state;
    start(&file, false);
    add_enhanced(&file, 0, 1, 60, 1);
    file.big_endian = true;
    capture_file_section(&file);
    capture_file_interface(&file, &raw_nano);
    add_enhanced(&file, 0, 2, 61, 2);
    file.big_endian = false;
    capture_file_section(&file);
    capture_file_interface(&file, &ethernet);
    capture_file_interface(&file, &raw_nano);
    add_enhanced(&file, 1, 3, 62, 3);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 3);
    assert_int_equal(frames.list[0].interface, 0);
    assert_int_equal(frames.list[1].interface, 1);
    assert_int_equal(frames.list[1].link, FRAME_LINK_RAW);
    assert_int_equal(frames.list[2].interface, 3);
    frames_check_payload(&frames, 2, 62, 3);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_section_without_packets_or_interfaces_is_whole(void **state)
{
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    frames_of_file(&frames, &file);
    assert_true(frames.opened);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 0);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
other_blocks_are_skipped_however_large(void **state)
{
    static const uint32_t types[] = {4, 5, 0x0a, 0xbad, 0x40000bad, 0x80000001};
    struct capture_file file;
    struct frames frames;

    (void)state;
    start(&file, false);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t block = capture_file_begin(&file, types[i]);

        capture_file_payload(&file, (uint32_t)(i * i * 100000), 0);
        capture_file_end(&file, block);
        add_enhanced(&file, 0, i, 60, (uint8_t)i);
    }
    frames_of_file(&frames, &file);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 6);
    frames_check_payload(&frames, 5, 60, 5);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_block_above_the_limit_is_an_error(void **state)
{
    struct capture_file file;
    size_t block;

    (void)state;
    start(&file, false);
    /* The largest, header and trailing length included... */
    block = capture_file_begin(&file, 0xbad);
    capture_file_payload(&file, (16 << 20) - 12, 0);
    capture_file_end(&file, block);
    add_enhanced(&file, 0, 1, 60, 1);
    /* ...and one more word. */
    capture_file_u32(&file, 0xbad);
    capture_file_u32(&file, (16 << 20) + 4);
    capture_file_u64(&file, 0);
    expect_error(&file, 1, ERROR_LIMIT,
                 "a block of 16777220 bytes is larger than the limit");
}

static void
a_simple_packet_ends_at_the_snapshot_length(void **state)
{
    struct capture_packet packet = packet_of(0, 0, 96);
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    capture_file_interface(&file, &raw_nano);
    packet.wire = 1500;
    capture_file_simple(&file, &packet, 1);
    packet.wire = 90; /* The rest is padding. */
    capture_file_simple(&file, &packet, 2);
    packet.captured = 200; /* More than there should be. */
    packet.wire = 1500;
    capture_file_simple(&file, &packet, 3);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.n, 3);
    frames_check_payload(&frames, 0, 96, 1);
    assert_int_equal(frames.list[0].wire_size, 1500);
    assert_int_equal(frames.list[0].time.ns, 0);
    frames_check_payload(&frames, 1, 90, 2);
    frames_check_payload(&frames, 2, 96, 3);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_packet_on_an_interface_not_described_is_damage(void **state)
{
    struct capture_file file;

    (void)state;
    start(&file, false);
    add_enhanced(&file, 0, 1, 60, 1);
    add_enhanced(&file, 1, 1, 60, 1);
    expect_error(&file, 1, ERROR_SYNTAX, "its interface is not described");

    /* An interface of the section before does not count. */
    start(&file, false);
    add_enhanced(&file, 0, 1, 60, 1);
    capture_file_section(&file);
    add_enhanced(&file, 0, 1, 60, 1);
    expect_error(&file, 1, ERROR_SYNTAX, "its interface is not described");
}

/* Starts a file whose second packet's captured length will be 'length'. */
static void
start_wrong_packet(struct capture_file *file, uint32_t length)
{
    size_t at;

    start(file, false);
    add_enhanced(file, 0, 1, 60, 1);
    at = file->size;
    add_enhanced(file, 0, 1, 60, 2);
    capture_file_patch_u32(file, at + 20, length);
}

static void
absurd_packet_lengths_are_damage(void **state)
{
    struct capture_file file;

    (void)state;
    start_wrong_packet(&file, 61);
    expect_error(&file, 1, ERROR_SYNTAX, "larger than the block");
    start_wrong_packet(&file, UINT32_MAX);
    expect_error(&file, 1, ERROR_SYNTAX, "larger than the limit");
}

/* Writes 'value' over the word at 'offset' of the second packet's block. */
static void
expect_bad_block(size_t offset, uint32_t value, const char *text)
{
    struct capture_file file;
    char message[120];
    size_t at;

    start(&file, true);
    add_enhanced(&file, 0, 1, 60, 1);
    at = file.size;
    add_enhanced(&file, 0, 1, 60, 2);
    capture_file_patch_u32(&file, at + offset, value);
    snprintf(message, sizeof message, "packet 2 at byte %zu: %s", at, text);
    expect_error(&file, 1, ERROR_SYNTAX, message);
}

static void
bad_block_lengths_are_damage(void **state)
{
    (void)state;
    expect_bad_block(4, 0, "a block cannot be 0 bytes long");
    expect_bad_block(4, 8, "a block cannot be 8 bytes long");
    expect_bad_block(4, 93, "a block cannot be 93 bytes long");
    expect_bad_block(4, 12, "the block's two lengths differ: 12 and 0");
    expect_bad_block(4, 96, "the file ends inside a block: 96 bytes expected");
    expect_bad_block(88, 96, "the block's two lengths differ: 92 and 96");
}

static void
packet_blocks_too_short_for_their_fields_are_damage(void **state)
{
    static const uint32_t types[] = {2, 3, 6};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct capture_file file;

        start(&file, false);
        capture_file_end(&file, capture_file_begin(&file, types[i]));
        expect_error(&file, 0, ERROR_SYNTAX, "too short");
    }
}

static void
bad_section_headers_are_damage(void **state)
{
    struct capture_file file;
    size_t at;

    (void)state;
    start(&file, false);
    add_enhanced(&file, 0, 1, 60, 1);
    at = file.size;
    capture_file_section(&file);
    capture_file_patch_u32(&file, at + 8, 0x1a2b3c4e);
    expect_error(&file, 1, ERROR_SYNTAX, "without byte-order magic");

    start(&file, false);
    at = file.size;
    capture_file_section(&file);
    capture_file_patch_u32(&file, at + 12, 2);
    expect_error(&file, 0, ERROR_UNSUPPORTED, "pcapng version 2.0");

    start(&file, false);
    at = capture_file_begin(&file, 0x0a0d0d0a);
    capture_file_u32(&file, 0x1a2b3c4d);
    capture_file_end(&file, at);
    expect_error(&file, 0, ERROR_SYNTAX, "16 bytes is too short");
}

/* An interface block of link type and snapshot length, then 'options'. */
static void
expect_bad_interface(const char *options, size_t size, const char *text)
{
    struct capture_file file;
    size_t block;

    start(&file, true);
    add_enhanced(&file, 0, 1, 60, 1);
    block = capture_file_begin(&file, 1);
    capture_file_u64(&file, 0);
    capture_file_bytes(&file, options, size);
    capture_file_end(&file, block);
    expect_error(&file, 1, ERROR_SYNTAX, text);
}

static void
bad_interface_options_are_damage(void **state)
{
    (void)state;
    expect_bad_interface("\0\x09\0\1\x14\0\0\0", 8, "if_tsresol");
    expect_bad_interface("\0\x09\0\2\x06\0\0\0", 8, "if_tsresol");
    expect_bad_interface("\0\x09\0\0", 4, "if_tsresol");
    expect_bad_interface("\0\x0e\0\4\0\0\0\0", 8, "if_tsoffset");
    expect_bad_interface("\0\x02\0\5abcd", 8, "beyond the block");
    expect_bad_interface("\0\x63\xff\xff", 4, "beyond the block");
}

static void
an_interface_block_too_short_is_damage(void **state)
{
    struct capture_file file;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    capture_file_end(&file, capture_file_begin(&file, 1));
    expect_error(&file, 0, ERROR_SYNTAX, "interface: the block is too short");
}

static void
long_interface_names_are_cut(void **state)
{
    char name[1000];
    struct capture_interface interface = {.name = name, .link = 1};
    struct capture_file file;
    struct frames frames;

    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    capture_file_init(&file, false);
    capture_file_section(&file);
    capture_file_interface(&file, &interface);
    frames_of_file(&frames, &file);
    assert_true(frames.opened);
    assert_int_equal(strlen(source_interface_name(frames.source, 0)),
                     PCAPNG_MAX_NAME_BYTES);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
interfaces_have_a_limit(void **state)
{
    const struct capture_interface plain = {.link = 1};
    struct capture_file file;
    struct frames frames;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    for (unsigned i = 0; i < PCAPNG_MAX_INTERFACES; i++) {
        capture_file_interface(&file, &plain);
    }
    add_enhanced(&file, PCAPNG_MAX_INTERFACES - 1, 1, 60, 1);
    frames_of_file(&frames, &file);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 1);
    assert_int_equal(frames.list[0].interface, PCAPNG_MAX_INTERFACES - 1);
    frames_done(&frames);
    capture_file_interface(&file, &plain);
    expect_error(&file, 1, ERROR_LIMIT, "the limit of 65535");
}

static void
a_cut_at_any_byte_keeps_every_packet_before_it(void **state)
{
    struct capture_packet simple = packet_of(0, 0, 3);
    struct capture_file file;
    struct frames whole;
    size_t ends[8]; /* Of blocks; the first two are header and interface. */
    size_t n_before[8] = {0, 0, 1, 2, 2, 2, 3, 3};
    size_t n_ends = 0;
    size_t at = 0;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    ends[n_ends++] = file.size;
    capture_file_interface(&file, &ethernet);
    ends[n_ends++] = file.size;
    add_enhanced(&file, 0, 1, 60, 1);
    ends[n_ends++] = file.size;
    capture_file_simple(&file, &simple, 2);
    ends[n_ends++] = file.size;
    capture_file_section(&file);
    ends[n_ends++] = file.size;
    capture_file_interface(&file, &raw_nano);
    ends[n_ends++] = file.size;
    add_enhanced(&file, 0, 9, 101, 3);
    ends[n_ends++] = file.size;
    capture_file_end(&file, capture_file_begin(&file, 5));
    ends[n_ends++] = file.size;
    frames_of_file(&whole, &file);
    assert_int_equal(whole.n, 3);
    for (size_t cut = 0; cut <= file.size; cut++) {
        struct frames frames;
        bool clean;

        while (at + 1 < n_ends && ends[at + 1] <= cut) {
            at++;
        }
        clean = cut == ends[at];
        frames_of_bytes(&frames, file.data, cut, 2, NULL);
        assert_int_equal(frames.opened, clean || cut > ends[1]);
        assert_int_equal(frames.n, n_before[at]);
        frames_check_prefix(&frames, &whole);
        assert_int_equal(frames.opened && frames.status == SOURCE_END, clean);
        if (!clean && cut > ends[0]) {
            char position[64];

            snprintf(position, sizeof position,
                     "packet %zu at byte %zu: the file ends", n_before[at] + 1,
                     ends[at]);
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
        cmocka_unit_test(
            every_kind_of_packet_block_is_read_in_both_byte_orders),
        cmocka_unit_test(each_interface_has_its_own_link_type_time_and_name),
        cmocka_unit_test(interfaces_are_numbered_through_all_sections),
        cmocka_unit_test(a_section_without_packets_or_interfaces_is_whole),
        cmocka_unit_test(other_blocks_are_skipped_however_large),
        cmocka_unit_test(a_block_above_the_limit_is_an_error),
        cmocka_unit_test(a_simple_packet_ends_at_the_snapshot_length),
        cmocka_unit_test(a_packet_on_an_interface_not_described_is_damage),
        cmocka_unit_test(absurd_packet_lengths_are_damage),
        cmocka_unit_test(bad_block_lengths_are_damage),
        cmocka_unit_test(packet_blocks_too_short_for_their_fields_are_damage),
        cmocka_unit_test(bad_section_headers_are_damage),
        cmocka_unit_test(bad_interface_options_are_damage),
        cmocka_unit_test(an_interface_block_too_short_is_damage),
        cmocka_unit_test(long_interface_names_are_cut),
        cmocka_unit_test(interfaces_have_a_limit),
        cmocka_unit_test(a_cut_at_any_byte_keeps_every_packet_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

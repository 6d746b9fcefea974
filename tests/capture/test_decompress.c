/* decompress.h, and compressed captures as a whole */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "capture/byte_stream.h"
#include "capture/decompress.h"
#include "tests/capture/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)

enum {
    N_PACKETS = 400,
    N_FORMATS = 2
};

typedef void (*compressor)(struct capture_file *, const uint8_t *, size_t);
static const compressor compressors[N_FORMATS] = {capture_file_gzip,
                                                  capture_file_zstd};

/* Packets of pseudorandom bytes, so that they do not all fit one block. */
static void
write_capture(struct capture_file *file, unsigned n_packets, uint32_t size)
{
    uint32_t random = 1;

    capture_file_init(file, false);
    capture_file_pcap(file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    for (unsigned i = 0; i < n_packets; i++) {
        struct capture_packet packet = {
            .seconds = i, .captured = size, .wire = size};

        capture_file_pcap_packet(file, &packet, 0);
        for (uint32_t at = 0; at < size; at++) {
            random = random * 1664525 + 1013904223;
            file->data[file->size - size + at] = (uint8_t)(random >> 24);
        }
    }
}

static void
compressed_captures_are_recognised_and_read(void **state)
{
    struct capture_file file;
    struct frames whole;

    (void)state;
    write_capture(&file, N_PACKETS, 900);
    frames_of_file(&whole, &file);
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct capture_file packed;
        struct frames frames;

        capture_file_init(&packed, false);
        compressors[format](&packed, file.data, file.size);
        frames_of_file(&frames, &packed);
        assert_int_equal(frames.status, SOURCE_END);
        assert_int_equal(frames.n, N_PACKETS);
        frames_check_prefix(&frames, &whole);
        assert_int_equal(frames.stats.bytes, packed.size);
        frames_done(&frames);
        capture_file_done(&packed);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

static void
members_and_frames_back_to_back_are_one_capture(void **state)
{
    struct capture_file file;
    struct frames whole;

    (void)state;
    write_capture(&file, N_PACKETS, 900);
    frames_of_file(&whole, &file);
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct capture_file packed;
        struct frames frames;

        capture_file_init(&packed, false);
        /* Cut where no packet ends; empty ones between. */
        compressors[format](&packed, file.data, 0);
        compressors[format](&packed, file.data, 10);
        compressors[format](&packed, file.data, 0);
        compressors[format](&packed, file.data + 10, 1000);
        compressors[format](&packed, file.data + 1010, file.size - 1010);
        compressors[format](&packed, file.data, 0);
        frames_of_file(&frames, &packed);
        assert_int_equal(frames.status, SOURCE_END);
        assert_int_equal(frames.n, N_PACKETS);
        frames_check_prefix(&frames, &whole);
        frames_done(&frames);
        capture_file_done(&packed);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

/* Which bytes come after a whole gzip member decides what they are. */
static void
zeros_after_gzip_are_padding_and_other_bytes_are_damage(void **state)
{
    static const uint8_t zeros[600];
    struct capture_file file;
    struct capture_file packed;
    struct frames frames;

    (void)state;
    write_capture(&file, 3, 60);
    capture_file_init(&packed, false);
    capture_file_gzip(&packed, file.data, file.size);
    capture_file_bytes(&packed, zeros, sizeof zeros);
    frames_of_file(&frames, &packed);
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 3);
    frames_done(&frames);
    capture_file_bytes(&packed, "garbage", 7);
    frames_of_file(&frames, &packed);
    assert_int_equal(frames.n, 3);
    frames_check_error(&frames, ERROR_SYNTAX,
                       "packet 4 at byte 252: corrupt gzip data");
    frames_done(&frames);
    capture_file_done(&packed);
    capture_file_done(&file);
}

/* How many bytes of the capture the first 'cut' bytes hold: decompressed a
 * byte at a time, into a buffer of the right size. */
static size_t
bytes_in_prefix(enum compression compression, const struct capture_file *packed,
                size_t cut, size_t full_size)
{
    struct error error;
    struct decompress *d = decompress_new(compression, &error);
    uint8_t *out = malloc(full_size + 1);
    struct decompress_buffers buffers = {packed->data, 0, out, full_size + 1};
    size_t n;

    assert_non_null(d);
    assert_non_null(out);
    for (size_t i = 0; i < cut; i++) {
        buffers.in = packed->data + i;
        buffers.in_size = 1;
        assert_true(decompress_run(d, &buffers, &error));
        assert_int_equal(buffers.in_size, 0);
    }
    assert_int_equal(decompress_complete(d), cut == packed->size);
    n = (size_t)(buffers.out - out);
    decompress_free(d);
    free(out);
    return n;
}

static void
a_cut_at_any_byte_keeps_every_packet_before_it(void **state)
{
    struct capture_file file;
    struct frames whole;

    (void)state;
    write_capture(&file, 12, 60);
    frames_of_file(&whole, &file);
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct capture_file packed;

        capture_file_init(&packed, false);
        compressors[format](&packed, file.data, file.size);
        for (size_t cut = 4; cut < packed.size; cut++) {
            size_t n_bytes =
                bytes_in_prefix(format ? COMPRESSION_ZSTD : COMPRESSION_GZIP,
                                &packed, cut, file.size);
            size_t n_whole = n_bytes < 24 ? 0 : (n_bytes - 24) / 76;
            char position[100];
            struct frames frames;

            frames_of_bytes(&frames, packed.data, cut, 5, NULL);
            assert_int_equal(frames.opened, n_bytes >= 24);
            assert_int_equal(frames.n, n_whole);
            frames_check_prefix(&frames, &whole);
            snprintf(position, sizeof position,
                     "packet %zu at byte %zu: ", n_whole + 1,
                     24 + n_whole * 76);
            frames_check_error(&frames, ERROR_SYNTAX,
                               frames.opened ? position : "");
            frames_check_error(&frames, ERROR_SYNTAX,
                               "compressed data ends too early");
            frames_done(&frames);
        }
        capture_file_done(&packed);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

static void
a_flipped_bit_never_passes_unnoticed(void **state)
{
    struct capture_file file;
    struct frames whole;

    (void)state;
    write_capture(&file, 12, 60);
    frames_of_file(&whole, &file);
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct capture_file packed;

        capture_file_init(&packed, false);
        compressors[format](&packed, file.data, file.size);
        /* After the header: gzip has bytes there that mean nothing. */
        for (size_t at = format ? 6 : 10; at < packed.size; at++) {
            struct frames frames;

            packed.data[at] ^= 0x10;
            frames_of_bytes(&frames, packed.data, packed.size, 5, NULL);
            assert_true(!frames.opened || frames.status == SOURCE_ERROR);
            assert_true(frames.n <= whole.n);
            frames_done(&frames);
            packed.data[at] ^= 0x10;
        }
        capture_file_done(&packed);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

/* Blocks of zstd hold up to 128 KiB: those before the damaged one count. */
static void
damage_in_a_late_block_keeps_the_early_ones(void **state)
{
    struct capture_file file;
    struct frames whole;

    (void)state;
    write_capture(&file, 1000, 1000);
    frames_of_file(&whole, &file);
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct capture_file packed;
        struct frames frames;

        capture_file_init(&packed, false);
        compressors[format](&packed, file.data, file.size);
        packed.data[packed.size - 1] ^= 1; /* The checksum. */
        frames_of_file(&frames, &packed);
        assert_int_equal(frames.n, 1000);
        frames_check_prefix(&frames, &whole);
        frames_check_error(&frames, ERROR_SYNTAX, "packet 1001 at byte");
        frames_done(&frames);
        memset(packed.data + packed.size - 200000, 0xff, 200000);
        frames_of_file(&frames, &packed);
        assert_in_range(frames.n, 600, 900);
        frames_check_error(&frames, ERROR_SYNTAX, "");
        frames_done(&frames);
        capture_file_done(&packed);
    }
    frames_done(&whole);
    capture_file_done(&file);
}

static void
a_file_that_expands_a_thousandfold_takes_no_memory(void **state)
{
    enum {
        N_PIECES = 60,
        PIECE_BYTES = 4 << 20
    };
    const struct capture_packet packet = {.captured = 1008, .wire = 1008};

    (void)state;
    for (unsigned format = 0; format < N_FORMATS; format++) {
        struct source_options options = {0};
        enum source_status status = SOURCE_MORE;
        struct capture_file packed;
        struct capture_file piece;
        struct source *source;
        struct error error;
        struct rusage before;
        struct rusage after;
        uint64_t n_read = 0;

        capture_file_init(&packed, false);
        capture_file_init(&piece, false);
        capture_file_pcap(&piece, MAGIC_MICRO, FRAME_LINK_ETHERNET);
        compressors[format](&packed, piece.data, piece.size);
        piece.size = 0;
        for (unsigned i = 0; i < PIECE_BYTES / 1024; i++) {
            capture_file_pcap_packet(&piece, &packet, 0);
        }
        for (unsigned i = 0; i < N_PIECES; i++) {
            compressors[format](&packed, piece.data, piece.size);
        }
        capture_file_save("bomb.test", packed.data, packed.size);
        getrusage(RUSAGE_SELF, &before);
        source = source_open_file("bomb.test", &options, &error);
        assert_non_null(source);
        while (status == SOURCE_MORE) {
            struct frame frames[64];
            size_t n;

            status = source_read(source, frames, 64, &n, &error);
            n_read += n;
        }
        getrusage(RUSAGE_SELF, &after);
        assert_int_equal(status, SOURCE_END);
        assert_int_equal(n_read, N_PIECES * (PIECE_BYTES / 1024));
        /* KiB: a tenth of what the file expands to, for sanitizers' sake. */
        assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 24 << 10);
        source_close(source);
        remove("bomb.test");
        capture_file_done(&piece);
        capture_file_done(&packed);
    }
}

static void
a_zstd_window_has_a_limit(void **state)
{
    /* A frame header: magic, no options, window of 2^(10 + n / 8) bytes; then
     * one raw block, the last, of 24 bytes. */
    uint8_t data[33] = {0x28, 0xb5, 0x2f, 0xfd, 0,    0, 24 << 3 | 1, 0,
                        0,    0xd4, 0xc3, 0xb2, 0xa1, 2, 0,           4};
    struct frames frames;

    (void)state;
    data[5] = (DECOMPRESS_MAX_WINDOW_LOG - 10) << 3;
    frames_of_bytes(&frames, data, sizeof data, 1, NULL);
    assert_true(frames.opened);
    assert_int_equal(frames.status, SOURCE_END);
    frames_done(&frames);
    data[5] = (DECOMPRESS_MAX_WINDOW_LOG - 10 + 1) << 3;
    frames_of_bytes(&frames, data, sizeof data, 1, NULL);
    assert_false(frames.opened);
    frames_check_error(&frames, ERROR_LIMIT, "the limit of 2^27 bytes");
    frames_done(&frames);
}

static void
compressed_twice_is_named(void **state)
{
    struct capture_file file;
    struct capture_file once;
    struct capture_file twice;
    struct frames frames;

    (void)state;
    write_capture(&file, 1, 60);
    capture_file_init(&once, false);
    capture_file_gzip(&once, file.data, file.size);
    capture_file_init(&twice, false);
    capture_file_zstd(&twice, once.data, once.size);
    frames_of_file(&frames, &twice);
    frames_check_error(&frames, ERROR_UNSUPPORTED, "gzip-compressed data");
    frames_done(&frames);
    capture_file_done(&twice);
    capture_file_done(&once);
    capture_file_done(&file);
}

static void
compression_is_told_by_content(void **state)
{
    (void)state;
    assert_int_equal(decompress_detect((const uint8_t *)"\x1f\x8b\x08\0", 4),
                     COMPRESSION_GZIP);
    assert_int_equal(decompress_detect((const uint8_t *)"\x28\xb5\x2f\xfd", 4),
                     COMPRESSION_ZSTD);
    assert_int_equal(decompress_detect((const uint8_t *)"\x5f\x2a\x4d\x18", 4),
                     COMPRESSION_ZSTD);
    assert_int_equal(decompress_detect((const uint8_t *)"\xd4\xc3\xb2\xa1", 4),
                     COMPRESSION_NONE);
    assert_int_equal(decompress_detect((const uint8_t *)"\x28\xb5", 2),
                     COMPRESSION_NONE);
    assert_int_equal(decompress_detect(NULL, 0), COMPRESSION_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_captures_are_recognised_and_read),
        cmocka_unit_test(members_and_frames_back_to_back_are_one_capture),
        cmocka_unit_test(
            zeros_after_gzip_are_padding_and_other_bytes_are_damage),
        cmocka_unit_test(a_cut_at_any_byte_keeps_every_packet_before_it),
        cmocka_unit_test(a_flipped_bit_never_passes_unnoticed),
        cmocka_unit_test(damage_in_a_late_block_keeps_the_early_ones),
        cmocka_unit_test(a_file_that_expands_a_thousandfold_takes_no_memory),
        cmocka_unit_test(a_zstd_window_has_a_limit),
        cmocka_unit_test(compressed_twice_is_named),
        cmocka_unit_test(compression_is_told_by_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* source.h: frames in memory of the caller's. */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "tests/capture/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)

enum {
    MAX_WINDOWS = 16,
    MAX_FRAMES = 20000,
    N_PACKETS = 10000 /* Of 60 bytes: several windows. */
};

/* Windows of exactly the size asked for, all kept. */
struct keeper {
    uint8_t *windows[MAX_WINDOWS];
    size_t n_windows, n_asked;
    size_t largest;
    size_t max_windows; /* Then the last one again, or NULL. */
    bool repeats;
    bool waits; /* The last time. */
    struct frame frames[MAX_FRAMES];
    size_t n_frames;
};

static uint8_t *
next_window(void *context, size_t size, bool waits)
{
    struct keeper *keeper = context;
    uint8_t *window;

    keeper->waits = waits;
    keeper->n_asked++;
    assert_true(size >= SOURCE_WINDOW_BYTES && size <= SOURCE_MAX_WINDOW_BYTES);
    if (keeper->n_windows == keeper->max_windows) {
        return keeper->repeats ? keeper->windows[keeper->n_windows - 1] : NULL;
    }
    window = malloc(size);
    assert_non_null(window);
    keeper->largest = size > keeper->largest ? size : keeper->largest;
    keeper->windows[keeper->n_windows++] = window;
    return window;
}

static struct keeper *
keeper_new(void)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    assert_non_null(keeper);
    keeper->max_windows = MAX_WINDOWS;
    return keeper;
}

static void
keeper_free(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->n_windows; i++) {
        free(keeper->windows[i]);
    }
    free(keeper);
}

static struct source *
open_kept(struct keeper *keeper, const char *path, struct error *error)
{
    struct source_options options = {.file = 7,
                                     .windows = {next_window, keeper}};

    return source_open_file(path, &options, error);
}

static enum source_status
read_kept(struct keeper *keeper, struct source *source, struct error *error)
{
    enum source_status status = SOURCE_MORE;
    size_t n;

    while (status == SOURCE_MORE) {
        assert_true(keeper->n_frames + FRAMES_MAX_BATCH <= MAX_FRAMES);
        status = source_read(source, keeper->frames + keeper->n_frames,
                             FRAMES_MAX_BATCH, &n, error);
        keeper->n_frames += n;
    }
    return status;
}

static enum source_status
read_file(struct keeper *keeper, const struct capture_file *file,
          struct error *error)
{
    char path[] = "/tmp/segmon-test-XXXXXX";
    int fd = mkstemp(path);
    struct source *source;
    enum source_status status;

    assert_true(fd >= 0);
    close(fd);
    capture_file_save(path, file->data, file->size);
    source = open_kept(keeper, path, error);
    assert_non_null(source);
    status = read_kept(keeper, source, error);
    source_close(source);
    unlink(path);
    return status;
}

/* Reads the file twice: with and without windows. */
static void
expect_same_frames(struct keeper *keeper, const struct capture_file *file)
{
    struct frames whole;
    struct error error;

    assert_int_equal(read_file(keeper, file, &error), SOURCE_END);
    assert_false(keeper->waits);
    frames_of_file(&whole, file);
    assert_int_equal(keeper->n_frames, whole.n);
    frames_check_prefix(
        &(struct frames){.list = keeper->frames, .n = keeper->n_frames},
        &whole);
    frames_done(&whole);
}

static void
write_capture(struct capture_file *file, unsigned n)
{
    static const struct capture_packet packet = {.captured = 60, .wire = 60};

    capture_file_init(file, false);
    capture_file_pcap(file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    for (unsigned i = 0; i < n; i++) {
        capture_file_pcap_packet(file, &packet, (uint8_t)i);
    }
}

static void
frames_stay_where_they_are(void **state)
{
    struct keeper *keeper = keeper_new();
    struct capture_file file;

    (void)state;
    write_capture(&file, N_PACKETS);
    expect_same_frames(keeper, &file);
    assert_in_range(keeper->n_windows, 3, 5);
    assert_int_equal(keeper->largest, SOURCE_WINDOW_BYTES);
    keeper_free(keeper);
    capture_file_done(&file);
}

static void
decompressed_frames_stay_too(void **state)
{
    struct keeper *keeper = keeper_new();
    struct capture_file file;
    struct capture_file gzip;

    (void)state;
    write_capture(&file, N_PACKETS);
    capture_file_init(&gzip, false);
    capture_file_gzip(&gzip, file.data, file.size);
    expect_same_frames(keeper, &gzip);
    assert_true(keeper->n_windows >= 3);
    keeper_free(keeper);
    capture_file_done(&gzip);
    capture_file_done(&file);
}

static void
pcapng_frames_stay_too(void **state)
{
    static const struct capture_packet packet = {.captured = 60, .wire = 60};
    struct keeper *keeper = keeper_new();
    struct capture_file file;

    (void)state;
    capture_file_init(&file, false);
    capture_file_section(&file);
    capture_file_interface(
        &file, &(struct capture_interface){.link = FRAME_LINK_ETHERNET});
    for (unsigned i = 0; i < N_PACKETS; i++) {
        capture_file_enhanced(&file, &packet, (uint8_t)i);
    }
    expect_same_frames(keeper, &file);
    assert_true(keeper->n_windows >= 3);
    keeper_free(keeper);
    capture_file_done(&file);
}

static void
a_record_larger_than_a_window_gets_one_of_its_size(void **state)
{
    static const struct capture_packet small = {.captured = 60, .wire = 60};
    static const struct capture_packet large = {
        .captured = SOURCE_MAX_FRAME_BYTES, .wire = SOURCE_MAX_FRAME_BYTES};
    struct keeper *keeper = keeper_new();
    struct capture_file file;

    (void)state;
    write_capture(&file, 1000);
    capture_file_pcap_packet(&file, &large, 1);
    capture_file_pcap_packet(&file, &small, 2);
    capture_file_pcap_packet(&file, &large, 3);
    expect_same_frames(keeper, &file);
    assert_int_equal(keeper->largest, 16 + SOURCE_MAX_FRAME_BYTES);
    keeper_free(keeper);
    capture_file_done(&file);
}

static void
the_same_window_may_be_given_again(void **state)
{
    struct keeper *keeper = keeper_new();
    struct capture_file file;
    struct error error;

    (void)state;
    write_capture(&file, N_PACKETS);
    keeper->max_windows = 1;
    keeper->repeats = true;
    assert_int_equal(read_file(keeper, &file, &error), SOURCE_END);
    assert_int_equal(keeper->n_frames, N_PACKETS);
    keeper_free(keeper);
    capture_file_done(&file);
}

static void
without_memory_for_a_window_reading_ends(void **state)
{
    struct keeper *keeper = keeper_new();
    struct capture_file file;
    struct error error;

    (void)state;
    write_capture(&file, N_PACKETS);
    keeper->max_windows = 2;
    assert_int_equal(read_file(keeper, &file, &error), SOURCE_ERROR);
    assert_non_null(strstr(error.message, "no memory for the record"));
    assert_in_range(keeper->n_frames, 6000, N_PACKETS - 1);
    keeper_free(keeper);
    capture_file_done(&file);
}

static void
a_pipe_says_when_it_has_no_more(void **state)
{
    struct keeper *keeper = keeper_new();
    struct capture_file file;
    struct source *source;
    struct frame frame;
    struct error error;
    char path[32];
    int fds[2];
    size_t n;

    (void)state;
    write_capture(&file, 1);
    assert_int_equal(pipe(fds), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(write(fds[1], file.data, file.size), file.size);
    source = open_kept(keeper, path, &error);
    assert_non_null(source);
    assert_false(keeper->waits);
    assert_int_equal(source_read(source, &frame, 1, &n, &error), SOURCE_MORE);
    assert_int_equal(n, 1);
    assert_false(keeper->waits);
    /* The writer is still there, but writes nothing. */
    keeper->max_windows = keeper->n_windows;
    assert_int_equal(source_read(source, &frame, 1, &n, &error), SOURCE_ERROR);
    assert_true(keeper->waits);
    source_close(source);
    close(fds[0]);
    close(fds[1]);
    keeper_free(keeper);
    capture_file_done(&file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_stay_where_they_are),
        cmocka_unit_test(decompressed_frames_stay_too),
        cmocka_unit_test(pcapng_frames_stay_too),
        cmocka_unit_test(a_record_larger_than_a_window_gets_one_of_its_size),
        cmocka_unit_test(the_same_window_may_be_given_again),
        cmocka_unit_test(without_memory_for_a_window_reading_ends),
        cmocka_unit_test(a_pipe_says_when_it_has_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* source_file.c, byte_stream.c, source_filter.c: everything around a format. */

#include "tests/support/capture_file.h"
#include "tests/support/test.h"

#include "capture/source_filter.h"
#include "tests/capture/frames.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)

enum {
    HEADER_BYTES = 24,
    PACKET_BYTES = 16 + 60
};

/* 'n' packets of 60 bytes; the EtherType of every other is IPv4. */
static void
write_capture(struct capture_file *file, unsigned n)
{
    static const struct capture_packet packet = {.captured = 60, .wire = 60};

    capture_file_init(file, false);
    capture_file_pcap(file, MAGIC_MICRO, FRAME_LINK_ETHERNET);
    for (unsigned i = 0; i < n; i++) {
        capture_file_pcap_packet(file, &packet, (uint8_t)i);
        memcpy(file->data + file->size - 60 + 12, i % 2 ? "\x08\0" : "\x86\xdd",
               2);
    }
}

static void
expect_not_a_capture(const void *data, size_t size, enum error_code code,
                     const char *text)
{
    struct frames frames;

    frames_of_bytes(&frames, data, size, 1, NULL);
    assert_false(frames.opened);
    frames_check_error(&frames, code, text);
    frames_done(&frames);
}

static void
what_is_no_capture_is_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"snoop\0\0\0\0\0\0\2\0\0\0\4", 16, "looks like a snoop capture"},
        {"\xfd"
         "7zXZ\0",
         6, "looks like xz-compressed data"},
        {"{\"a\": 1}\n", 9, "looks like text"},
        {"\x7f"
         "ELF\2\1\1",
         7, "looks like a program"},
        {"\xa1\xb2\x34\xcd\0\2\0\4", 8,
         "looks like an unusual variant of pcap"},
        {"\0\0\0\0\x3b\xd7\x80\x5d\2\4\0\x60\0\0\0\x40", 16, "an ERF capture"},
        {"\1\2\3\4\5\6\7\x8", 8, "neither pcap nor pcapng"},
        {"\xa1", 1, "neither pcap nor pcapng"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_not_a_capture(cases[i].bytes, cases[i].size, ERROR_UNSUPPORTED,
                             cases[i].text);
    }
    expect_not_a_capture("", 0, ERROR_SYNTAX, "the file is empty");
}

static void
a_file_that_cannot_be_opened_says_why(void **state)
{
    struct frames frames;

    (void)state;
    frames_of_path(&frames, "/nonexistent/file.pcap", 1, NULL);
    frames_check_error(&frames, ERROR_SYSTEM, "No such file or directory");
    assert_string_equal(frames.error.where, "/nonexistent/file.pcap");
    frames_done(&frames);
    frames_of_path(&frames, "/", 1, NULL);
    frames_check_error(&frames, ERROR_SYSTEM, "Is a directory");
    frames_done(&frames);
}

static void
a_filter_keeps_what_matches_and_counts_the_rest(void **state)
{
    struct capture_file file;
    struct frames frames;

    (void)state;
    write_capture(&file, 101);
    frames_of_bytes(&frames, file.data, file.size, 8, "ether proto 0x800");
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 50);
    for (size_t i = 0; i < frames.n; i++) {
        assert_int_equal(frames.list[i].number, 2 * (i + 1));
    }
    assert_int_equal(frames.stats.frames, 101);
    assert_int_equal(frames.stats.filtered, 51);
    frames_done(&frames);
    capture_file_done(&file);
}

static void
a_filter_that_does_not_compile_is_an_error_when_opening(void **state)
{
    struct capture_file file;
    struct frames frames;

    (void)state;
    write_capture(&file, 1);
    frames_of_bytes(&frames, file.data, file.size, 8, "tcp prot 80");
    assert_false(frames.opened);
    frames_check_error(&frames, ERROR_VALUE, "filter 'tcp prot 80'");
    frames_done(&frames);
    frames_of_bytes(&frames, file.data, file.size, 8, "wlan type mgt");
    assert_false(frames.opened);
    frames_check_error(&frames, ERROR_VALUE, "link type 1");
    frames_done(&frames);
    capture_file_done(&file);
}

/* Writes interfaces of the 'n' link types at 'links' with an empty IPv4 packet
 * on each. */
static void
write_links(struct capture_file *file, const uint16_t *links, uint32_t n)
{
    static const uint8_t ipv4[20] = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6};

    capture_file_init(file, false);
    capture_file_section(file);
    for (uint32_t i = 0; i < n; i++) {
        struct capture_interface interface = {.link = links[i]};
        struct capture_packet packet = {
            .interface = i, .captured = 34, .wire = 34};

        capture_file_interface(file, &interface);
        capture_file_enhanced(file, &packet, 0);
        memset(file->data + file->size - 40, 0, 36);
        if (links[i] == FRAME_LINK_RAW) {
            memcpy(file->data + file->size - 40, ipv4, sizeof ipv4);
        } else {
            file->data[file->size - 40 + 12] = 8;
            memcpy(file->data + file->size - 40 + 14, ipv4, sizeof ipv4);
        }
    }
}

static void
a_filter_is_compiled_for_each_link_type(void **state)
{
    static const uint16_t links[] = {FRAME_LINK_ETHERNET, FRAME_LINK_RAW,
                                     FRAME_LINK_ETHERNET, FRAME_LINK_RAW};
    struct capture_file file;
    struct frames frames;

    (void)state;
    write_links(&file, links, 4);
    frames_of_bytes(&frames, file.data, file.size, 8, "tcp");
    assert_int_equal(frames.status, SOURCE_END);
    assert_int_equal(frames.n, 4);
    frames_done(&frames);
    frames_of_bytes(&frames, file.data, file.size, 8, "udp");
    assert_int_equal(frames.stats.filtered, 4);
    frames_done(&frames);

    /* After the first, Ethernet, comes one without such addresses. */
    frames_of_bytes(&frames, file.data, file.size, 8,
                    "ether host 00:00:00:00:00:00");
    assert_int_equal(frames.n, 1);
    frames_check_error(&frames, ERROR_VALUE, "packet 2: filter");
    frames_done(&frames);
    capture_file_done(&file);
}

static void
link_types_under_a_filter_have_a_limit(void **state)
{
    struct source_filter *filter;
    struct error error;
    unsigned n_ready = 0;

    (void)state;
    filter = source_filter_new("len > 1", &error);
    assert_non_null(filter);
    for (uint16_t link = 0; link < 300; link++) {
        if (source_filter_prepare(filter, link, &error)) {
            n_ready++;
        } else if (error.code == ERROR_LIMIT) {
            break;
        }
    }
    assert_int_equal(n_ready, SOURCE_FILTER_MAX_LINKS);
    assert_int_equal(error.code, ERROR_LIMIT);
    source_filter_free(filter);
    source_filter_free(NULL);
}

/* What the two ends of a pipe do in the next test. */
struct pipe_writer {
    const struct capture_file *file;
    int fd;
    int acknowledge; /* A byte arrives here for each packet read. */
};

/* Writes one packet at a time, the next only when the last was read. */
static void *
write_slowly(void *context)
{
    const struct pipe_writer *writer = context;
    size_t size = HEADER_BYTES;
    size_t at = 0;
    char byte;

    while (at < writer->file->size) {
        /* In two pieces, the first of which completes nothing; late, so that
         * the reader has to wait. */
        usleep(1000);
        if (write(writer->fd, writer->file->data + at, 10) != 10) {
            break;
        }
        usleep(1000);
        if (write(writer->fd, writer->file->data + at + 10, size - 10) < 0) {
            break;
        }
        if (at && read(writer->acknowledge, &byte, 1) != 1) {
            break;
        }
        at += size;
        size = PACKET_BYTES;
    }
    close(writer->fd);
    return NULL;
}

static void
standard_input_delivers_what_has_arrived(void **state)
{
    const struct source_options options = {0};
    enum source_status status = SOURCE_MORE;
    struct capture_file file;
    struct source_stats stats;
    struct source *source;
    struct error error;
    pthread_t thread;
    int saved = dup(STDIN_FILENO);
    unsigned n_seen = 0;
    int data[2];
    int back[2];

    (void)state;
    write_capture(&file, 5);
    assert_int_equal(pipe(data), 0);
    /* Waits also where read(2) would not. */
    assert_int_equal(fcntl(data[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(pipe(back), 0);
    dup2(data[0], STDIN_FILENO);
    pthread_create(&thread, NULL, write_slowly,
                   &(struct pipe_writer){&file, data[1], back[0]});
    source = source_open_file("-", &options, &error);
    assert_non_null(source);
    while (status == SOURCE_MORE) {
        struct frame frames[4];
        size_t n;

        status = source_read(source, frames, 4, &n, &error);
        n_seen += (unsigned)n;
        assert_true(n <= 1);
        assert_int_equal(write(back[1], "....", n), n);
    }
    assert_int_equal(status, SOURCE_END);
    assert_int_equal(n_seen, 5);
    source_get_stats(source, &stats);
    assert_int_equal(stats.bytes, file.size);
    assert_int_equal(stats.size, 0);
    source_close(source);
    pthread_join(thread, NULL);
    /* Not ours to close. */
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    close(data[0]);
    close(back[0]);
    close(back[1]);
    capture_file_done(&file);
}

static void
ignore_signal(int number)
{
    (void)number;
}

static void
a_signal_interrupts_waiting_and_loses_nothing(void **state)
{
    const struct source_options options = {0};
    struct sigaction action = {.sa_handler = ignore_signal};
    struct capture_file file;
    struct source *source;
    struct frame frame;
    struct error error;
    char path[32];
    int fds[2];
    size_t n;

    (void)state;
    write_capture(&file, 2);
    assert_int_equal(pipe(fds), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(write(fds[1], file.data, HEADER_BYTES + 20),
                     HEADER_BYTES + 20);
    source = source_open_file(path, &options, &error);
    assert_non_null(source);
    sigaction(SIGALRM, &action, NULL);
    /* The packet is cut: this waits until the alarm, which is repeated in case
     * the first comes too early. */
    ualarm(20000, 20000);
    assert_int_equal(source_read(source, &frame, 1, &n, &error), SOURCE_MORE);
    ualarm(0, 0);
    assert_int_equal(n, 0);
    assert_int_equal(
        write(fds[1], file.data + HEADER_BYTES + 20, PACKET_BYTES - 20),
        PACKET_BYTES - 20);
    while (!n) {
        assert_int_equal(source_read(source, &frame, 1, &n, &error),
                         SOURCE_MORE);
    }
    assert_int_equal(frame.captured, 60);
    source_close(source);
    close(fds[0]);
    close(fds[1]);
    capture_file_done(&file);
}

/* Opens a pipe in which 'size' bytes are, and no more will come. */
static void
expect_interrupted_open(const void *data, size_t size)
{
    struct sigaction action = {.sa_handler = ignore_signal};
    struct frames frames;
    char path[32];
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], data, size), size);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    sigaction(SIGALRM, &action, NULL);
    ualarm(5000, 5000);
    frames_of_path(&frames, path, 1, NULL);
    ualarm(0, 0);
    assert_false(frames.opened);
    frames_check_error(&frames, ERROR_SYSTEM, "interrupted");
    frames_done(&frames);
    close(fds[0]);
    close(fds[1]);
}

static void
a_signal_interrupts_opening(void **state)
{
    struct capture_file file;

    (void)state;
    write_capture(&file, 0);
    expect_interrupted_open(file.data, 2);
    expect_interrupted_open(file.data, 10);
    expect_interrupted_open(file.data, 20);
    capture_file_done(&file);
    capture_file_init(&file, false);
    capture_file_section(&file);
    expect_interrupted_open(file.data, 20);
    expect_interrupted_open(file.data, file.size);
    capture_file_done(&file);
}

static void
a_file_cut_while_it_is_read_ends_in_an_error(void **state)
{
    const struct source_options options = {0};
    enum source_status status = SOURCE_MORE;
    char path[] = "/tmp/segmon-test-XXXXXX";
    struct capture_file file;
    struct source *source;
    struct error error;
    uint64_t n_read = 0;
    int fd = mkstemp(path);

    (void)state;
    write_capture(&file, 20000);
    capture_file_save(path, file.data, file.size);
    source = source_open_file(path, &options, &error);
    assert_non_null(source);
    while (status == SOURCE_MORE) {
        struct frame frames[64];
        size_t n;

        status = source_read(source, frames, 64, &n, &error);
        n_read += n;
        if (n_read == 64) {
            assert_int_equal(ftruncate(fd, (off_t)file.size - 10), 0);
        }
    }
    assert_int_equal(n_read, 19999);
    assert_int_equal(status, SOURCE_ERROR);
    assert_non_null(strstr(error.message, "packet 20000 at byte"));
    assert_string_equal(error.where, path);
    source_close(source);
    close(fd);
    unlink(path);
    capture_file_done(&file);
}

static void
closing_nothing_is_allowed(void **state)
{
    (void)state;
    source_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_capture_is_named),
        cmocka_unit_test(a_file_that_cannot_be_opened_says_why),
        cmocka_unit_test(a_filter_keeps_what_matches_and_counts_the_rest),
        cmocka_unit_test(
            a_filter_that_does_not_compile_is_an_error_when_opening),
        cmocka_unit_test(a_filter_is_compiled_for_each_link_type),
        cmocka_unit_test(link_types_under_a_filter_have_a_limit),
        cmocka_unit_test(standard_input_delivers_what_has_arrived),
        cmocka_unit_test(a_signal_interrupts_waiting_and_loses_nothing),
        cmocka_unit_test(a_signal_interrupts_opening),
        cmocka_unit_test(a_file_cut_while_it_is_read_ends_in_an_error),
        cmocka_unit_test(closing_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sink_file.c, against real files, pipes and full disks */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/output/sink.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_BYTES = 100
};

static char path[] = "/tmp/segmon-sink-XXXXXX";
static atomic_int stop;
static _Atomic int64_t deadline_ns = INT64_MAX;
static const struct sink_options options = {.patience_ns = 300 * MILLISECOND_NS,
                                            .stop = &stop,
                                            .deadline_ns = &deadline_ns};
static const struct sink_options appending = {.patience_ns =
                                                  300 * MILLISECOND_NS,
                                              .stop = &stop,
                                              .deadline_ns = &deadline_ns,
                                              .append = true};

static void
put_lines(struct sink *sink, unsigned n)
{
    char line[LINE_BYTES + 1];
    struct sink_event event = {
        .kind = EVENT_FLOW, .line = line, .size = LINE_BYTES - 1};

    memset(line, 'x', sizeof line);
    line[LINE_BYTES - 1] = '\n';
    for (unsigned i = 0; i < n; i++) {
        sink->class->put(sink, &event);
    }
    sink->class->flush(sink);
}

static long
file_size(void)
{
    FILE *file = fopen(path, "r");
    long size;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    return size;
}

static int
make_path(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return close(mkstemp(path));
}

static int
remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void
every_line_arrives(void **state)
{
    struct error error;
    struct sink *sink = sink_file_open(path, &options, &error);

    (void)state;
    assert_non_null(sink);
    put_lines(sink, 10000);
    assert_int_equal(counter_read(&sink->acked[EVENT_FLOW]), 10000);
    assert_int_equal(file_size(), 10000 * LINE_BYTES);
    sink->class->close(sink);
}

/* RLIMIT_FSIZE makes a write fail half way, as a full disk does. */
static void
a_full_disk_leaves_whole_lines_and_a_count(void **state)
{
    struct rlimit before;
    struct rlimit small;
    struct event_output status;
    struct error error;
    struct sink *sink = sink_file_open(path, &options, &error);

    (void)state;
    assert_non_null(sink);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 10 * LINE_BYTES + 50;
    setrlimit(RLIMIT_FSIZE, &small);
    put_lines(sink, 20);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(file_size(), 10 * LINE_BYTES);
    sink_status(sink, &status);
    assert_int_equal(status.kind[EVENT_FLOW].acked, 10);
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 10);
    assert_false(status.up);
    assert_non_null(strstr(status.error.message, "File too large"));

    put_lines(sink, 5); /* There is room again. */
    assert_int_equal(file_size(), 15 * LINE_BYTES);
    sink_status(sink, &status);
    assert_int_equal(status.kind[EVENT_FLOW].acked, 15);
    assert_true(status.up);
    sink->class->close(sink);
}

static void
no_space_at_all_is_a_counted_loss(void **state)
{
    struct event_output status;
    struct error error;
    struct sink *sink = sink_file_open("/dev/full", &options, &error);

    (void)state;
    if (!sink) {
        skip();
        return;
    }
    put_lines(sink, 3);
    sink_status(sink, &status);
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 3);
    assert_non_null(strstr(status.error.message, "No space left"));
    sink->class->close(sink);
}

static void
a_path_that_cannot_be_written_is_an_error(void **state)
{
    struct error error;

    (void)state;
    assert_null(sink_file_open("/nonexistent/events.ndjson", &options, &error));
    assert_string_equal(error.where, "/nonexistent/events.ndjson");
    assert_non_null(strstr(error.message, "No such file"));
}

/* Standard output is a pipe whose reader leaves. */
static void
a_reader_that_leaves_is_a_counted_loss(void **state)
{
    int saved = dup(STDOUT_FILENO);
    struct event_output status;
    struct error error;
    struct sink *sink;
    int ends[2];

    (void)state;
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    sink = sink_file_open("-", &options, &error);
    assert_non_null(sink);
    put_lines(sink, 2);
    close(ends[0]);
    put_lines(sink, 2);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    sink_status(sink, &status);
    assert_int_equal(status.kind[EVENT_FLOW].acked, 2);
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 2);
    assert_non_null(strstr(status.error.message, "Broken pipe"));
    sink->class->close(sink);
}

/* A pager that nobody scrolls must not keep a program alive that was told to
 * stop. */
static void
a_reader_that_takes_nothing_is_given_up_after_a_stop(void **state)
{
    struct error error;
    struct event_output status;
    struct sink *sink;
    char fifo[sizeof path + 5];
    int reader;

    (void)state;
    snprintf(fifo, sizeof fifo, "%s.fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    reader = open(fifo, O_RDONLY | O_NONBLOCK);
    sink = sink_file_open(fifo, &options, &error);
    assert_non_null(sink);
    stop = SIGTERM;
    put_lines(sink, 10000);
    stop = 0;
    sink_status(sink, &status);
    assert_false(status.up);
    assert_true(status.kind[EVENT_FLOW].acked > 0);
    assert_true(status.kind[EVENT_FLOW].dropped > 0);
    assert_non_null(strstr(status.error.message, "timed out"));
    sink->class->close(sink);
    close(reader);
    unlink(fifo);
}

static struct sink *
open_sink(const struct sink_options *with)
{
    struct error error;
    struct sink *sink = sink_file_open(path, with, &error);

    assert_non_null(sink);
    return sink;
}

static void
put_and_close(struct sink *sink, unsigned n)
{
    put_lines(sink, n);
    sink->class->close(sink);
}

static void
a_file_is_replaced_or_appended_to(void **state)
{
    (void)state;
    put_and_close(open_sink(&options), 3);
    assert_int_equal(file_size(), 3 * LINE_BYTES);
    put_and_close(open_sink(&options), 2);
    assert_int_equal(file_size(), 2 * LINE_BYTES);
    put_and_close(open_sink(&appending), 2);
    assert_int_equal(file_size(), 4 * LINE_BYTES);
}

static void
half_a_line_that_was_left_behind_is_ended(void **state)
{
    char text[] = "{\"half", found[sizeof text];
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    put_and_close(open_sink(&appending), 1);
    put_and_close(open_sink(&appending), 1);
    assert_int_equal(file_size(), (long)sizeof text + 2L * LINE_BYTES);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(found, 1, sizeof found, file), sizeof found);
    fclose(file);
    assert_memory_equal(found, "{\"half\n", sizeof found);
}

static void
a_file_that_was_moved_away_is_opened_again(void **state)
{
    char moved[sizeof path + 2];
    struct sink *sink = open_sink(&appending);
    long before = file_size();

    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    put_lines(sink, 3);
    assert_int_equal(rename(path, moved), 0);
    put_lines(sink, 2); /* Still to the old one. */
    sink->class->reopen(sink);
    put_lines(sink, 4);
    assert_int_equal(file_size(), 4 * LINE_BYTES);
    assert_int_equal(rename(moved, path), 0);
    assert_int_equal(file_size(), before + 5L * LINE_BYTES);
    sink->class->close(sink);
}

/* Where it cannot be, what would be in it counts as dropped. */
static void
a_file_that_was_removed_is_made_again(void **state)
{
    struct sink *sink = open_sink(&appending);
    struct event_output status;

    (void)state;
    put_lines(sink, 3);
    assert_int_equal(unlink(path), 0);
    put_lines(sink, 2);
    assert_int_equal(file_size(), 2 * LINE_BYTES);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    put_lines(sink, 4);
    sink_status(sink, &status);
    assert_false(status.up);
    assert_int_equal(status.kind[EVENT_FLOW].dropped, 4);
    assert_int_equal(rmdir(path), 0);
    put_lines(sink, 1);
    sink_status(sink, &status);
    assert_true(status.up);
    assert_int_equal(status.kind[EVENT_FLOW].acked, 3 + 2 + 1);
    assert_int_equal(file_size(), LINE_BYTES);
    sink->class->close(sink);
}

static void
the_old_one_stays_where_the_new_one_cannot_be_opened(void **state)
{
    char moved[sizeof path + 2];
    struct sink *sink = open_sink(&appending);
    struct event_output status;
    long before = file_size();

    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    sink->class->reopen(sink);
    put_lines(sink, 1);
    sink_status(sink, &status);
    assert_int_equal(status.kind[EVENT_FLOW].acked, 1);
    assert_non_null(strstr(status.error.message, "directory"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rename(moved, path), 0);
    assert_int_equal(file_size(), before + LINE_BYTES);
    sink->class->close(sink);
}

static void
a_full_disk_leaves_whole_lines_of_what_is_appended(void **state)
{
    struct rlimit before, small;
    struct sink *sink;

    (void)state;
    put_and_close(open_sink(&options), 4);
    sink = open_sink(&appending);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 6 * LINE_BYTES + 50;
    setrlimit(RLIMIT_FSIZE, &small);
    put_lines(sink, 20);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(file_size(), 6 * LINE_BYTES);
    put_and_close(sink, 1);
    assert_int_equal(file_size(), 7 * LINE_BYTES);
}

static void
a_reader_that_takes_nothing_is_not_waited_for_beyond_the_deadline(void **state)
{
    struct sink_options patient = options;
    struct event_output status;
    struct error error;
    struct sink *sink;
    int ends[2];
    char name[32];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[1]);
    patient.patience_ns = INT64_MAX;
    sink = sink_file_open(name, &patient, &error);
    assert_non_null(sink);
    deadline_ns = 0;
    put_lines(sink, 2000); /* More than a pipe holds. */
    deadline_ns = INT64_MAX;
    sink_status(sink, &status);
    assert_true(status.kind[EVENT_FLOW].dropped > 1000);
    assert_in_range(/* One of which the pipe has only a part still waits. */
                    status.kind[EVENT_FLOW].dropped +
                        status.kind[EVENT_FLOW].acked,
                    1999, 2000);
    close(ends[0]);
    close(ends[1]);
    sink->class->close(sink);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_arrives),
        cmocka_unit_test(a_full_disk_leaves_whole_lines_and_a_count),
        cmocka_unit_test(no_space_at_all_is_a_counted_loss),
        cmocka_unit_test(a_path_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_reader_that_leaves_is_a_counted_loss),
        cmocka_unit_test(a_reader_that_takes_nothing_is_given_up_after_a_stop),
        cmocka_unit_test(a_file_is_replaced_or_appended_to),
        cmocka_unit_test(half_a_line_that_was_left_behind_is_ended),
        cmocka_unit_test(a_file_that_was_moved_away_is_opened_again),
        cmocka_unit_test(a_file_that_was_removed_is_made_again),
        cmocka_unit_test(the_old_one_stays_where_the_new_one_cannot_be_opened),
        cmocka_unit_test(a_full_disk_leaves_whole_lines_of_what_is_appended),
        cmocka_unit_test(
            a_reader_that_takes_nothing_is_not_waited_for_beyond_the_deadline),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}

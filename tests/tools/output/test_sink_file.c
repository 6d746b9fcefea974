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
static const struct sink_options options = {.patience_ns = 300 * MILLISECOND_NS,
                                            .stop = &stop};

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
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}

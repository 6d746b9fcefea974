/* tools/process/log.h */

#include "tests/support/test.h"

#include "tools/process/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    N_THREADS = 4,
    N_LINES = 200
};

static struct mono_time clock_now;
static int ends[2]; /* Of a pipe: the log writes to the second. */
static char said[1 << 18];

static struct mono_time
read_clock(void)
{
    return clock_now;
}

static void
pass(int64_t seconds)
{
    clock_now.ns += seconds * SECOND_NS;
}

static void
open_log(enum log_level most, const char *journal_stream)
{
    const struct log_options options = {.name = "run",
                                        .most = most,
                                        .fd = ends[1],
                                        .journal_stream = journal_stream,
                                        .now = read_clock};

    log_open(&options);
}

static int
set_up(void **state)
{
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    open_log(LOG_LEVEL_INFO, NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* All since the last time. */
static const char *
what_was_said(void)
{
    size_t size = 0;
    ssize_t n;

    while ((n = read(ends[0], said + size, sizeof said - 1 - size)) > 0) {
        size += (size_t)n;
    }
    said[size] = '\0';
    return said;
}

static void
a_line_names_the_program(void **state)
{
    (void)state;
    log_tell(NULL, LOG_LEVEL_WARNING, "%s is %d", "it", 7);
    assert_string_equal(what_was_said(), "segmon run: it is 7\n");
}

static void
what_is_less_urgent_is_not_told(void **state)
{
    (void)state;
    open_log(LOG_LEVEL_WARNING, NULL);
    log_tell(NULL, LOG_LEVEL_NOTICE, "a");
    log_tell(NULL, LOG_LEVEL_WARNING, "b");
    log_tell(NULL, LOG_LEVEL_ERROR, "c");
    assert_string_equal(what_was_said(), "segmon run: b\nsegmon run: c\n");
}

static void
levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(log_level_names[0], "error");
    assert_string_equal(log_level_names[LOG_LEVEL_INFO - LOG_LEVEL_ERROR],
                        "info");
    assert_null(log_level_names[LOG_LEVEL_DEBUG - LOG_LEVEL_ERROR + 1]);
}

static void
another_level_holds_from_then_on(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    log_tell(NULL, LOG_LEVEL_WARNING, "a");
    log_set_level(LOG_LEVEL_DEBUG);
    log_tell(NULL, LOG_LEVEL_DEBUG, "b");
    assert_string_equal(what_was_said(), "segmon run: b\n");
}

/* The journal's own is the one that JOURNAL_STREAM names, and no other. */
static void
the_journal_gets_priorities(void **state)
{
    char stream[64], other[80];
    struct stat status;

    (void)state;
    assert_int_equal(fstat(ends[1], &status), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    open_log(LOG_LEVEL_DEBUG, stream);
    log_tell(NULL, LOG_LEVEL_ERROR, "a");
    log_tell(NULL, LOG_LEVEL_DEBUG, "b");
    assert_string_equal(what_was_said(), "<3>a\n<7>b\n");

    snprintf(other, sizeof other, "%s1", stream);
    open_log(LOG_LEVEL_DEBUG, other);
    log_tell(NULL, LOG_LEVEL_ERROR, "a");
    open_log(LOG_LEVEL_DEBUG, "");
    log_tell(NULL, LOG_LEVEL_ERROR, "b");
    open_log(LOG_LEVEL_DEBUG, "8:");
    log_tell(NULL, LOG_LEVEL_ERROR, "c");
    assert_string_equal(what_was_said(),
                        "segmon run: a\nsegmon run: b\nsegmon run: c\n");
}

static void
nothing_in_a_line_disturbs_a_terminal(void **state)
{
    (void)state;
    log_tell(NULL, LOG_LEVEL_ERROR, "a\033[2Jb\r\n<0>c\x7f\t\xc3\xa9");
    assert_string_equal(
        what_was_said(),
        "segmon run: a\\x1b[2Jb\\x0d\\x0a<0>c\\x7f\\x09\xc3\xa9\n");
    log_tell(NULL, LOG_LEVEL_ERROR,
             "\xc2\x9b|\xe2\x80\xae|\xe2\x80\xa8|\xf3\xa0\x80\x81|\xff|\xc0\xaf"
             "|\xed\xa0\x80|\xe2\x82");
    assert_string_equal(what_was_said(),
                        "segmon run: \\u{9b}|\\u{202e}|\\u{2028}|\\u{e0001}|"
                        "\\xff|\\xc0\\xaf|\\xed\\xa0\\x80|\\xe2\\x82\n");
}

static void
escaped_text_fits_where_it_goes(void **state)
{
    char safe[8];

    (void)state;
    assert_int_equal(log_escape("ab\033c", safe, sizeof safe), 7);
    assert_string_equal(safe, "ab\\x1bc");
    assert_int_equal(log_escape("abcd\033", safe, sizeof safe), 4);
    assert_string_equal(safe, "abcd");
    assert_int_equal(log_escape("a", safe, 1), 0);
    assert_string_equal(safe, "");
}

static void
a_line_is_no_longer_than_a_pipe_keeps_whole(void **state)
{
    char long_text[3 * LOG_MAX_TEXT];
    const char *line;

    (void)state;
    memset(long_text, '\033', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    log_tell(NULL, LOG_LEVEL_ERROR, "%s", long_text);
    line = what_was_said();
    assert_int_equal(strlen(line),
                     strlen("segmon run: \n") + (size_t)4 * LOG_MAX_TEXT);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void
say(const char *text)
{
    LOG(NOTICE, "%s", text);
}

static void
the_same_again_is_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        say("down");
    }
    assert_string_equal(what_was_said(), "segmon run: down\n");
    log_pass_time();
    assert_string_equal(what_was_said(), "");
    say("up");
    assert_string_equal(what_was_said(), "segmon run: down (repeated 4 times)\n"
                                         "segmon run: up\n");
}

static void
and_told_after_an_interval(void **state)
{
    (void)state;
    say("down");
    say("down");
    what_was_said();
    pass(9);
    log_pass_time();
    assert_string_equal(what_was_said(), "");
    pass(1);
    log_pass_time();
    assert_string_equal(what_was_said(),
                        "segmon run: down (repeated 1 times)\n");
    log_pass_time();
    say("down");
    assert_string_equal(what_was_said(), "");
    pass(10);
    say("down");
    assert_string_equal(what_was_said(), "segmon run: down (repeated 1 times)\n"
                                         "segmon run: down\n");
    pass(10);
    say("down");
    assert_string_equal(what_was_said(), "segmon run: down\n");
}

static void
what_changes_too_often_is_counted(void **state)
{
    char text[32], wanted[1024] = "";

    (void)state;
    for (int i = 0; i < LOG_BURST + 3; i++) {
        snprintf(text, sizeof text, "number %d", i);
        say(text);
        if (i < LOG_BURST) {
            size_t used = strlen(wanted);

            snprintf(wanted + used, sizeof wanted - used, "segmon run: %s\n",
                     text);
        }
    }
    assert_string_equal(what_was_said(), wanted);
    pass(10);
    log_pass_time();
    assert_string_equal(what_was_said(),
                        "segmon run: number 9 (and 3 others like it)\n");
    say("number 100");
    assert_string_equal(what_was_said(), "segmon run: number 100\n");
}

static void
one_site_does_not_silence_another(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        LOG(WARNING, "here");
        say("here");
        log_tell(NULL, LOG_LEVEL_ERROR, "asked");
    }
    assert_string_equal(what_was_said(), "segmon run: here\nsegmon run: here\n"
                                         "segmon run: asked\n"
                                         "segmon run: asked\n"
                                         "segmon run: asked\n");
}

/* Nor does it wait for a reader who never reads. */
static void
lines_without_room_are_lost_whole_and_counted(void **state)
{
    int room = fcntl(ends[1], F_SETPIPE_SZ, 1 << 14), n_told = 0;
    const char *line;

    (void)state;
    assert_true(room >= 1 << 14);
    for (int i = 0; i < room / 64 + 20; i++) {
        log_tell(NULL, LOG_LEVEL_ERROR, "%-50.50s", "x");
    }
    for (line = what_was_said(); *line; line = strchr(line, '\n') + 1) {
        assert_int_equal(strcspn(line, "\n"), strlen("segmon run: ") + 50);
        n_told++;
    }
    assert_in_range(n_told, 1, room / 63);
    log_tell(NULL, LOG_LEVEL_ERROR, "again");
    line = what_was_said();
    assert_memory_equal(line, "segmon run: again\n", 18);
    assert_int_equal(
        strtol(line + strlen("segmon run: again\nsegmon run: before this, "),
               NULL, 10),
        room / 64 + 20 - n_told);
}

static void *
talk(void *context)
{
    const int *number = context;

    for (int i = 0; i < N_LINES; i++) {
        LOG(INFO, "%d says %d", *number, i);
        log_tell(NULL, LOG_LEVEL_INFO, "%d says it all", *number);
    }
    return NULL;
}

static void
lines_of_threads_stay_whole(void **state)
{
    pthread_t threads[N_THREADS];
    int numbers[N_THREADS];
    int n = 0;

    (void)state;
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 17) >= 1 << 17);
    for (int i = 0; i < N_THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &numbers[i]),
                         0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (const char *line = what_was_said(); *line;
         line = strchr(line, '\n') + 1) {
        assert_memory_equal(line, "segmon run: ", 12);
        assert_in_range(line[12], '0', '0' + N_THREADS - 1);
        assert_memory_equal(line + 13, " says ", 6);
        n++;
    }
    assert_int_equal(n, LOG_BURST + N_THREADS * N_LINES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_names_the_program, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_less_urgent_is_not_told, set_up,
                                        tear_down),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test_setup_teardown(another_level_holds_from_then_on,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_journal_gets_priorities, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_in_a_line_disturbs_a_terminal,
                                        set_up, tear_down),
        cmocka_unit_test(escaped_text_fits_where_it_goes),
        cmocka_unit_test_setup_teardown(
            a_line_is_no_longer_than_a_pipe_keeps_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_again_is_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(and_told_after_an_interval, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_changes_too_often_is_counted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_site_does_not_silence_another,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            lines_without_room_are_lost_whole_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_threads_stay_whole, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

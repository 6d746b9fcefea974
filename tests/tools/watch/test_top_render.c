/* top_render.h and top_view.h: what is on the screen, and what keys change */

#include "tests/support/test.h"

#include "tools/watch/top_render.h"

#include <stdio.h>
#include <string.h>

enum {
    N_PAIRS = 30
};

static struct top_model model;
static struct top_view view;
static struct top_screen screen;

static void
add_pairs(void)
{
    struct top_sensor *sensor = top_model_sensor(&model, "lab");
    const enum top_column columns[] = {TOP_COLUMN_flows, TOP_COLUMN_violations,
                                       TOP_COLUMN_src_bytes};
    struct top_state state = {.epoch = "1", .phase = "running"};

    top_sensor_take(sensor, &state);
    for (unsigned i = 0; i < N_PAIRS; i++) {
        char name[40], value[40];

        snprintf(name, sizeof name, "users%02u|web", i);
        snprintf(value, sizeof value, "%u %u %u", 100 - i, i % 7, i * 1000);
        top_model_pair(&model, sensor, name, value, columns, 3);
    }
    top_model_end_poll(&model);
}

static void
render(size_t width, size_t height)
{
    screen.width = width;
    screen.height = height;
    top_render(&screen, &model, &view);
}

static const char *
line(size_t i)
{
    assert_true(i < screen.n_lines);
    return screen.lines[i].text;
}

static const char *
row(size_t i)
{
    return line(TOP_N_HEADER + i);
}

static void
press(const char *keys)
{
    for (; *keys; keys++) {
        assert_true(top_view_key(&view, *keys, 10));
    }
}

static void
rows_are_sorted_as_is_asked_for(void **context)
{
    (void)context;
    add_pairs();
    render(120, 24);
    assert_memory_equal(row(0), "users29 ", 8); /* Most bytes. */
    assert_memory_equal(row(1), "users28 ", 8);
    press("s");
    render(120, 24);
    assert_memory_equal(row(0), "users27 ", 8); /* 6 violations, most bytes. */
    press("s");
    render(120, 24);
    assert_memory_equal(row(0), "users00 ", 8); /* Most flows. */
    press("s");
    render(120, 24);
    assert_memory_equal(row(0), "users29 ", 8);
}

static void
a_filter_keeps_rows_with_the_text(void **context)
{
    (void)context;
    add_pairs();
    press("fusers1");
    render(120, 24);
    assert_non_null(strstr(line(2), "filter: users1_"));
    press("5q\n"); /* A letter of the text, no command. */
    render(120, 24);
    assert_non_null(strstr(line(2), "filter: users15q"));
    assert_string_equal(row(0), "h: help, q: quit");
    press("f\b\n");
    render(120, 24);
    assert_memory_equal(row(0), "users15 ", 8);
    assert_int_equal(screen.n_lines, TOP_N_HEADER + 2);
    press("\033");
    render(120, 24);
    assert_memory_equal(row(0), "users29 ", 8);
}

static void
scrolling_stays_among_the_rows(void **context)
{
    (void)context;
    add_pairs();
    render(120, 15);
    assert_int_equal(screen.n_lines, 15);
    assert_string_equal(line(14), "rows 1 to 10 of 30; h: help, q: quit");
    top_view_key(&view, TOP_KEY_PAGE_DOWN, 10);
    top_view_key(&view, TOP_KEY_DOWN, 10);
    render(120, 15);
    assert_memory_equal(row(0), "users18 ", 8);
    for (unsigned i = 0; i < 10; i++) {
        top_view_key(&view, TOP_KEY_PAGE_DOWN, 10);
    }
    render(120, 15);
    assert_memory_equal(row(0), "users00 ", 8);
    top_view_key(&view, TOP_KEY_UP, 10);
    render(120, 15);
    assert_memory_equal(row(0), "users01 ", 8);
    top_view_key(&view, TOP_KEY_HOME, 10);
    top_view_key(&view, TOP_KEY_UP, 10);
    render(120, 15);
    assert_memory_equal(row(0), "users29 ", 8);
}

static void
what_there_was_no_room_for_is_told(void **context)
{
    (void)context;
    render(120, 24);
    assert_null(strstr(line(2), "too many"));
    for (unsigned i = 0; i <= TOP_MAX_PAIRS; i++) {
        char name[40];

        snprintf(name, sizeof name, "users%u|web", i);
        top_model_pair(&model, top_model_sensor(&model, "lab"), name, "1",
                       (const enum top_column[]){TOP_COLUMN_flows}, 1);
    }
    top_model_end_poll(&model);
    for (unsigned i = 0; i <= TOP_MAX_VIOLATIONS; i++) {
        char rule[20];
        const struct event_view event = {
            .kind = EVENT_VIOLATION,
            .rule = rule,
            .severity = "low",
            .time = "t",
            .src = {.segment = "users", .ip = "10.1.0.1", .port = 1},
            .dst = {.segment = "web", .ip = "10.2.0.1", .port = 443},
            .application = "TLS",
            .outcome = "data",
        };

        snprintf(rule, sizeof rule, "r%u", i);
        top_model_violation(&model, "lab", &event);
    }
    render(160, 24);
    assert_non_null(strstr(line(2), "(too many pairs)  (too many violations)"));
}

static void
keys_choose_pages_help_and_the_end(void **context)
{
    (void)context;
    for (unsigned i = 0; i < TOP_N_PAGES; i++) {
        assert_int_equal(view.page, i);
        press("\t");
    }
    assert_int_equal(view.page, 0);
    press("4");
    assert_int_equal(view.page, TOP_PAGE_LOSSES);
    render(120, 24);
    assert_non_null(strstr(line(2), "[4 losses]"));
    assert_memory_equal(row(2), "kernel ", 7);
    press("hp");
    render(120, 24);
    assert_non_null(strstr(line(2), "(paused)"));
    assert_non_null(strstr(line(4), "another page"));
    press("hp");
    assert_false(view.shows_help || view.is_paused);
    assert_true(top_view_key(&view, -1, 10));
    assert_true(top_view_key(&view, 'x', 10));
    assert_false(top_view_key(&view, 'q', 10));
}

static void
a_problem_is_told_and_what_was_known_stays(void **context)
{
    (void)context;
    add_pairs();
    snprintf(model.problem, sizeof model.problem, "redis at h:1: refused");
    render(120, 24);
    assert_string_equal(line(1), "redis at h:1: refused; trying again");
    assert_int_equal(screen.lines[1].style, TOP_STYLE_ALARM);
    assert_memory_equal(row(0), "users29 ", 8);
}

static void
sensors_say_how_they_are(void **context)
{
    struct top_state state = {.epoch = "66fd0a2c",
                              .version = "0.1.0",
                              .phase = "running",
                              .seen = {SECOND_NS},
                              .counters = {[TOP_FRAMES] = 0}};
    struct top_sensor *sensor = top_model_sensor(&model, "a");

    (void)context;
    view.page = TOP_PAGE_SENSORS;
    render(120, 24);
    assert_non_null(strstr(row(0), " unknown "));
    top_sensor_take(sensor, &state);
    state.seen.ns += 5 * SECOND_NS;
    state.counters[TOP_FRAMES] = 61725;
    state.lost[REDIS_STATE_KERNEL] = 1500;
    top_sensor_take(sensor, &state);
    render(120, 24);
    assert_string_equal(
        row(0), "a                running  66fd0a2c 0.1.0     12.3k     "
                "  0       0      0   1.5k       0     0s  ; ");
    assert_non_null(strstr(line(0), "12.3k pkt/s"));
    state.counters[TOP_WAITING] = 5210;
    state.counters[TOP_LAG] = 75;
    snprintf(state.outputs, sizeof state.outputs, "redis at h:1 down");
    top_sensor_take(sensor, &state);
    render(120, 24);
    assert_non_null(strstr(row(0), "   5.2k    75s  ; ; redis at h:1 down"));
    assert_int_equal(screen.lines[TOP_N_HEADER].style, TOP_STYLE_ALARM);
    state.outputs[0] = '\0';
    state.counters[TOP_EMERGENCY] = 1;
    top_sensor_take(sensor, &state);
    render(120, 24);
    assert_non_null(strstr(row(0), " full "));
    top_sensor_miss(sensor);
    render(120, 24);
    assert_non_null(strstr(row(0), " silent "));
    assert_int_equal(screen.lines[TOP_N_HEADER].style, TOP_STYLE_ALARM);
}

static void
expect_lines_within(size_t width, size_t height)
{
    static const char printable[] =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
        "`abcdefghijklmnopqrstuvwxyz{|}~";

    assert_true(screen.n_lines <= TOP_MAX_LINES);
    assert_true(screen.n_lines <= height || height < TOP_N_HEADER + 2);
    for (size_t i = 0; i < screen.n_lines; i++) {
        size_t size = strlen(line(i));

        assert_true(size <= width || width < 20);
        assert_true(size <= TOP_MAX_WIDTH);
        assert_int_equal(strspn(line(i), printable), size);
    }
}

static void
every_size_of_screen_is_kept(void **context)
{
    (void)context;
    add_pairs();
    for (size_t width = 0; width < 300; width += 7) {
        for (size_t height = 0; height < 300; height += 11) {
            view.page = (enum top_page)((width + height) % TOP_N_PAGES);
            view.shows_help = width % 2;
            render(width, height);
            expect_lines_within(width, height);
        }
    }
}

static void
numbers_are_short(void **context)
{
    static const struct {
        double value;
        const char *text;
    } numbers[] = {{0, "0"},         {0.4, "0"},       {999, "999"},
                   {1000, "1.0k"},   {12345, "12.3k"}, {999499, "999k"},
                   {999500, "1.0M"}, {5e12, "5.0T"},   {1.8e19, "18.0E"}};

    (void)context;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[TOP_NUMBER_SIZE];

        assert_string_equal(top_number_text(numbers[i].value, text),
                            numbers[i].text);
    }
}

static int
begin(void **context)
{
    (void)context;
    view = (struct top_view){.page = TOP_PAGE_PAIRS};
    return top_model_init(&model) ? 0 : -1;
}

static int
end(void **context)
{
    (void)context;
    top_model_done(&model);
    return 0;
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_sorted_as_is_asked_for),
        TEST(a_filter_keeps_rows_with_the_text),
        TEST(scrolling_stays_among_the_rows),
        TEST(what_there_was_no_room_for_is_told),
        TEST(keys_choose_pages_help_and_the_end),
        TEST(a_problem_is_told_and_what_was_known_stays),
        TEST(sensors_say_how_they_are),
        TEST(every_size_of_screen_is_kept),
        TEST(numbers_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

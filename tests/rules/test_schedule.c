/* schedule.h: windows against a calendar that is walked minute by minute, and
 * what dates, days, hours, zones and durations may look like. */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "rules/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WEEK_MINUTES = 7 * SCHEDULE_DAY_MINUTES,
    N_SCHEDULES = 200,
    MAX_WINDOWS = 4
};

/* Monday 2026-03-09, 00:00 UTC. */
static const int64_t monday_s = INT64_C(1773014400);

/* From its start on the day it opens until its end, a minute at a time. */
static void
mark_window(const struct schedule_hours *hours, unsigned day,
            bool open[WEEK_MINUTES])
{
    unsigned minute = hours->start, at = day * SCHEDULE_DAY_MINUTES + minute;

    do {
        open[at++ % WEEK_MINUTES] = true;
        minute = minute + 1 == SCHEDULE_DAY_MINUTES ? 0 : minute + 1;
    } while (minute != hours->end % SCHEDULE_DAY_MINUTES);
}

/* Every minute of a week, from Monday on, that a window covers. */
static void
mark_windows(const struct schedule *schedule, bool open[WEEK_MINUTES])
{
    memset(open, 0, WEEK_MINUTES * sizeof *open);
    for (unsigned day = 0; day < 7; day++) {
        bool opens = schedule->days & 1U << day;

        for (size_t i = 0; opens && i < schedule->n_hours; i++) {
            mark_window(&schedule->hours[i], day, open);
        }
    }
}

/* Midnight often, as either end of a day. */
static uint16_t
draw_end(struct choices *choices)
{
    if (chance(choices, 4)) {
        return chance(choices, 2) ? 0 : SCHEDULE_DAY_MINUTES;
    }
    return (uint16_t)choose(choices, SCHEDULE_DAY_MINUTES + 1);
}

static void
draw_schedule(struct choices *choices, struct schedule *schedule,
              struct schedule_hours hours[MAX_WINDOWS])
{
    *schedule = (struct schedule){
        .days = (uint8_t)choose(choices, 128),
        .hours = hours,
        .n_hours = choose(choices, MAX_WINDOWS + 1),
        .offset_minutes = (int32_t)choose(choices, 61) * 30 - 15 * 60};
    for (size_t i = 0; i < schedule->n_hours; i++) {
        hours[i].start = (uint16_t)choose(choices, SCHEDULE_DAY_MINUTES);
        do {
            hours[i].end = draw_end(choices);
        } while (hours[i].end == hours[i].start);
    }
}

static void
fail_minute(unsigned minute, bool open)
{
    fail_msg("day %u, minute %u: not %d", minute / SCHEDULE_DAY_MINUTES,
             minute % SCHEDULE_DAY_MINUTES, open);
}

/* Asked at the first and the last instant of each minute. */
static void
check_week(const struct schedule *schedule, const bool open[WEEK_MINUTES])
{
    for (unsigned i = 0; i < WEEK_MINUTES; i++) {
        int64_t s = monday_s + ((int64_t)i - schedule->offset_minutes) * 60;
        struct wall_time first = {s * SECOND_NS};
        struct wall_time last = {(s + 60) * SECOND_NS - 1};

        if (schedule_open(schedule, first) != open[i] ||
            schedule_open(schedule, last) != open[i]) {
            fail_minute(i, open[i]);
        }
    }
}

static void
windows_are_open_when_a_calendar_says_so(void **state)
{
    static bool open[WEEK_MINUTES];
    unsigned n_open = 0;

    (void)state;
    for (uint64_t seed = 0; seed < N_SCHEDULES; seed++) {
        struct choices choices = choices_from_seed(seed);
        struct schedule_hours hours[MAX_WINDOWS];
        struct schedule schedule;

        draw_schedule(&choices, &schedule, hours);
        mark_windows(&schedule, open);
        check_week(&schedule, open);
        for (unsigned i = 0; i < WEEK_MINUTES; i++) {
            n_open += open[i];
        }
    }
    assert_in_range(n_open, WEEK_MINUTES, (N_SCHEDULES - 1) * WEEK_MINUTES);
}

static void
weeks_go_on_before_1970(void **state)
{
    static const struct schedule_hours hours[] = {{0, SCHEDULE_DAY_MINUTES}};
    const struct schedule wednesday = {
        .days = 1 << 2, .hours = hours, .n_hours = 1};

    (void)state; /* 1970-01-01 was a Thursday. */
    assert_false(schedule_open(&wednesday, (struct wall_time){0}));
    assert_true(schedule_open(&wednesday, (struct wall_time){-1}));
    assert_true(
        schedule_open(&wednesday, (struct wall_time){-86400 * SECOND_NS}));
    assert_false(
        schedule_open(&wednesday, (struct wall_time){-86400 * SECOND_NS - 1}));
}

/* Berlin, where 2026-03-29 02:00 became 03:00. */
static void
local_hours_are_those_of_the_process(void **state)
{
    static const struct schedule_hours hours[] = {{8 * 60, 9 * 60}};
    const struct schedule daily = {.days = 0x7f,
                                   .hours = hours,
                                   .n_hours = 1,
                                   .offset_minutes = SCHEDULE_LOCAL};
    struct wall_time winter, summer;

    (void)state;
    assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
    tzset();
    assert_true(date_parse("2026-03-28T07:30:00Z", false, &winter));
    assert_true(date_parse("2026-03-29T06:30:00Z", false, &summer));
    assert_true(schedule_open(&daily, winter));
    assert_true(schedule_open(&daily, summer));
    winter.ns -= 3600 * SECOND_NS;
    summer.ns -= 3600 * SECOND_NS;
    assert_false(schedule_open(&daily, winter));
    assert_false(schedule_open(&daily, summer));
    unsetenv("TZ");
    tzset();
}

static void
days_are_names_and_ranges(void **state)
{
    static const struct {
        const char *text;
        uint8_t days;
    } good[] = {{"mon", 0x01},     {"sun", 0x40},     {"Fri", 0x10},
                {"mon-fri", 0x1f}, {"sat-sun", 0x60}, {"sat-mon", 0x61},
                {"sun-sat", 0x7f}, {"tue-tue", 0x02}};
    static const char *const bad[] = {"",         "monday", "mon-", "-mon",
                                      "mon-fri-", "mo",     "1",    "mon fri"};
    uint8_t days;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        days = 0;
        assert_true(schedule_parse_days(good[i].text, &days));
        assert_int_equal(days, good[i].days);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(schedule_parse_days(bad[i], &days));
    }
    days = 1 << 6;
    assert_true(schedule_parse_days("mon", &days)); /* Days add up. */
    assert_int_equal(days, 0x41);
}

static void
hours_are_two_clocks(void **state)
{
    static const char *const bad[] = {"",
                                      "08:00",
                                      "8:00-18:00",
                                      "08:00-18:00 ",
                                      "08:00-08:00",
                                      "24:00-01:00",
                                      "08:00-24:01",
                                      "08:60-09:00",
                                      "0800-0900",
                                      "08:00--09:00",
                                      "08:00-25:00",
                                      "aa:bb-cc:dd"};
    struct schedule_hours hours;

    (void)state;
    assert_true(schedule_parse_hours("08:00-18:30", &hours));
    assert_int_equal(hours.start, 480);
    assert_int_equal(hours.end, 1110);
    assert_true(schedule_parse_hours("22:00-06:00", &hours));
    assert_int_equal(hours.end, 360);
    assert_true(schedule_parse_hours("00:00-24:00", &hours));
    assert_int_equal(hours.end, SCHEDULE_DAY_MINUTES);
    assert_true(schedule_parse_hours("23:59-00:00", &hours));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(schedule_parse_hours(bad[i], &hours));
    }
}

static void
zones_are_utc_local_and_offsets(void **state)
{
    static const char *const bad[] = {"",       "CET",    "+2",    "+02",
                                      "+15:01", "+02:60", "02:00", "+02:00:00"};
    int32_t minutes;

    (void)state;
    assert_true(schedule_parse_zone("UTC", &minutes));
    assert_int_equal(minutes, 0);
    assert_true(schedule_parse_zone("local", &minutes));
    assert_int_equal(minutes, SCHEDULE_LOCAL);
    assert_true(schedule_parse_zone("+05:45", &minutes));
    assert_int_equal(minutes, 345);
    assert_true(schedule_parse_zone("-15:00", &minutes));
    assert_int_equal(minutes, -900);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(schedule_parse_zone(bad[i], &minutes));
    }
}

/* All of a month; 'day' is its first, since 1970.  Returns the next one's. */
static int64_t
check_month(int year, int month, int length, int64_t day)
{
    struct wall_time when;
    char text[32];

    for (int i = 1; i <= length; i++, day++) {
        snprintf(text, sizeof text, "%d-%02d-%02d", year, month, i);
        assert_true(date_parse(text, false, &when));
        assert_true(when.ns == day * 86400 * SECOND_NS);
        assert_true(date_parse(text, true, &when));
        assert_true(when.ns == (day + 1) * 86400 * SECOND_NS);
    }
    snprintf(text, sizeof text, "%d-%02d-%02d", year, month, length + 1);
    assert_false(date_parse(text, false, &when));
    return day;
}

/* Every day there is, counted one by one. */
static void
dates_are_those_of_the_calendar(void **state)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};
    int64_t day = 0;

    (void)state;
    for (int year = 1970; year <= 2200; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (month == 2 && leap);

            day = check_month(year, month, length, day);
        }
    }
}

static void
refused(const char *date)
{
    struct wall_time when;

    if (date_parse(date, false, &when)) {
        fail_msg("'%s' is taken for a date", date);
    }
}

static void
times_are_those_of_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:01z", SECOND_NS},
        {"1970-01-01 00:00:01Z", SECOND_NS},
        {"1970-01-01T00:00:00.5Z", SECOND_NS / 2},
        {"1970-01-01T00:00:00.0000000019Z", 1},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01T00:00:00-00:30", 1800 * SECOND_NS},
        {"1970-01-01T23:59:60Z", 86400 * SECOND_NS},
    };
    static const char *const bad[] = {
        "",
        "1969-12-31",
        "2201-01-01",
        "2026-3-1",
        "2026-00-01",
        "2026-13-01",
        "2026-03-00",
        "2026-03-31 ",
        "2026-03-31T",
        "2026-03-31T12:00Z",
        "2026-03-31T12:00:00",
        "2026-03-31T24:00:00Z",
        "2026-03-31T12:00:61Z",
        "2026-03-31T12:00:00.Z",
        "2026-03-31T12:00:00ZZ",
        "2026-03-31T12:00:00+2",
        "1970-01-01T00:00:00+00:01",
    };
    struct wall_time when;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (int end = 0; end < 2; end++) { /* A time has no day to end. */
            assert_true(date_parse(good[i].text, end, &when));
            assert_true(when.ns == good[i].ns);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(bad[i]);
    }
}

static void
durations_have_one_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"0", 0},     {"90", 90},   {"90s", 90},
                {"10m", 600}, {"1h", 3600}, {"7d", 604800}};
    static const char *const bad[] = {
        "",     "s",  "1 h", "1hm",          "-1",    "1.5h",
        "1.0s", "1w", "1H",  "99999999999d", "20000d"};
    int64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(duration_parse(good[i].text, &ns));
        assert_true(ns == good[i].seconds * SECOND_NS);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(duration_parse(bad[i], &ns));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_open_when_a_calendar_says_so),
        cmocka_unit_test(weeks_go_on_before_1970),
        cmocka_unit_test(local_hours_are_those_of_the_process),
        cmocka_unit_test(days_are_names_and_ranges),
        cmocka_unit_test(hours_are_two_clocks),
        cmocka_unit_test(zones_are_utc_local_and_offsets),
        cmocka_unit_test(dates_are_those_of_the_calendar),
        cmocka_unit_test(times_are_those_of_rfc_3339),
        cmocka_unit_test(durations_have_one_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Calendar arithmetic is done here rather than by timegm() and strptime():
 * those accept too much and depend on the locale. */

#include "rules/schedule.h"

#include <string.h>
#include <strings.h>
#include <time.h>

static const char day_names[7][4] = {"mon", "tue", "wed", "thu",
                                     "fri", "sat", "sun"};

static bool read_digits(const char **text, int n, int *value);
static bool read_clock(const char **text, int *minutes);
static bool read_date(const char **text, int64_t *days);
static bool read_fraction(const char **text, int64_t *ns);
static bool read_offset(const char *text, int32_t *minutes);
static int day_number(const char *name, size_t length);
static int64_t days_from_civil(int year, int month, int day);
static int64_t local_seconds(const struct schedule *, int64_t seconds);

bool
schedule_open(const struct schedule *schedule, struct wall_time when)
{
    int64_t seconds = when.ns / SECOND_NS - (when.ns % SECOND_NS < 0);
    int64_t minutes, day;
    int minute;
    unsigned today, yesterday;

    seconds = local_seconds(schedule, seconds);
    minutes = seconds / 60 - (seconds % 60 < 0);
    day = minutes / SCHEDULE_DAY_MINUTES - (minutes % SCHEDULE_DAY_MINUTES < 0);
    minute = (int)(minutes - day * SCHEDULE_DAY_MINUTES);
    today = (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01: Thursday. */
    yesterday = (today + 6) % 7;
    for (size_t i = 0; i < schedule->n_hours; i++) {
        const struct schedule_hours *hours = &schedule->hours[i];
        bool overnight = hours->end <= hours->start;

        if ((schedule->days >> today & 1) && minute >= hours->start &&
            (overnight || minute < hours->end)) {
            return true;
        }
        if (overnight && (schedule->days >> yesterday & 1) &&
            minute < hours->end) {
            return true;
        }
    }
    return false;
}

bool
schedule_parse_days(const char *text, uint8_t *days)
{
    size_t length = strcspn(text, "-");
    int first = day_number(text, length), last = first;

    if (text[length]) {
        last = day_number(text + length + 1, strlen(text + length + 1));
    }
    if (first < 0 || last < 0) {
        return false;
    }
    for (int day = first;; day = (day + 1) % 7) {
        *days = (uint8_t)(*days | 1U << day);
        if (day == last) {
            return true;
        }
    }
}

bool
schedule_parse_hours(const char *text, struct schedule_hours *hours)
{
    int start, end;

    if (!read_clock(&text, &start) || *text++ != '-' ||
        !read_clock(&text, &end) || *text || start == SCHEDULE_DAY_MINUTES ||
        start == end) {
        return false;
    }
    *hours = (struct schedule_hours){(uint16_t)start, (uint16_t)end};
    return true;
}

bool
schedule_parse_zone(const char *text, int32_t *offset_minutes)
{
    if (strcasecmp(text, "utc") == 0 || strcmp(text, "Z") == 0) {
        *offset_minutes = 0;
        return true;
    }
    if (strcmp(text, "local") == 0) {
        *offset_minutes = SCHEDULE_LOCAL;
        return true;
    }
    return read_offset(text, offset_minutes);
}

bool
date_parse(const char *text, bool end_of_day, struct wall_time *when)
{
    int64_t day, seconds_utc, fraction = 0;
    int minutes, seconds;
    int32_t offset = 0;

    if (!read_date(&text, &day)) {
        return false;
    }
    if (!*text) {
        when->ns = (day + (end_of_day ? 1 : 0)) * 86400 * SECOND_NS;
        return true;
    }
    if ((*text != 'T' && *text != 't' && *text != ' ') ||
        (text++, !read_clock(&text, &minutes)) ||
        minutes == SCHEDULE_DAY_MINUTES || *text++ != ':' ||
        !read_digits(&text, 2, &seconds) || seconds > 60 ||
        !read_fraction(&text, &fraction)) {
        return false;
    }
    if (strcmp(text, "Z") != 0 && strcmp(text, "z") != 0 &&
        !read_offset(text, &offset)) {
        return false;
    }
    seconds_utc = day * 86400 + (int64_t)(minutes - offset) * 60 + seconds;
    if (seconds_utc < 0) { /* Before 1970 after all, by its zone. */
        return false;
    }
    when->ns = seconds_utc * SECOND_NS + fraction;
    return true;
}

bool
duration_parse(const char *text, int64_t *ns)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t value = 0;
    const char *digit = text;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (*digit - '0');
        if (value > INT64_C(100) * 365 * 86400) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (digit > text && *digit == units[i].unit && (!*digit || !digit[1]) &&
            value * units[i].seconds < 1 << 30) {
            *ns = value * units[i].seconds * SECOND_NS;
            return true;
        }
    }
    return false;
}

static bool
read_digits(const char **text, int n, int *value)
{
    *value = 0;
    for (int i = 0; i < n; i++, (*text)++) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        *value = *value * 10 + (**text - '0');
    }
    return true;
}

/* ".25", or nothing; what is shorter than a nanosecond is dropped. */
static bool
read_fraction(const char **text, int64_t *ns)
{
    int64_t unit = SECOND_NS / 10;

    if (**text != '.') {
        return true;
    }
    if ((*text)[1] < '0' || (*text)[1] > '9') {
        return false;
    }
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, unit /= 10) {
        *ns += (**text - '0') * unit;
    }
    return true;
}

/* "00:00" to "24:00". */
static bool
read_clock(const char **text, int *minutes)
{
    int hour, minute;

    if (!read_digits(text, 2, &hour) || *(*text)++ != ':' ||
        !read_digits(text, 2, &minute) || minute > 59) {
        return false;
    }
    *minutes = hour * 60 + minute;
    return *minutes <= SCHEDULE_DAY_MINUTES;
}

static bool
read_date(const char **text, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};
    int year, month, day, leap;

    if (!read_digits(text, 4, &year) || *(*text)++ != '-' ||
        !read_digits(text, 2, &month) || *(*text)++ != '-' ||
        !read_digits(text, 2, &day) || year < 1970 || year > 2200 ||
        month < 1 || month > 12 || day < 1) {
        return false;
    }
    leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + leap) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

/* "+02:00". */
static bool
read_offset(const char *text, int32_t *minutes)
{
    int sign = *text == '-' ? -1 : 1, value;

    if (*text != '+' && *text != '-') {
        return false;
    }
    text++;
    if (!read_clock(&text, &value) || *text || value > 15 * 60) {
        return false;
    }
    *minutes = sign * value;
    return true;
}

static int
day_number(const char *name, size_t length)
{
    for (int i = 0; i < 7; i++) {
        if (length == 3 && strncasecmp(name, day_names[i], 3) == 0) {
            return i;
        }
    }
    return -1;
}

/* Days since 1970-01-01, in the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int year, int month, int day)
{
    int64_t years = year - (month <= 2), era = years / 400;
    int64_t of_era = years - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static int64_t
local_seconds(const struct schedule *schedule, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm tm;

    if (schedule->offset_minutes != SCHEDULE_LOCAL) {
        return seconds + schedule->offset_minutes * INT64_C(60);
    }
    return localtime_r(&when, &tm) ? seconds + tm.tm_gmtoff : seconds;
}

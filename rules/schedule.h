/* Dates, durations and weekly schedules, all in packet time.
 *
 * Zones are UTC, "local" (that of the process) and fixed offsets, because
 * switching to named zones is not safe with threads.  Pure functions; any
 * thread. */

#ifndef RULES_SCHEDULE_H
#define RULES_SCHEDULE_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCHEDULE_DAY_MINUTES = 24 * 60,
    SCHEDULE_LOCAL = INT32_MIN /* As 'offset_minutes'. */
};

struct schedule_hours {
    uint16_t start, end; /* Minutes of the day, 'end' exclusive and at most
                          * 1440; if it is smaller, the next day's. */
};

struct schedule {
    uint8_t days; /* Bit 0 is Monday; the day a window opens counts. */
    const struct schedule_hours *hours;
    size_t n_hours;
    int32_t offset_minutes; /* East of UTC, or SCHEDULE_LOCAL. */
};

bool schedule_open(const struct schedule *, struct wall_time);

bool schedule_parse_days(const char *text, uint8_t *days); /* "mon-fri" */
bool schedule_parse_hours(const char *text, struct schedule_hours *);
bool schedule_parse_zone(const char *text, int32_t *offset_minutes);

/* "2026-03-31" (its first instant, or with 'end_of_day' the first of the day
 * after) or RFC 3339 with a zone; of the years 1970 to 2200. */
bool date_parse(const char *text, bool end_of_day, struct wall_time *);

/* "90s", "10m", "1h", "7d", or seconds without a unit. */
bool duration_parse(const char *text, int64_t *ns);

#endif

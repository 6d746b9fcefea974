/* What 'segmon top' shows: sensors, pairs of segments, and violations by rule.
 *
 * Filled by top_poll.c from what sensors keep in Redis, which may be anything:
 * texts are made printable ASCII when they are taken, numbers that are none are
 * 0, and there is a limit on everything.  Rates are differences between two
 * states that a sensor told, over the time between them; a sensor that began
 * anew has none until its second state.  Belongs to one thread. */

#ifndef TOOLS_WATCH_TOP_MODEL_H
#define TOOLS_WATCH_TOP_MODEL_H

#include "capture/clock.h"
#include "tools/event/event.h"
#include "tools/redis/redis_state.h"
#include "tools/watch/event_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOP_MAX_SENSORS = 256,
    TOP_MAX_PAIRS = 4096,     /* Of all sensors; more are not shown. */
    TOP_MAX_VIOLATIONS = 512, /* Groups; the one silent for longest goes. */
    TOP_NAME_SIZE = 49,       /* Of a segment, and the end. */
    TOP_RULE_SIZE = 65,
    TOP_TEXT_SIZE = 96
};

/* X(NAME, "field of the state") */
#define TOP_COUNTERS(X)                                                        \
    X(FRAMES, "frames")                                                        \
    X(BYTES, "bytes")                                                          \
    X(FLOWS, "flows.active")                                                   \
    X(EMERGENCY, "emergency")                                                  \
    X(VIOLATIONS, "violations.told")                                           \
    X(WAITING, "events.spooled")                                               \
    X(LAG, "events.lag")

enum top_counter {
#define TOP_COUNTER(NAME, FIELD) TOP_##NAME,
    TOP_COUNTERS(TOP_COUNTER) TOP_N_COUNTERS
#undef TOP_COUNTER
};

enum top_column {
#define TOP_COLUMN(name, expression) TOP_COLUMN_##name,
    REDIS_STATE_COLUMNS(TOP_COLUMN) TOP_N_COLUMNS
#undef TOP_COLUMN
};

/* What a sensor told. */
struct top_state {
    char epoch[TOP_TEXT_SIZE], version[TOP_TEXT_SIZE], phase[TOP_TEXT_SIZE];
    char policy[TOP_TEXT_SIZE], interfaces[TOP_TEXT_SIZE];
    char outputs[TOP_TEXT_SIZE];   /* Those that fail; "": all work. */
    char seen_text[TOP_TEXT_SIZE]; /* As it was told. */
    struct wall_time seen;         /* The same; 0 if it is no time. */
    uint64_t counters[TOP_N_COUNTERS];
    uint64_t lost[REDIS_STATE_N_LOSSES];
};

struct top_sensor {
    char name[EVENT_MAX_SENSOR + 1];
    bool is_alive; /* Its state is there, and it has not ended. */
    bool has_state, has_rates;
    struct top_state state; /* The last one, if there ever was one. */
    double rates[TOP_N_COUNTERS], lost_rates[REDIS_STATE_N_LOSSES];
    double seconds; /* Between this state and the one before it: 0 if there
                     * was none, or it is the same as at the last poll. */
};

struct top_pair {
    size_t sensor; /* In 'sensors'. */
    char src[TOP_NAME_SIZE], dst[TOP_NAME_SIZE];
    uint64_t values[TOP_N_COLUMNS];
    double rates[TOP_N_COLUMNS];
    bool has_rates;
};

/* All violations of one rule between two segments, at one sensor. */
struct top_violation {
    char sensor[EVENT_MAX_SENSOR + 1];
    char rule[TOP_RULE_SIZE], src[TOP_NAME_SIZE], dst[TOP_NAME_SIZE];
    uint64_t n_events;
    int level; /* The worst. */
    char severity[TOP_TEXT_SIZE];
    char time[TOP_TEXT_SIZE]; /* Of the latest, as is all else. */
    char ends[TOP_TEXT_SIZE]; /* "10.1.0.1 -> 10.2.0.1:443" */
    char application[TOP_TEXT_SIZE], outcome[TOP_TEXT_SIZE];
    uint64_t order; /* Grows from event to event. */
};

struct top_model {
    struct wall_time now;
    char problem[2 * TOP_TEXT_SIZE]; /* Why there is nothing new; "": none. */
    struct top_sensor *sensors;
    size_t n_sensors;
    struct top_pair *pairs; /* By sensor, then by names. */
    size_t n_pairs;
    bool pairs_left_out; /* There were more than TOP_MAX_PAIRS. */
    struct top_violation *violations;
    size_t n_violations;
    uint64_t n_events;    /* Violations that were told, */
    uint64_t n_forgotten; /* groups there was no room for. */

    struct top_pair *next; /* Pairs of the poll going on. */
    size_t n_next;
};

/* False if memory is out; either way to be freed by top_model_done(). */
bool top_model_init(struct top_model *);
void top_model_done(struct top_model *);

/* A poll: first all sensors, each with its pairs, then the end.  NULL where
 * there is no room for another sensor. */
struct top_sensor *top_model_sensor(struct top_model *, const char *name);
void top_sensor_take(struct top_sensor *, const struct top_state *);
void top_sensor_miss(struct top_sensor *); /* It has no state now. */

/* 'field' is "src|dst", 'value' numbers, of which the i-th is that of
 * 'columns[i]', TOP_N_COLUMNS if nobody knows it.  What is something else is
 * passed over. */
void top_model_pair(struct top_model *, const struct top_sensor *,
                    const char *field, const char *value,
                    const enum top_column *columns, size_t n_columns);
void top_model_end_poll(struct top_model *);

void top_model_violation(struct top_model *, const char *sensor,
                         const struct event_view *);

/* Copies what can be shown; all other bytes are '?'. */
void top_copy_text(char *to, size_t size, const char *text);

/* Digits only; 0 for all else, and for what does not fit. */
uint64_t top_number(const char *text);

/* "flows allowed ..." to columns; returns how many there are, at most
 * 'max'. */
size_t top_columns(const char *names, enum top_column *columns, size_t max);

#endif

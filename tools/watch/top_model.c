/* See top_model.h. */

#include "tools/watch/top_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double rate(uint64_t now, uint64_t before, double seconds);
static bool split_pair(const char *field, struct top_pair *);
static void read_values(struct top_pair *, const char *value,
                        const enum top_column *columns, size_t n_columns);
static int compare_pairs(const void *, const void *);
static void take_rates(struct top_model *, struct top_pair *);
static struct top_violation *group_of(struct top_model *,
                                      const struct top_violation *key);
static void describe(struct top_violation *, const struct event_view *);

bool
top_model_init(struct top_model *model)
{
    *model = (struct top_model){
        .sensors = calloc(TOP_MAX_SENSORS, sizeof *model->sensors),
        .pairs = calloc(TOP_MAX_PAIRS, sizeof *model->pairs),
        .violations = calloc(TOP_MAX_VIOLATIONS, sizeof *model->violations),
        .next = calloc(TOP_MAX_PAIRS, sizeof *model->next),
    };
    return model->sensors && model->pairs && model->violations && model->next;
}

void
top_model_done(struct top_model *model)
{
    free(model->sensors);
    free(model->pairs);
    free(model->violations);
    free(model->next);
}

struct top_sensor *
top_model_sensor(struct top_model *model, const char *name)
{
    for (size_t i = 0; i < model->n_sensors; i++) {
        if (strcmp(model->sensors[i].name, name) == 0) {
            return &model->sensors[i];
        }
    }
    if (model->n_sensors == TOP_MAX_SENSORS) {
        return NULL;
    }
    top_copy_text(model->sensors[model->n_sensors].name,
                  sizeof model->sensors->name, name);
    return &model->sensors[model->n_sensors++];
}

void
top_sensor_take(struct top_sensor *sensor, const struct top_state *state)
{
    const struct top_state *last = &sensor->state;
    bool goes_on = sensor->has_state && strcmp(last->epoch, state->epoch) == 0;
    double seconds =
        goes_on ? (double)(state->seen.ns - last->seen.ns) / SECOND_NS : 0;

    sensor->seconds = seconds > 0 ? seconds : 0;
    for (unsigned i = 0; seconds > 0 && i < TOP_N_COUNTERS; i++) {
        sensor->rates[i] = rate(state->counters[i], last->counters[i], seconds);
    }
    for (unsigned i = 0; seconds > 0 && i < REDIS_STATE_N_LOSSES; i++) {
        sensor->lost_rates[i] = rate(state->lost[i], last->lost[i], seconds);
    }
    sensor->has_rates = goes_on && (sensor->seconds > 0 || sensor->has_rates);
    sensor->has_state = true;
    sensor->is_alive = strcmp(state->phase, "ended") != 0;
    sensor->state = *state;
}

void
top_sensor_miss(struct top_sensor *sensor)
{
    sensor->is_alive = false;
    sensor->has_rates = false;
    sensor->seconds = 0;
}

void
top_model_pair(struct top_model *model, const struct top_sensor *sensor,
               const char *field, const char *value,
               const enum top_column *columns, size_t n_columns)
{
    struct top_pair *pair = &model->next[model->n_next];

    if (model->n_next == TOP_MAX_PAIRS) {
        model->pairs_left_out = true;
        return;
    }
    *pair = (struct top_pair){.sensor = (size_t)(sensor - model->sensors)};
    if (split_pair(field, pair)) {
        read_values(pair, value, columns, n_columns);
        model->n_next++;
    }
}

void
top_model_end_poll(struct top_model *model)
{
    struct top_pair *last = model->pairs;

    qsort(model->next, model->n_next, sizeof *model->next, compare_pairs);
    for (size_t i = 0; i < model->n_next; i++) {
        take_rates(model, &model->next[i]);
    }
    model->pairs = model->next;
    model->n_pairs = model->n_next;
    model->next = last;
    model->n_next = 0;
}

void
top_model_violation(struct top_model *model, const char *sensor,
                    const struct event_view *view)
{
    struct top_violation key = {.level = -1}, *found;

    top_copy_text(key.sensor, sizeof key.sensor, sensor);
    top_copy_text(key.rule, sizeof key.rule, view->rule);
    top_copy_text(key.src, sizeof key.src, view->src.segment);
    top_copy_text(key.dst, sizeof key.dst, view->dst.segment);
    found = group_of(model, &key);
    model->n_events++;
    found->order = model->n_events;
    found->n_events++;
    describe(found, view);
}

void
top_copy_text(char *to, size_t size, const char *text)
{
    size_t n = 0;

    for (; text[n] && n + 1 < size; n++) {
        to[n] = text[n];
        if (text[n] < ' ' || text[n] > '~') {
            to[n] = '?';
        }
    }
    to[n] = '\0';
}

uint64_t
top_number(const char *text)
{
    uint64_t number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) {
            return 0;
        }
    }
    return *text ? 0 : number;
}

size_t
top_columns(const char *names, enum top_column *columns, size_t max)
{
    static const char *const known[] = {
#define COLUMN_NAME(name, expression) [TOP_COLUMN_##name] = #name,
        REDIS_STATE_COLUMNS(COLUMN_NAME)
#undef COLUMN_NAME
    };
    size_t n = 0;

    while (*names && n < max) {
        size_t size = strcspn(names, " ");
        unsigned i = 0;

        while (i < TOP_N_COLUMNS && (strlen(known[i]) != size ||
                                     memcmp(known[i], names, size) != 0)) {
            i++;
        }
        columns[n++] = (enum top_column)i;
        names += size;
        names += strspn(names, " ");
    }
    return n;
}

static double
rate(uint64_t now, uint64_t before, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

/* False if it is no pair of names. */
static bool
split_pair(const char *field, struct top_pair *pair)
{
    const char *bar = strchr(field, '|');
    size_t size = bar ? (size_t)(bar - field) : 0;

    if (size == 0 || size >= sizeof pair->src || !bar[1] ||
        strlen(bar + 1) >= sizeof pair->dst) {
        return false;
    }
    top_copy_text(pair->src, size + 1, field);
    top_copy_text(pair->dst, sizeof pair->dst, bar + 1);
    return true;
}

static void
read_values(struct top_pair *pair, const char *value,
            const enum top_column *columns, size_t n_columns)
{
    for (size_t i = 0; *value && i < n_columns; i++) {
        size_t size = strcspn(value, " ");
        char number[32];

        if (columns[i] < TOP_N_COLUMNS && size < sizeof number) {
            memcpy(number, value, size);
            number[size] = '\0';
            pair->values[columns[i]] = top_number(number);
        }
        value += size;
        value += strspn(value, " ");
    }
}

static int
compare_pairs(const void *left, const void *right)
{
    const struct top_pair *a = left;
    const struct top_pair *b = right;
    int order = strcmp(a->src, b->src);

    if (a->sensor != b->sensor) {
        return a->sensor < b->sensor ? -1 : 1;
    }
    return order ? order : strcmp(a->dst, b->dst);
}

/* While the sensor has told nothing new, the rates stay. */
static void
take_rates(struct top_model *model, struct top_pair *pair)
{
    const struct top_sensor *sensor = &model->sensors[pair->sensor];
    const struct top_pair *last = bsearch(pair, model->pairs, model->n_pairs,
                                          sizeof *pair, compare_pairs);

    if (!last || !sensor->has_rates) {
        return;
    }
    if (sensor->seconds == 0) {
        memcpy(pair->rates, last->rates, sizeof pair->rates);
        pair->has_rates = last->has_rates;
        return;
    }
    for (unsigned i = 0; i < TOP_N_COLUMNS; i++) {
        pair->rates[i] =
            rate(pair->values[i], last->values[i], sensor->seconds);
    }
    pair->has_rates = true;
}

/* The group, a new one if need be. */
static struct top_violation *
group_of(struct top_model *model, const struct top_violation *key)
{
    struct top_violation *oldest = model->violations;

    for (size_t i = 0; i < model->n_violations; i++) {
        struct top_violation *found = &model->violations[i];

        if (strcmp(found->rule, key->rule) == 0 &&
            strcmp(found->src, key->src) == 0 &&
            strcmp(found->dst, key->dst) == 0 &&
            strcmp(found->sensor, key->sensor) == 0) {
            return found;
        }
        if (found->order < oldest->order) {
            oldest = found;
        }
    }
    if (model->n_violations < TOP_MAX_VIOLATIONS) {
        oldest = &model->violations[model->n_violations++];
    } else {
        model->n_forgotten++;
    }
    *oldest = *key;
    return oldest;
}

static void
describe(struct top_violation *found, const struct event_view *view)
{
    char ends[2 * TOP_TEXT_SIZE], port[JSON_MAX_NUMBER + 2] = "";

    if (view->level >= found->level) {
        found->level = view->level;
        top_copy_text(found->severity, sizeof found->severity, view->severity);
    }
    if (view->dst.port >= 0) {
        snprintf(port, sizeof port, ":%" PRId64, view->dst.port);
    }
    snprintf(ends, sizeof ends, "%.60s -> %.60s%s", view->src.ip, view->dst.ip,
             port);
    top_copy_text(found->ends, sizeof found->ends, ends);
    top_copy_text(found->time, sizeof found->time, view->time);
    top_copy_text(found->application, sizeof found->application,
                  view->application);
    top_copy_text(found->outcome, sizeof found->outcome, view->outcome);
}

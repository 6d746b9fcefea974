/* From Redis to the model; see top_poll.h. */

#include "tools/watch/top_poll.h"

#include "capture/error.h"
#include "rules/schedule.h"
#include "tools/redis/redis_fleet.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"
#include "tools/watch/stream_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_COLUMNS = 64,
    N_FIXED = 7, /* Fields before the counters. */
    N_FIELDS = N_FIXED + TOP_N_COUNTERS + REDIS_STATE_N_LOSSES,
    MAX_FOLLOW_READS = 20 /* In one poll: nobody waits for all of them. */
};

static const char *const fields[N_FIELDS + 1] = {
    "epoch",
    "version",
    "phase",
    "last_seen",
    "policy.name",
    "policy.revision",
    "matrix.columns",
#define COUNTER_FIELD(NAME, FIELD) [N_FIXED + TOP_##NAME] = FIELD,
    TOP_COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
#define LOSS_FIELD(NAME, TEXT, HELP)                                           \
    [N_FIXED + TOP_N_COUNTERS + REDIS_STATE_##NAME] = "lost." TEXT,
        REDIS_STATE_LOSSES(LOSS_FIELD)
#undef LOSS_FIELD
};

struct top_poll {
    struct top_poll_options options;
    struct top_model *model;
    struct redis_fleet *fleet;
    struct redis_link *link; /* Of the sensor that is polled; lent. */
    struct stream_fleet *follow;
    char names[REDIS_FLEET_MAX_SENSORS][EVENT_MAX_SENSOR + 1];
    size_t n_names; /* Of sensors that the server knows. */
    bool has_more;  /* The last read of violations brought some. */
};

static bool poll_all(struct top_poll *, struct error *);
static bool poll_known(struct top_poll *, struct error *);
static bool take_name(void *context, const char *name);
static bool poll_sensor(struct top_poll *, const char *name, struct error *);
static struct redis_reply *ask(struct top_poll *, const char *const *words,
                               struct error *);
static void take_state(struct top_sensor *, const struct redis_reply *,
                       struct top_state *);
static const char *text_at(const struct redis_reply *, size_t i);
static bool find_parts(struct top_poll *, const char *key, struct top_state *,
                       struct error *);
static void take_part(struct top_state *, const char *name, const char *value);
static void add_part(char text[TOP_TEXT_SIZE], const char *name,
                     const char *state);
static bool poll_pairs(struct top_poll *, const struct top_sensor *,
                       const char *names, struct error *);
static void take_pairs(struct top_poll *, const struct top_sensor *,
                       const struct redis_reply *list,
                       const enum top_column *columns, size_t n_columns);
static bool poll_violations(struct top_poll *, struct error *);
static void take_violation(void *context, const struct stream_entry *);
static void take_gap(void *context, const struct stream_gap *);

struct top_poll *
top_poll_new(const struct top_poll_options *options, struct top_model *model,
             struct error *error)
{
    struct top_poll *poll = calloc(1, sizeof *poll);
    const struct stream_follow_handler handler = {take_violation, take_gap,
                                                  poll};
    const struct stream_follow_options follow = {
        .server = options->server,
        .sensors = options->sensors,
        .kinds = 1u << EVENT_VIOLATION,
        .only_new = true,
        .n_newest = TOP_POLL_VIOLATIONS,
    };

    if (!poll) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to watch sensors");
        return NULL;
    }
    poll->options = *options;
    poll->model = model;
    poll->fleet = redis_fleet_new(&poll->options.server);
    poll->follow = stream_fleet_new(&follow, &handler, error);
    if (!poll->follow || !poll->fleet) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to watch sensors");
        top_poll_free(poll);
        return NULL;
    }
    return poll;
}

void
top_poll_free(struct top_poll *poll)
{
    if (poll) {
        redis_fleet_free(poll->fleet);
        stream_fleet_free(poll->follow);
        explicit_bzero(&poll->options.server, sizeof poll->options.server);
        free(poll);
    }
}

bool
top_poll_update(struct top_poll *poll, struct wall_time now,
                struct error *error)
{
    char text[2 * TOP_TEXT_SIZE];

    poll->model->now = now;
    if (poll_all(poll, error) && poll_violations(poll, error)) {
        poll->model->problem[0] = '\0';
        return true;
    }
    redis_fleet_disconnect(poll->fleet);
    error_format(error, text, sizeof text);
    top_copy_text(poll->model->problem, sizeof poll->model->problem, text);
    return false;
}

/* What was read up to a failure is not shown: the pairs stay. */
static bool
poll_all(struct top_poll *poll, struct error *error)
{
    const char *const *sensors = poll->options.sensors;

    poll->model->n_next = 0;
    poll->model->pairs_left_out = false;
    if (!sensors && !poll_known(poll, error)) {
        return false;
    }
    for (size_t i = 0; sensors && sensors[i]; i++) {
        if (!poll_sensor(poll, sensors[i], error)) {
            return false;
        }
    }
    top_model_end_poll(poll->model);
    return true;
}

/* They are asked about when all of them are known: they may share a link. */
static bool
poll_known(struct top_poll *poll, struct error *error)
{
    poll->n_names = 0;
    if (!redis_fleet_each_sensor(poll->fleet, take_name, poll, error)) {
        return false;
    }
    for (size_t i = 0; i < poll->n_names; i++) {
        if (!poll_sensor(poll, poll->names[i], error)) {
            return false;
        }
    }
    return true;
}

/* False if there is no room for more. */
static bool
take_name(void *context, const char *name)
{
    struct top_poll *poll = context;

    snprintf(poll->names[poll->n_names], sizeof poll->names[0], "%s", name);
    return ++poll->n_names < REDIS_FLEET_MAX_SENSORS;
}

static bool
poll_sensor(struct top_poll *poll, const char *name, struct error *error)
{
    struct top_sensor *sensor = top_model_sensor(poll->model, name);
    const char *words[N_FIELDS + 3] = {"HMGET"};
    char key[REDIS_KEY_SIZE];
    struct top_state state = {.seen = {0}};
    struct redis_reply *reply;
    bool good;

    if (!sensor) {
        return true; /* No room. */
    }
    poll->link = redis_fleet_link(poll->fleet, name, error);
    if (!poll->link) {
        return false;
    }
    redis_key(key, name, "state");
    words[1] = key;
    memcpy(words + 2, fields, sizeof fields);
    reply = ask(poll, words, error);
    good = reply && find_parts(poll, key, &state, error);
    if (good && text_at(reply, 0)[0]) {
        take_state(sensor, reply, &state);
        good = poll_pairs(poll, sensor, text_at(reply, N_FIXED - 1), error);
    } else if (good) {
        top_sensor_miss(sensor);
    }
    redis_reply_free(reply);
    return good;
}

/* NULL, too, if the server refuses. */
static struct redis_reply *
ask(struct top_poll *poll, const char *const *words, struct error *error)
{
    struct redis_reply *reply = redis_link_ask(poll->link, words, error);

    if (reply && redis_reply_error(reply)) {
        redis_reply_refuse(reply, poll->link, words[1], error);
        redis_reply_free(reply);
        return NULL;
    }
    return reply;
}

static void
take_state(struct top_sensor *sensor, const struct redis_reply *reply,
           struct top_state *state)
{
    char policy[2 * TOP_TEXT_SIZE];

    top_copy_text(state->epoch, sizeof state->epoch, text_at(reply, 0));
    top_copy_text(state->version, sizeof state->version, text_at(reply, 1));
    top_copy_text(state->phase, sizeof state->phase, text_at(reply, 2));
    top_copy_text(state->seen_text, sizeof state->seen_text, text_at(reply, 3));
    snprintf(policy, sizeof policy, "%.60s %.30s", text_at(reply, 4),
             text_at(reply, 5));
    top_copy_text(state->policy, sizeof state->policy, policy);
    if (!date_parse(state->seen_text, false, &state->seen)) {
        state->seen.ns = 0;
    }
    for (unsigned i = 0; i < TOP_N_COUNTERS; i++) {
        state->counters[i] = top_number(text_at(reply, N_FIXED + i));
    }
    for (unsigned i = 0; i < REDIS_STATE_N_LOSSES; i++) {
        state->lost[i] =
            top_number(text_at(reply, N_FIXED + TOP_N_COUNTERS + i));
    }
    top_sensor_take(sensor, state);
}

static const char *
text_at(const struct redis_reply *list, size_t i)
{
    const char *text = redis_reply_text(redis_reply_at(list, i), NULL);

    return text ? text : "";
}

/* Interfaces and outputs, whatever their number: one look at the hash, as far
 * as that goes. */
static bool
find_parts(struct top_poll *poll, const char *key, struct top_state *state,
           struct error *error)
{
    struct redis_reply *reply =
        ask(poll, REDIS_WORDS("HSCAN", key, "0", "COUNT", "256"), error);
    const struct redis_reply *list = redis_reply_at(reply, 1);
    bool good = reply != NULL;

    for (size_t i = 0; i + 1 < redis_reply_n(list); i += 2) {
        take_part(state, text_at(list, i), text_at(list, i + 1));
    }
    redis_reply_free(reply);
    return good;
}

/* "interface.NAME" is "STATE ...", "output.N" is "up NAME" or "down NAME". */
static void
take_part(struct top_state *state, const char *name, const char *value)
{
    static const char interface[] = "interface.", output[] = "output.";
    char word[TOP_TEXT_SIZE];

    snprintf(word, sizeof word, "%.*s", (int)strcspn(value, " "), value);
    if (strncmp(name, interface, sizeof interface - 1) == 0) {
        add_part(state->interfaces, name + sizeof interface - 1, word);
    } else if (strncmp(name, output, sizeof output - 1) == 0 &&
               strcmp(word, "up") != 0) {
        add_part(state->outputs, value + strlen(word), word);
    }
}

/* "eth1 capturing, eth2 down" */
static void
add_part(char text[TOP_TEXT_SIZE], const char *name, const char *state)
{
    size_t used = strlen(text);
    char part[TOP_TEXT_SIZE];

    snprintf(part, sizeof part, "%s%.40s %.20s", used ? ", " : "",
             name + strspn(name, " "), state);
    top_copy_text(text + used, TOP_TEXT_SIZE - used, part);
}

/* In pieces: nobody knows how large the hash is. */
static bool
poll_pairs(struct top_poll *poll, const struct top_sensor *sensor,
           const char *names, struct error *error)
{
    enum top_column columns[MAX_COLUMNS];
    size_t n_columns = top_columns(names, columns, MAX_COLUMNS);
    char key[REDIS_KEY_SIZE], cursor[JSON_MAX_NUMBER + 1] = "0";

    redis_key(key, sensor->name, "matrix");
    do {
        struct redis_reply *reply = ask(
            poll, REDIS_WORDS("HSCAN", key, cursor, "COUNT", "1000"), error);

        if (!reply) {
            return false;
        }
        take_pairs(poll, sensor, redis_reply_at(reply, 1), columns, n_columns);
        snprintf(cursor, sizeof cursor, "%s", text_at(reply, 0));
        redis_reply_free(reply);
    } while (cursor[0] && strcmp(cursor, "0") != 0 &&
             !poll->model->pairs_left_out);
    return true;
}

static void
take_pairs(struct top_poll *poll, const struct top_sensor *sensor,
           const struct redis_reply *list, const enum top_column *columns,
           size_t n_columns)
{
    for (size_t i = 0; i + 1 < redis_reply_n(list); i += 2) {
        top_model_pair(poll->model, sensor, text_at(list, i),
                       text_at(list, i + 1), columns, n_columns);
    }
}

static bool
poll_violations(struct top_poll *poll, struct error *error)
{
    poll->has_more = true;
    for (unsigned i = 0; i < MAX_FOLLOW_READS && poll->has_more; i++) {
        poll->has_more = false;
        if (!stream_fleet_read(poll->follow, 0, error)) {
            return false;
        }
    }
    return true;
}

static void
take_violation(void *context, const struct stream_entry *entry)
{
    struct top_poll *poll = context;
    struct event_view view;

    poll->has_more = true;
    if (entry->event && event_view_read(&view, entry->event, entry->size)) {
        if (view.kind == EVENT_VIOLATION) {
            top_model_violation(poll->model, entry->sensor, &view);
        }
        event_view_done(&view);
    }
}

/* Totals are in the states. */
static void
take_gap(void *context, const struct stream_gap *gap)
{
    (void)context;
    (void)gap;
}

/* The state of a sensor as Redis commands; see redis_state.h. */

#include "tools/redis/redis_state.h"

#include "tools/redis/redis_keys.h"
#include "tools/redis/resp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_VALUE = 256 /* Of one that is made here. */
};

/* A hash on its way: what HSET takes is counted before it is written. */
struct hash {
    struct json words;
    size_t n_words;
};

static void encode_state(struct redis_state *, const struct redis_state_facts *,
                         struct hash *);
static void describe(struct hash *, const struct redis_state_facts *);
static void count(struct hash *, const struct redis_state_facts *);
static void tell_losses(struct hash *, const struct event_status *);
static uint64_t loss(const struct event_status *, enum redis_state_loss);
static uint64_t discarded(const struct event_status *);
static uint64_t not_dissected(const struct event_status *);
static uint64_t sum_of_outputs(const struct event_status *,
                               uint64_t (*of)(const struct event_counters *));
static uint64_t most_lag(const struct event_status *);
static uint64_t acked_of(const struct event_counters *);
static uint64_t spooled_of(const struct event_counters *);
static uint64_t dropped_of(const struct event_counters *);
static void tell_interfaces(struct hash *, const struct event_status *);
static void tell_outputs(struct hash *, const struct event_status *);
static void tell_pairs(struct hash *, const struct event_status *);
static void tell_pair(struct hash *, const char *field,
                      const struct event_pair_counts *);
static void set(struct hash *, const char *field, const char *value);
static void set_u64(struct hash *, const char *field, uint64_t value);
static void set_time(struct hash *, const char *field, struct wall_time);
static void set_format(struct hash *, const char *field, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
static void put_hash(struct redis_state *, const char *key, struct hash *,
                     unsigned life_s);
static void put(struct redis_state *, const char *const *words);

void
redis_state_init(struct redis_state *state)
{
    json_init(&state->commands, REDIS_STATE_MAX_BYTES);
    state->n_commands = 0;
}

void
redis_state_done(struct redis_state *state)
{
    json_done(&state->commands);
}

bool
redis_state_copy(struct redis_state *copy, const struct redis_state *state)
{
    json_reset(&copy->commands, false);
    json_raw(&copy->commands, state->commands.data, state->commands.size);
    copy->n_commands = copy->commands.failed ? 0 : state->n_commands;
    return !copy->commands.failed;
}

bool
redis_state_encode(struct redis_state *state,
                   const struct redis_state_facts *facts)
{
    struct hash hash = {.n_words = 0};

    json_reset(&state->commands, false);
    state->n_commands = 0;
    json_init(&hash.words, REDIS_STATE_MAX_BYTES);
    encode_state(state, facts, &hash);
    json_done(&hash.words);
    return !state->commands.failed;
}

static void
encode_state(struct redis_state *state, const struct redis_state_facts *facts,
             struct hash *hash)
{
    unsigned life_s = REDIS_STATE_LIFE * facts->interval_s;
    const char *sensor = facts->source->sensor;
    char key[REDIS_KEY_SIZE], epoch[JSON_MAX_NUMBER];

    put(state, REDIS_WORDS("MULTI"));
    describe(hash, facts);
    count(hash, facts);
    tell_losses(hash, facts->status);
    tell_interfaces(hash, facts->status);
    tell_outputs(hash, facts->status);
    redis_key(key, sensor, "state");
    put_hash(state, key, hash, life_s);
    tell_pairs(hash, facts->status);
    redis_key(key, sensor, "matrix");
    put_hash(state, key, hash, life_s);
    put(state, REDIS_WORDS("EXEC"));
    snprintf(epoch, sizeof epoch, "%08" PRIx32, facts->source->epoch);
    put(state, REDIS_WORDS("HSET", REDIS_SENSORS_KEY, sensor, epoch));
}

static void
describe(struct hash *hash, const struct redis_state_facts *facts)
{
#define COLUMN_NAME(name, expression) " " #name
    static const char *const columns = &REDIS_STATE_COLUMNS(COLUMN_NAME)[1];
#undef COLUMN_NAME
    const struct policy *policy = facts->status->policy;

    set(hash, "schema", REDIS_STATE_SCHEMA);
    set(hash, "version", facts->source->version);
    set_format(hash, "epoch", "%08" PRIx32, facts->source->epoch);
    set_time(hash, "started", facts->started);
    set_time(hash, "last_seen", facts->now);
    set_u64(hash, "interval", facts->interval_s);
    set(hash, "phase", facts->ended ? "ended" : "running");
    set(hash, "policy.name", policy_name(policy));
    set(hash, "policy.revision", policy_revision(policy));
    set(hash, "policy.sha256", policy_sha256(policy));
    set_u64(hash, "workers", facts->status->workers);
    set(hash, "matrix.columns", columns);
    set_u64(hash, "matrix.pairs", facts->status->n_pairs);
}

static void
count(struct hash *hash, const struct redis_state_facts *facts)
{
    const struct event_status *status = facts->status;

    set_u64(hash, "frames", status->frames);
    set_u64(hash, "bytes", status->bytes);
    set_u64(hash, "flows.active", status->flows.active);
    set_u64(hash, "flows.created", status->flows.created);
    set_u64(hash, "flows.capacity", status->max_flows);
    set_u64(hash, "flows.bytes", status->flows.bytes);
    set_u64(hash, "emergency", status->flows.emergency);
    set_u64(hash, "violations.told", status->violations.told);
    set_u64(hash, "violations.hits", status->violations.hits);
    set_u64(hash, "violations.tracked", status->violations.tracked);
    set_u64(hash, "events.acked", sum_of_outputs(status, acked_of));
    set_u64(hash, "events.spooled", sum_of_outputs(status, spooled_of));
    set_u64(hash, "events.lag", most_lag(status));
}

static void
tell_losses(struct hash *hash, const struct event_status *status)
{
    static const char *const fields[] = {
#define LOSS_FIELD(NAME, TEXT, HELP) [REDIS_STATE_##NAME] = "lost." TEXT,
        REDIS_STATE_LOSSES(LOSS_FIELD)
#undef LOSS_FIELD
    };

    for (unsigned i = 0; i < REDIS_STATE_N_LOSSES; i++) {
        set_u64(hash, fields[i], loss(status, (enum redis_state_loss)i));
    }
}

static uint64_t
loss(const struct event_status *status, enum redis_state_loss where)
{
    const struct application_counters *application = status->application;

    switch (where) {
    case REDIS_STATE_DEVICE: return status->device_drops;
    case REDIS_STATE_DISCARDED: return discarded(status);
    case REDIS_STATE_KERNEL: return status->kernel_drops;
    case REDIS_STATE_DISSECTOR: return not_dissected(status);
    case REDIS_STATE_FRAGMENTS:
        return status->flows.fragments_orphaned +
               status->flows.fragments_evicted;
    case REDIS_STATE_FLOWS: return status->flows.evicted;
    case REDIS_STATE_INSPECTIONS:
        return application ? application->refused + application->given_up : 0;
    case REDIS_STATE_SIGHTINGS: return status->detectors.overflow;
    case REDIS_STATE_VIOLATIONS: return status->violations.overflow;
    case REDIS_STATE_EVENTS: return sum_of_outputs(status, dropped_of);
    case REDIS_STATE_N_LOSSES: break;
    }
    return 0;
}

static uint64_t
discarded(const struct event_status *status)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < status->n_interfaces; i++) {
        sum += status->interfaces[i].discarded;
    }
    return sum;
}

static uint64_t
not_dissected(const struct event_status *status)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < DISSECT_N_RESULTS; i++) {
        if (i != DISSECT_OK && i != DISSECT_NOT_IP) {
            sum += status->dissected[i];
        }
    }
    return sum;
}

static uint64_t
sum_of_outputs(const struct event_status *status,
               uint64_t (*of)(const struct event_counters *))
{
    uint64_t sum = 0;

    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            sum += of(&status->outputs[i].kind[kind]);
        }
    }
    return sum;
}

/* Of all outputs, in seconds. */
static uint64_t
most_lag(const struct event_status *status)
{
    int64_t most_ns = 0;

    for (size_t i = 0; i < status->n_outputs; i++) {
        int64_t lag_ns = status->outputs[i].spool.lag_ns;

        most_ns = lag_ns > most_ns ? lag_ns : most_ns;
    }
    return (uint64_t)(most_ns / SECOND_NS);
}

static uint64_t
acked_of(const struct event_counters *counters)
{
    return counters->acked;
}

static uint64_t
spooled_of(const struct event_counters *counters)
{
    return counters->spooled;
}

static uint64_t
dropped_of(const struct event_counters *counters)
{
    return counters->dropped;
}

/* "interface.NAME" -> "STATE FRAMES BYTES KERNEL-DROPS DEVICE-DROPS" */
static void
tell_interfaces(struct hash *hash, const struct event_status *status)
{
    for (size_t i = 0; i < status->n_interfaces; i++) {
        const struct event_interface *interface = &status->interfaces[i];
        struct event_share all = {.received = 0};
        char field[MAX_VALUE];

        for (unsigned j = 0; j < interface->n_workers; j++) {
            all.received += interface->workers[j].received;
            all.bytes += interface->workers[j].bytes;
            all.kernel_drops += interface->workers[j].kernel_drops;
        }
        snprintf(field, sizeof field, "interface.%.200s", interface->name);
        set_format(
            hash, field, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
            source_live_state_name(interface->state), all.received, all.bytes,
            all.kernel_drops, interface->missed + interface->discarded);
    }
}

/* "output.N" -> "up" or "down", and its name. */
static void
tell_outputs(struct hash *hash, const struct event_status *status)
{
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_output *output = &status->outputs[i];
        char field[MAX_VALUE];

        snprintf(field, sizeof field, "output.%zu", i);
        set_format(hash, field, "%s %s", output->up ? "up" : "down",
                   output->name);
    }
}

static void
tell_pairs(struct hash *hash, const struct event_status *status)
{
    for (size_t i = 0; i < status->n_pairs && i < REDIS_STATE_MAX_PAIRS; i++) {
        const struct event_pair *pair = &status->pairs[i];
        char field[MAX_VALUE];

        snprintf(field, sizeof field, "%s|%s", pair->src, pair->dst);
        tell_pair(hash, field, &pair->counts);
    }
    if (status->other_pairs && status->other_pairs->flows) {
        tell_pair(hash, REDIS_STATE_OTHER_PAIRS, status->other_pairs);
    }
}

static void
tell_pair(struct hash *hash, const char *field,
          const struct event_pair_counts *counts)
{
#define COLUMN_VALUE(name, expression) (expression),
    const uint64_t values[] = {REDIS_STATE_COLUMNS(COLUMN_VALUE)};
#undef COLUMN_VALUE
    char text[sizeof values / sizeof *values * (JSON_MAX_NUMBER + 1) + 1];
    char *at = text;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        at = json_digits(at, values[i]);
        *at++ = ' ';
    }
    at[-1] = '\0';
    set(hash, field, text);
}

static void
set(struct hash *hash, const char *field, const char *value)
{
    resp_string(&hash->words, field);
    resp_string(&hash->words, value);
    hash->n_words += 2;
}

static void
set_u64(struct hash *hash, const char *field, uint64_t value)
{
    set_format(hash, field, "%" PRIu64, value);
}

static void
set_time(struct hash *hash, const char *field, struct wall_time time)
{
    char text[JSON_TIME_SIZE + 1];

    json_write_time(&hash->words, text, time);
    text[JSON_TIME_SIZE] = '\0';
    set(hash, field, text);
}

static void
set_format(struct hash *hash, const char *field, const char *format, ...)
{
    char value[MAX_VALUE];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    set(hash, field, value);
}

/* With DEL, because what the last one had may be gone.  The hash is empty then,
 * for the next one. */
static void
put_hash(struct redis_state *state, const char *key, struct hash *hash,
         unsigned life_s)
{
    char life[JSON_MAX_NUMBER];

    put(state, REDIS_WORDS("DEL", key));
    if (hash->n_words == 0) {
        return;
    }
    resp_command(&state->commands, 2 + hash->n_words);
    resp_string(&state->commands, "HSET");
    resp_string(&state->commands, key);
    json_raw(&state->commands, hash->words.data, hash->words.size);
    state->n_commands++;
    snprintf(life, sizeof life, "%u", life_s);
    put(state, REDIS_WORDS("EXPIRE", key, life));
    state->commands.failed |= hash->words.failed;
    json_reset(&hash->words, false);
    hash->n_words = 0;
}

static void
put(struct redis_state *state, const char *const *words)
{
    resp_words(&state->commands, words);
    state->n_commands++;
}

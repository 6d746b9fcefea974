/* segmon reconcile: whether everything is in Redis, once.
 *
 * Sensor by sensor: the report of one is told before the next is read, so
 * memory does not grow with their number. */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/reconcile_options.h"
#include "tools/commands/session.h"
#include "tools/event/system_clock.h"
#include "tools/reconcile/reconcile.h"
#include "tools/reconcile/stream_group.h"
#include "tools/redis/redis_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SENSORS = 4096,
    ERROR_SIZE = 800
};

struct reconcile {
    struct reconcile_options options;
    struct reconcile_report report; /* Of one sensor at a time. */
    char sensors[MAX_SENSORS][EVENT_MAX_SENSOR + 1];
    size_t n;
    bool has_more; /* Sensors. */
    struct json json;
    enum ledger_verdict verdict; /* Of all. */
    uint64_t entries, missing, doubled;
    struct copy_check *copy; /* NULL: there are no files. */
    struct copy_result copied;
    size_t sensor; /* That is being read, as 'copy' knows it, and how far */
    struct redis_id frontier[EVENT_N_KINDS]; /* its events were passed on. */
};

static int reconcile_all(struct reconcile *);
static bool find_sensors(struct reconcile *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool reconcile_one(struct reconcile *, const char *sensor);
static bool begin_copy(struct reconcile *, const char *sensor, struct error *);
static bool see(void *context, const struct event_name *, enum event_kind,
                struct redis_id, struct error *);
static bool compare_files(struct reconcile *);
static void tell(struct reconcile *);
static void tell_all(struct reconcile *);
static void tell_copy(struct reconcile *);
static void complain(const struct error *);
static int status_of(const struct reconcile *);

int
command_reconcile(int argc, char *argv[])
{
    struct reconcile *reconcile = calloc(1, sizeof *reconcile);
    int status;

    if (!reconcile) {
        fputs("segmon reconcile: out of memory\n", stderr);
        return COMMAND_UNPROVEN;
    }
    switch (reconcile_options_parse(&reconcile->options, argc, argv,
                                    system_clock_wall())) {
    case RECONCILE_HELP: status = COMMAND_OK; break;
    case RECONCILE_USAGE: status = COMMAND_USAGE; break;
    case RECONCILE_RUN:
    default: status = reconcile_all(reconcile); break;
    }
    reconcile_options_done(&reconcile->options);
    free(reconcile);
    return status;
}

static int
reconcile_all(struct reconcile *reconcile)
{
    struct error error;
    bool good = true;

    reconcile->options.server.stop = session_watch_stop();
    stream_server_init(&reconcile->options.server);
    json_init(&reconcile->json, RECONCILE_MAX_JSON);
    reconcile->copy = reconcile->options.n_files ? copy_check_new() : NULL;
    if (reconcile->options.n_files && !reconcile->copy) {
        error_set(&error, ERROR_MEMORY, NULL, "no memory to compare files");
        good = false;
    }
    if (!good || !find_sensors(reconcile, &error)) {
        complain(&error);
        json_done(&reconcile->json);
        copy_check_free(reconcile->copy);
        return COMMAND_UNPROVEN;
    }
    if (!reconcile->options.json) {
        reconcile_text_head();
    }
    for (size_t i = 0; good && i < reconcile->n; i++) {
        good = reconcile_one(reconcile, reconcile->sensors[i]);
    }
    good = good && compare_files(reconcile);
    if (reconcile->n == 0 || reconcile->has_more || !good) {
        reconcile->verdict =
            reconcile_worse(reconcile->verdict, LEDGER_UNPROVEN);
    }
    tell_all(reconcile);
    copy_check_free(reconcile->copy);
    json_done(&reconcile->json);
    return status_of(reconcile);
}

static bool
find_sensors(struct reconcile *reconcile, struct error *error)
{
    struct stream_server *server = &reconcile->options.server;
    const char *const *names = reconcile->options.sensors;

    for (size_t i = 0; names && names[i]; i++) {
        add_sensor(reconcile, names[i]);
    }
    if (names) {
        return true;
    }
    return stream_server_open(server, error) &&
           redis_keys_each_sensor(&server->place, server->link, add_sensor,
                                  reconcile, error);
}

static bool
add_sensor(void *context, const char *sensor)
{
    struct reconcile *reconcile = context;

    for (size_t i = 0; i < reconcile->n; i++) {
        if (strcmp(reconcile->sensors[i], sensor) == 0) {
            return true;
        }
    }
    reconcile->has_more = reconcile->n == MAX_SENSORS;
    if (!reconcile->has_more) {
        snprintf(reconcile->sensors[reconcile->n++], EVENT_MAX_SENSOR + 1, "%s",
                 sensor);
    }
    return !reconcile->has_more;
}

/* False if it makes no sense to go on. */
static bool
reconcile_one(struct reconcile *reconcile, const char *sensor)
{
    struct reconcile_report *report = &reconcile->report;
    struct stream_server *server = &reconcile->options.server;
    struct error error;

    if (reconcile->copy && !begin_copy(reconcile, sensor, &error)) {
        complain(&error);
        return false;
    }
    if (!reconcile_sensor(sensor, &reconcile->options.read, server, report)) {
        fputs("segmon reconcile: out of memory\n", stderr);
        return false;
    }
    reconcile->verdict =
        reconcile_worse(reconcile->verdict, report->result.verdict);
    reconcile->missing += report->result.missing;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_tally *tally = &report->result.kinds[kind];

        reconcile->entries += tally->entries;
        reconcile->missing += tally->missing + tally->deprived;
        reconcile->doubled += tally->doubled;
    }
    tell(reconcile);
    return !*server->stop;
}

/* Before its streams are read: what was passed on by then will be in the files
 * when they are. */
static bool
begin_copy(struct reconcile *reconcile, const char *sensor, struct error *error)
{
    struct sensor_read_options *read = &reconcile->options.read;

    read->see = see;
    read->context = reconcile;
    reconcile->sensor = copy_check_add_sensor(reconcile->copy, sensor);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        char key[REDIS_TEMPLATE_KEY_SIZE];

        redis_template_expand(read->key, sensor,
                              event_kind_name((enum event_kind)kind), key);
        stream_server_go_to(&reconcile->options.server, key);
        if (!stream_group_frontier(&reconcile->options.server, key,
                                   reconcile->options.group,
                                   &reconcile->frontier[kind], error)) {
            return false;
        }
    }
    return true;
}

static bool
see(void *context, const struct event_name *name, enum event_kind kind,
    struct redis_id id, struct error *error)
{
    struct reconcile *reconcile = context;
    bool is_behind = redis_id_compare(id, reconcile->frontier[kind]) > 0;

    return copy_check_add(reconcile->copy, reconcile->sensor, name, kind,
                          is_behind, error);
}

/* False, and told, if they cannot be. */
static bool
compare_files(struct reconcile *reconcile)
{
    const struct reconcile_options *options = &reconcile->options;
    struct error error;
    bool good = true;

    if (!reconcile->copy) {
        return true;
    }
    for (size_t i = 0; good && i < options->n_files; i++) {
        good = copy_check_read(reconcile->copy, options->files[i], &error);
    }
    if (!good ||
        !copy_check_judge(reconcile->copy, &reconcile->copied, &error)) {
        complain(&error);
        return false;
    }
    reconcile->missing += reconcile->copied.missing;
    reconcile->doubled += reconcile->copied.doubled;
    if (reconcile->copied.missing || reconcile->copied.doubled) {
        reconcile->verdict = LEDGER_INCOMPLETE;
    }
    return true;
}

static void
tell(struct reconcile *reconcile)
{
    if (reconcile->options.json) {
        reconcile_json(&reconcile->report, &reconcile->json);
        json_raw(&reconcile->json, "\n", 1);
        fwrite(reconcile->json.data, 1, reconcile->json.size, stdout);
    } else {
        reconcile_text(&reconcile->report);
    }
    fflush(stdout);
}

static void
tell_all(struct reconcile *reconcile)
{
    const char *verdict = reconcile_verdict_name(reconcile->verdict);

    if (reconcile->has_more) {
        fprintf(stderr, "segmon reconcile: more than %d sensors\n",
                MAX_SENSORS);
    }
    if (reconcile->options.json) {
        printf("{\"verdict\":\"%s\",\"sensors\":%zu,\"entries\":%" PRIu64
               ",\"missing\":%" PRIu64 ",\"doubled\":%" PRIu64,
               verdict, reconcile->n, reconcile->entries, reconcile->missing,
               reconcile->doubled);
        tell_copy(reconcile);
        puts("}");
    } else {
        tell_copy(reconcile);
        printf("%s: %zu %s, %" PRIu64 " %s, %" PRIu64 " missing, %" PRIu64
               " doubled\n",
               verdict, reconcile->n, reconcile->n == 1 ? "sensor" : "sensors",
               reconcile->entries,
               reconcile->entries == 1 ? "entry" : "entries",
               reconcile->missing, reconcile->doubled);
    }
}

static void
tell_copy(struct reconcile *reconcile)
{
    const struct copy_result *copied = &reconcile->copied;

    if (!reconcile->copy) {
        return;
    }
    if (reconcile->options.json) {
        reconcile_json_copy(reconcile->copy, copied, &reconcile->json);
        fputs(",\"files\":", stdout);
        fwrite(reconcile->json.data, 1, reconcile->json.size, stdout);
    } else {
        reconcile_text_copy(reconcile->copy, copied);
    }
}

static void
complain(const struct error *error)
{
    char text[ERROR_SIZE];

    error_format(error, text, sizeof text);
    fprintf(stderr, "segmon reconcile: %s\n", text);
}

static int
status_of(const struct reconcile *reconcile)
{
    int stopped = *reconcile->options.server.stop;

    if (stopped) {
        return COMMAND_SIGNALLED + stopped;
    }
    switch (reconcile->verdict) {
    case LEDGER_COMPLETE: return COMMAND_OK;
    case LEDGER_INCOMPLETE: return COMMAND_FAILED;
    case LEDGER_UNPROVEN:
    default: return COMMAND_UNPROVEN;
    }
}

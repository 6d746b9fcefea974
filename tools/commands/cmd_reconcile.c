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
};

static int reconcile_all(struct reconcile *);
static bool find_sensors(struct reconcile *, struct error *);
static bool add_sensor(void *context, const char *sensor);
static bool reconcile_one(struct reconcile *, const char *sensor);
static void tell(struct reconcile *);
static void tell_all(struct reconcile *);
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
    if (!find_sensors(reconcile, &error)) {
        complain(&error);
        json_done(&reconcile->json);
        return COMMAND_UNPROVEN;
    }
    if (!reconcile->options.json) {
        reconcile_text_head();
    }
    for (size_t i = 0; good && i < reconcile->n; i++) {
        good = reconcile_one(reconcile, reconcile->sensors[i]);
    }
    if (reconcile->n == 0 || reconcile->has_more || !good) {
        reconcile->verdict =
            reconcile_worse(reconcile->verdict, LEDGER_UNPROVEN);
    }
    tell_all(reconcile);
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
               ",\"missing\":%" PRIu64 ",\"doubled\":%" PRIu64 "}\n",
               verdict, reconcile->n, reconcile->entries, reconcile->missing,
               reconcile->doubled);
    } else {
        printf("%s: %zu sensors, %" PRIu64 " entries, %" PRIu64
               " missing, %" PRIu64 " doubled\n",
               verdict, reconcile->n, reconcile->entries, reconcile->missing,
               reconcile->doubled);
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

/* See reconcile_options.h. */

#include "tools/commands/reconcile_options.h"

#include "capture/error.h"
#include "rules/schedule.h"
#include "tools/commands/redis_target.h"
#include "tools/event/event.h"
#include "tools/output/output.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: segmon reconcile [OPTION]...\n"
    "\n"
    "Proves that nothing a sensor wrote is missing or doubled in Redis, or "
    "lists\n"
    "what is.  Reads only.\n"
    "\n"
    "  -r, --redis URI          default: redis://localhost; password also "
    "from\n"
    "                           the environment variable "
    "SEGMON_REDIS_PASSWORD\n"
    "      --sensor NAME,...    of these; default: all that Redis knows;\n"
    "                           repeatable\n"
    "  -e, --events KIND,...    flow, violation, status; default: all\n"
    "      --from WHEN          only from there on: a time such as\n"
    "                           2026-03-10T12:00:00Z, how long ago, such as\n"
    "                           15m, or the id of an entry\n"
    "      --to WHEN            only up to there\n"
    "      --spool FOLDER       the sensor's spool: what waits in it is not\n"
    "                           missing; with one --sensor\n"
    "      --file FILE          compare with what 'segmon forward' wrote to "
    "it;\n"
    "                           repeatable\n"
    "  -g, --group NAME         that wrote it: what it has not acknowledged "
    "is\n"
    "                           not missing there; default: forward\n"
    "      --key TEMPLATE       of the streams; default:\n"
    "                           segmon:{{sensor}}:{type}\n"
    "      --field NAME         of their entries: the event; default: event\n"
    "  -j, --json               a line of JSON a sensor, and one for all\n"
    "  -h, --help\n"
    "\n"
    "exit status: 0 proven complete, 1 something is missing or doubled, 2 "
    "usage,\n"
    "3 neither can be said: no server, no entries, or what would tell is "
    "gone\n";

enum reconcile_option {
    OPTION_SENSOR = 256,
    OPTION_FROM,
    OPTION_TO,
    OPTION_SPOOL,
    OPTION_FILE,
    OPTION_KEY,
    OPTION_FIELD
};

static const struct option long_options[] = {
    {"redis", required_argument, NULL, 'r'},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"events", required_argument, NULL, 'e'},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"file", required_argument, NULL, OPTION_FILE},
    {"group", required_argument, NULL, 'g'},
    {"key", required_argument, NULL, OPTION_KEY},
    {"field", required_argument, NULL, OPTION_FIELD},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static bool take(struct reconcile_options *, int option, const char *value,
                 struct wall_time now);
static bool set_redis(struct reconcile_options *, const char *uri);
static bool add_sensors(struct reconcile_options *, const char *value);
static bool add_file(struct reconcile_options *, const char *path);
static bool set_key(struct sensor_read_options *, const char *value);
static bool set_id(const char *value, bool is_end, struct wall_time now,
                   struct redis_id *);
static const char *complaint(const struct reconcile_options *,
                             bool has_operands);

enum reconcile_parse
reconcile_options_parse(struct reconcile_options *options, int argc,
                        char *argv[], struct wall_time now)
{
    const char *wrong;
    int option;

    *options =
        (struct reconcile_options){.group = "forward",
                                   .read = {.key = REDIS_TEMPLATE_DEFAULT,
                                            .field = OUTPUT_FIELD,
                                            .kinds = EVENT_ALL_KINDS}};
    if (!set_redis(options, "redis://localhost")) {
        return RECONCILE_USAGE;
    }
    optind = 0;
    while ((option = getopt_long(argc, argv, "r:e:g:jh", long_options, NULL)) !=
           -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return RECONCILE_HELP;
        }
        if (option == '?') {
            fputs("see 'segmon reconcile --help'\n", stderr);
            return RECONCILE_USAGE;
        }
        if (option == 'r' ? !set_redis(options, optarg)
                          : !take(options, option, optarg, now)) {
            return RECONCILE_USAGE;
        }
    }
    wrong = complaint(options, optind < argc);
    if (wrong) {
        fprintf(stderr, "segmon reconcile: %s; see --help\n", wrong);
        return RECONCILE_USAGE;
    }
    return RECONCILE_RUN;
}

void
reconcile_options_done(struct reconcile_options *options)
{
    stream_server_close(&options->server);
    sensor_names_done(&options->names);
}

/* False, and told, if the value is not good. */
static bool
take(struct reconcile_options *options, int option, const char *value,
     struct wall_time now)
{
    struct sensor_read_options *read = &options->read;
    bool good = true;

    switch (option) {
    case OPTION_SENSOR: good = add_sensors(options, value); break;
    case 'e': good = event_kinds_parse(value, &read->kinds); break;
    case OPTION_FROM:
        read->has_from = true;
        good = set_id(value, false, now, &read->from);
        break;
    case OPTION_TO:
        read->has_to = true;
        good = set_id(value, true, now, &read->to);
        break;
    case OPTION_SPOOL: read->spool = value; break;
    case OPTION_FILE: good = add_file(options, value); break;
    case 'g':
        options->group = value;
        good = value[0];
        break;
    case OPTION_KEY: good = set_key(read, value); break;
    case OPTION_FIELD:
        read->field = value;
        good = value[0];
        break;
    case 'j':
    default: options->json = true; break;
    }
    if (!good) {
        fprintf(stderr, "segmon reconcile: bad value '%s'; see --help\n",
                value);
    }
    return good;
}

/* Tells what is wrong itself: it must not repeat a password. */
static bool
set_redis(struct reconcile_options *options, const char *uri)
{
    struct error error;
    char text[800];

    if (redis_target_parse(uri, &options->server.uri, &error)) {
        return true;
    }
    error_format(&error, text, sizeof text);
    fprintf(stderr, "segmon reconcile: --redis: %s\n", text);
    return false;
}

/* More than there were. */
static bool
add_sensors(struct reconcile_options *options, const char *value)
{
    char *all = NULL;
    size_t size = strlen(value) + 1;
    bool good;

    for (size_t i = 0; options->sensors && options->sensors[i]; i++) {
        size += strlen(options->sensors[i]) + 1;
    }
    all = malloc(size);
    if (!all) {
        return false;
    }
    memcpy(all, value, strlen(value) + 1);
    for (size_t i = 0; options->sensors && options->sensors[i]; i++) {
        size_t used = strlen(all);

        snprintf(all + used, size - used, ",%s", options->sensors[i]);
    }
    good = sensor_names_parse(&options->names, all, &options->sensors);
    free(all);
    return good;
}

static bool
add_file(struct reconcile_options *options, const char *path)
{
    if (options->n_files == RECONCILE_MAX_FILES) {
        return false;
    }
    options->files[options->n_files++] = path;
    return path[0];
}

static bool
set_key(struct sensor_read_options *read, const char *value)
{
    char longest[EVENT_MAX_SENSOR + 1];
    char key[REDIS_TEMPLATE_KEY_SIZE];

    memset(longest, 's', EVENT_MAX_SENSOR);
    longest[EVENT_MAX_SENSOR] = '\0';
    read->key = value;
    return value[0] &&
           redis_template_expand(value, longest,
                                 event_kind_name(EVENT_VIOLATION), key);
}

static bool
set_id(const char *value, bool is_end, struct wall_time now,
       struct redis_id *id)
{
    struct wall_time when = now;
    int64_t ago_ns;

    if (redis_id_parse(value, id)) {
        return true;
    }
    if (duration_parse(value, &ago_ns)) {
        when.ns -= ago_ns;
    } else if (!date_parse(value, false, &when)) {
        return false;
    }
    *id = (struct redis_id){when.ns > 0 ? (uint64_t)(when.ns / MILLISECOND_NS)
                                        : 0,
                            is_end ? UINT64_MAX : 0};
    return true;
}

static const char *
complaint(const struct reconcile_options *options, bool has_operands)
{
    const struct sensor_read_options *read = &options->read;
    bool is_one = options->sensors && !options->sensors[1];

    if (has_operands) {
        return "there is something that is no option";
    }
    if (read->spool && !is_one) {
        return "--spool is that of one --sensor";
    }
    if (read->has_from && read->has_to &&
        redis_id_compare(read->from, read->to) > 0) {
        return "--from is behind --to";
    }
    return NULL;
}

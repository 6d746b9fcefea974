/* See forward_options.h. */

#include "tools/commands/forward_options.h"

#include "capture/error.h"
#include "tools/commands/redis_target.h"
#include "tools/commands/session.h"
#include "tools/event/event.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: segmon forward -r URI (-o FILE|- | --tcp HOST:PORT) [OPTION]...\n"
    "\n"
    "Reads events from their Redis streams as a member of a consumer group "
    "and\n"
    "passes them on.  They are acknowledged when they are safe: in a file, "
    "when\n"
    "it is on disk; over TCP, when the other side has them.  So nothing is\n"
    "lost, whoever dies; what was on its way then may come twice, with the "
    "same\n"
    "event.id.  Several of one group share the work.\n"
    "\n"
    "  -r, --redis URI          redis://[USER[:PASSWORD]@]HOST[:PORT][/DB],\n"
    "                           rediss://..., redis+sentinel://..., or\n"
    "                           unix:///PATH, see segmon(1), REDIS; password\n"
    "                           also from the file or variable\n"
    "                           SEGMON_REDIS_PASSWORD[_FILE]\n"
    "  -o, --output FILE|-      append to this file, or to standard output;\n"
    "                           SIGHUP opens the file again\n"
    "      --tcp HOST:PORT      send to this port\n"
    "      --format FORMAT      ndjson: a line each; syslog: RFC 5424, in\n"
    "                           frames with their length (RFC 6587); default:\n"
    "                           ndjson to files, syslog over TCP\n"
    "      --facility NAME      of syslog; default: local0\n"
    "      --schema SCHEMA      ecs: as they are, ECS-shaped, the default; "
    "ocsf:\n"
    "                           OCSF 1.7.0; asim: ASIM NetworkSession 0.2.7;\n"
    "                           what does not fit a schema stays as it is\n"
    "  -g, --group NAME         consumer group; default: forward\n"
    "      --consumer NAME      of this reader in the group: the same after a\n"
    "                           restart; default: the host's name\n"
    "      --from oldest|newest where a new group begins; default: oldest\n"
    "      --sensor NAME,...    read these; default: all that Redis knows\n"
    "  -e, --events KIND,...    flow, violation, status; default: all\n"
    "      --field NAME         of a stream's entries: the event; default: "
    "event\n"
    "      --batch N            acknowledged together; default: 500, the most\n"
    "      --claim-after SECONDS\n"
    "                           take over what a reader of the group has not\n"
    "                           acknowledged for so long; default: 60, 0: "
    "never\n"
    "      --once               end when nothing is left to read\n"
    "  -q, --quiet              tell nothing but failures\n"
    "  -h, --help\n";

enum forward_option {
    OPTION_TCP = 256,
    OPTION_FORMAT,
    OPTION_FACILITY,
    OPTION_SCHEMA,
    OPTION_CONSUMER,
    OPTION_FROM,
    OPTION_SENSOR,
    OPTION_FIELD,
    OPTION_BATCH,
    OPTION_CLAIM_AFTER,
    OPTION_ONCE
};

static const struct option long_options[] = {
    {"redis", required_argument, NULL, 'r'},
    {"output", required_argument, NULL, 'o'},
    {"tcp", required_argument, NULL, OPTION_TCP},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"facility", required_argument, NULL, OPTION_FACILITY},
    {"group", required_argument, NULL, 'g'},
    {"schema", required_argument, NULL, OPTION_SCHEMA},
    {"consumer", required_argument, NULL, OPTION_CONSUMER},
    {"from", required_argument, NULL, OPTION_FROM},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"events", required_argument, NULL, 'e'},
    {"field", required_argument, NULL, OPTION_FIELD},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"claim-after", required_argument, NULL, OPTION_CLAIM_AFTER},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

enum {
    DEFAULT_CLAIM_S = 60,
    MAX_CLAIM_S = 86400
};

/* What was given, besides what it says. */
struct given {
    bool redis, format;
};

static struct forward_options defaults(void);
static bool take(struct forward_options *, struct given *, int option,
                 const char *value);
static bool set_redis(struct forward_options *, const char *uri);
static bool set_name(const char **name, const char *value);
static bool set_word(struct forward_options *, struct given *, int option,
                     const char *value);
static bool set_number(struct forward_options *, int option, const char *value);
static const char *complaint(const struct forward_options *,
                             const struct given *, bool has_operands);

enum forward_parse
forward_options_parse(struct forward_options *options, int argc, char *argv[])
{
    struct given given = {.redis = false};
    const char *wrong;
    int option;

    *options = defaults();
    if (gethostname(options->consumer, sizeof options->consumer - 1) != 0) {
        snprintf(options->consumer, sizeof options->consumer, "reader");
    }
    options->reader.consumer = options->consumer;
    optind = 0;
    while ((option = getopt_long(argc, argv, "r:o:g:e:qh", long_options,
                                 NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return FORWARD_HELP;
        }
        if (option == '?') {
            fputs("see 'segmon forward --help'\n", stderr);
            return FORWARD_USAGE;
        }
        if (!take(options, &given, option, optarg)) {
            return FORWARD_USAGE;
        }
    }
    wrong = complaint(options, &given, optind < argc);
    if (wrong) {
        fprintf(stderr, "segmon forward: %s; see --help\n", wrong);
        return FORWARD_USAGE;
    }
    if (!given.format) {
        options->format = options->tcp ? FORWARD_SYSLOG : FORWARD_NDJSON;
    }
    return FORWARD_RUN;
}

void
forward_options_done(struct forward_options *options)
{
    sensor_names_done(&options->sensors);
}

static struct forward_options
defaults(void)
{
    return (struct forward_options){
        .reader = {.group = "forward",
                   .field = "event",
                   .events = EVENT_ALL_KINDS,
                   .batch = GROUP_READER_MAX_BATCH,
                   .claim_idle_s = DEFAULT_CLAIM_S},
        .facility = FORWARD_DEFAULT_FACILITY,
    };
}

/* False, and told, if the value is not good. */
static bool
take(struct forward_options *options, struct given *given, int option,
     const char *value)
{
    switch (option) {
    case 'r': given->redis = true; return set_redis(options, value);
    case 'o': options->output = value; return true;
    case 'q': options->quiet = true; return true;
    case OPTION_TCP: options->tcp = value; return true;
    case OPTION_ONCE: options->once = true; return true;
    default: break;
    }
    if (set_word(options, given, option, value) ||
        set_number(options, option, value)) {
        return true;
    }
    fprintf(stderr, "segmon forward: bad value '%s'; see --help\n", value);
    return false;
}

static bool
set_redis(struct forward_options *options, const char *uri)
{
    struct error error;
    char text[800];

    if (redis_target_parse(uri, &options->reader.server, &error)) {
        return true;
    }
    error_format(&error, text, sizeof text);
    fprintf(stderr, "segmon forward: %s\n", text);
    return false;
}

static bool
set_word(struct forward_options *options, struct given *given, int option,
         const char *value)
{
    switch (option) {
    case 'g': return set_name(&options->reader.group, value);
    case 'e': return event_kinds_parse(value, &options->reader.events);
    case OPTION_CONSUMER: return set_name(&options->reader.consumer, value);
    case OPTION_FIELD: return set_name(&options->reader.field, value);
    case OPTION_SENSOR:
        return sensor_names_parse(&options->sensors, value,
                                  &options->reader.sensors);
    case OPTION_FACILITY:
        return forward_facility_parse(value, &options->facility);
    case OPTION_SCHEMA: return convert_schema_parse(value, &options->schema);
    case OPTION_FROM:
        options->reader.only_new = strcmp(value, "newest") == 0;
        return options->reader.only_new || strcmp(value, "oldest") == 0;
    case OPTION_FORMAT:
        given->format = true;
        options->format =
            strcmp(value, "syslog") == 0 ? FORWARD_SYSLOG : FORWARD_NDJSON;
        return options->format == FORWARD_SYSLOG ||
               strcmp(value, "ndjson") == 0;
    default: return false;
    }
}

static bool
set_name(const char **name, const char *value)
{
    *name = value;
    return value[0] && strlen(value) <= GROUP_READER_MAX_NAME;
}

static bool
set_number(struct forward_options *options, int option, const char *value)
{
    uint64_t number = 0;
    bool good;

    switch (option) {
    case OPTION_BATCH:
        good = session_parse_count(value, GROUP_READER_MAX_BATCH, &number);
        options->reader.batch = (unsigned)number;
        return good;
    case OPTION_CLAIM_AFTER:
        good = strcmp(value, "0") == 0 ||
               session_parse_count(value, MAX_CLAIM_S, &number);
        options->reader.claim_idle_s = (int64_t)number;
        return good;
    default: return false;
    }
}

/* NULL, if the options go together. */
static const char *
complaint(const struct forward_options *options, const struct given *given,
          bool has_operands)
{
    if (has_operands) {
        return "there are no operands";
    }
    if (!given->redis) {
        return "no Redis given";
    }
    if (!options->output == !options->tcp) {
        return "either --output or --tcp is needed";
    }
    return NULL;
}

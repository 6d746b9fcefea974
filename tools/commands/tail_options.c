/* See tail_options.h. */

#include "tools/commands/tail_options.h"

#include "capture/error.h"
#include "rules/schedule.h"
#include "tools/commands/redis_target.h"
#include "tools/commands/session.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: segmon tail [OPTION]...\n"
    "\n"
    "Shows events as sensors write them to Redis, a line each, until it is\n"
    "stopped.\n"
    "\n"
    "  -r, --redis URI          default: redis://localhost; password also "
    "from\n"
    "                           the environment variable "
    "SEGMON_REDIS_PASSWORD\n"
    "      --sensor NAME,...    of these; default: all\n"
    "  -e, --events KIND,...    flow, violation, status; default: all\n"
    "      --segment NAME       from or to this segment\n"
    "      --src PREFIX         from an address in it\n"
    "      --dst PREFIX         to an address in it\n"
    "      --rule ID            that this rule decides\n"
    "      --severity LEVEL     violations from info, low, medium, high or\n"
    "                           critical on\n"
    "      --since WHEN         begin there, not now: 0 (the oldest), a time\n"
    "                           such as 2026-03-10T12:00:00Z, how long ago, "
    "such\n"
    "                           as 15m, or behind the entry with this id\n"
    "  -n, --count N            end after so many\n"
    "  -j, --json               events as they are, NDJSON\n"
    "  -h, --help\n";

enum tail_option {
    OPTION_SENSOR = 256,
    OPTION_SEGMENT,
    OPTION_SRC,
    OPTION_DST,
    OPTION_RULE,
    OPTION_SEVERITY,
    OPTION_SINCE
};

static const struct option long_options[] = {
    {"redis", required_argument, NULL, 'r'},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"events", required_argument, NULL, 'e'},
    {"segment", required_argument, NULL, OPTION_SEGMENT},
    {"src", required_argument, NULL, OPTION_SRC},
    {"dst", required_argument, NULL, OPTION_DST},
    {"rule", required_argument, NULL, OPTION_RULE},
    {"severity", required_argument, NULL, OPTION_SEVERITY},
    {"since", required_argument, NULL, OPTION_SINCE},
    {"count", required_argument, NULL, 'n'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static bool take(struct tail_options *, int option, const char *value,
                 struct wall_time now);
static bool take_value(struct tail_options *, int option, const char *value,
                       struct wall_time now);
static bool take_filter(struct event_filter *, int option, const char *value);
static bool set_redis(struct tail_options *, const char *uri);
static bool set_since(struct stream_follow_options *, const char *value,
                      struct wall_time now);

enum tail_parse
tail_options_parse(struct tail_options *options, int argc, char *argv[],
                   struct wall_time now)
{
    int option;

    *options = (struct tail_options){
        .follow = {.kinds = EVENT_ALL_KINDS, .only_new = true}};
    if (!set_redis(options, "redis://localhost")) {
        return TAIL_USAGE;
    }
    optind = 0;
    while ((option = getopt_long(argc, argv, "r:e:n:jh", long_options, NULL)) !=
           -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return TAIL_HELP;
        }
        if (option == '?') {
            fputs("see 'segmon tail --help'\n", stderr);
            return TAIL_USAGE;
        }
        if (!take(options, option, optarg, now)) {
            return TAIL_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "segmon tail: '%s' is no option; see --help\n",
                argv[optind]);
        return TAIL_USAGE;
    }
    return TAIL_RUN;
}

void
tail_options_done(struct tail_options *options)
{
    sensor_names_done(&options->sensors);
    explicit_bzero(&options->follow.server, sizeof options->follow.server);
}

/* False, and told, if the value is not good. */
static bool
take(struct tail_options *options, int option, const char *value,
     struct wall_time now)
{
    if (option == 'r') {
        return set_redis(options, value);
    }
    if (!take_value(options, option, value, now)) {
        fprintf(stderr, "segmon tail: bad value '%s'; see --help\n", value);
        return false;
    }
    return true;
}

static bool
take_value(struct tail_options *options, int option, const char *value,
           struct wall_time now)
{
    switch (option) {
    case OPTION_SENSOR:
        return sensor_names_parse(&options->sensors, value,
                                  &options->follow.sensors);
    case OPTION_SINCE: return set_since(&options->follow, value, now);
    case 'e': return event_kinds_parse(value, &options->follow.kinds);
    case 'n': return session_parse_count(value, UINT64_MAX, &options->n_events);
    case 'j': options->json = true; return true;
    default: return take_filter(&options->filter, option, value);
    }
}

static bool
take_filter(struct event_filter *filter, int option, const char *value)
{
    switch (option) {
    case OPTION_SEGMENT: filter->segment = value; return value[0];
    case OPTION_RULE: filter->rule = value; return value[0];
    case OPTION_SRC:
        filter->has_src = prefix_parse(value, &filter->src);
        prefix_clear_host_bits(&filter->src);
        return filter->has_src;
    case OPTION_DST:
        filter->has_dst = prefix_parse(value, &filter->dst);
        prefix_clear_host_bits(&filter->dst);
        return filter->has_dst;
    case OPTION_SEVERITY:
        filter->level = event_view_level(value);
        filter->has_level = true;
        return filter->level >= 0;
    default: return false;
    }
}

/* Tells what is wrong itself: it must not repeat a password. */
static bool
set_redis(struct tail_options *options, const char *uri)
{
    struct error error;
    char text[800];

    if (redis_target_parse(uri, &options->follow.server, &error)) {
        return true;
    }
    error_format(&error, text, sizeof text);
    fprintf(stderr, "segmon tail: --redis: %s\n", text);
    return false;
}

static bool
set_since(struct stream_follow_options *follow, const char *value,
          struct wall_time now)
{
    struct wall_time since = now;
    int64_t ago_ns;

    follow->only_new = false;
    follow->after = (struct redis_id){0, 0};
    if (strcmp(value, "0") == 0 || redis_id_parse(value, &follow->after)) {
        return true;
    }
    if (duration_parse(value, &ago_ns)) {
        since.ns -= ago_ns;
    } else if (!date_parse(value, false, &since)) {
        return false;
    }
    if (since.ns > MILLISECOND_NS) { /* Behind the millisecond before. */
        follow->after = (struct redis_id){
            (uint64_t)(since.ns / MILLISECOND_NS) - 1, UINT64_MAX};
    }
    return true;
}

/* See top_options.h. */

#include "tools/commands/top_options.h"

#include "capture/error.h"
#include "tools/commands/redis_target.h"
#include "tools/commands/session.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: segmon top [OPTION]...\n"
    "\n"
    "Shows what sensors tell of themselves in Redis, and of what goes on "
    "between\n"
    "segments, as it happens.  Without a terminal it prints that once.\n"
    "\n"
    "  -r, --redis URI          default: redis://localhost; password also "
    "from\n"
    "                           the environment variable "
    "SEGMON_REDIS_PASSWORD\n"
    "      --sensor NAME,...    these; default: all\n"
    "  -d, --delay SECONDS      between two looks, 0.1 to 3600; default: 1\n"
    "      --view NAME          begin with pairs, violations, sensors or "
    "losses;\n"
    "                           with --batch only that; default: all of them\n"
    "  -b, --batch              print plain text\n"
    "  -n, --count N            so many times, with --batch; default: 1\n"
    "  -h, --help\n";

enum top_option {
    OPTION_SENSOR = 256,
    OPTION_VIEW
};

static const struct option long_options[] = {
    {"redis", required_argument, NULL, 'r'},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"delay", required_argument, NULL, 'd'},
    {"view", required_argument, NULL, OPTION_VIEW},
    {"batch", no_argument, NULL, 'b'},
    {"count", required_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static bool take(struct top_options *, int option, const char *value);
static bool take_value(struct top_options *, int option, const char *value);
static bool set_delay(struct top_options *, const char *value);
static bool set_redis(struct top_options *, const char *uri);

enum top_parse
top_options_parse(struct top_options *options, int argc, char *argv[])
{
    int option;

    *options = (struct top_options){.delay_ns = SECOND_NS, .n_times = 1};
    if (!set_redis(options, "redis://localhost")) {
        return TOP_USAGE;
    }
    optind = 0;
    while ((option = getopt_long(argc, argv, "r:d:bn:h", long_options, NULL)) !=
           -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return TOP_HELP;
        }
        if (option == '?') {
            fputs("see 'segmon top --help'\n", stderr);
            return TOP_USAGE;
        }
        if (!take(options, option, optarg)) {
            return TOP_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "segmon top: '%s' is no option; see --help\n",
                argv[optind]);
        return TOP_USAGE;
    }
    return TOP_RUN;
}

void
top_options_done(struct top_options *options)
{
    sensor_names_done(&options->sensors);
    explicit_bzero(&options->poll.server, sizeof options->poll.server);
}

/* False, and told, if the value is not good. */
static bool
take(struct top_options *options, int option, const char *value)
{
    if (option == 'r') {
        return set_redis(options, value);
    }
    if (!take_value(options, option, value)) {
        fprintf(stderr, "segmon top: bad value '%s'; see --help\n", value);
        return false;
    }
    return true;
}

static bool
take_value(struct top_options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_SENSOR:
        return sensor_names_parse(&options->sensors, value,
                                  &options->poll.sensors);
    case OPTION_VIEW:
        options->has_page = true;
        return top_page_parse(value, &options->page);
    case 'd': return set_delay(options, value);
    case 'b': options->batch = true; return true;
    case 'n': return session_parse_count(value, UINT64_MAX, &options->n_times);
    default: return false;
    }
}

static bool
set_delay(struct top_options *options, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (end == value || *end || !(seconds >= 0.1 && seconds <= 3600)) {
        return false;
    }
    options->delay_ns = (int64_t)(seconds * SECOND_NS);
    return true;
}

/* Tells what is wrong itself: it must not repeat a password. */
static bool
set_redis(struct top_options *options, const char *uri)
{
    struct error error;
    char text[800];

    if (redis_target_parse(uri, &options->poll.server, &error)) {
        return true;
    }
    error_format(&error, text, sizeof text);
    fprintf(stderr, "segmon top: --redis: %s\n", text);
    return false;
}

/* The command line of a run; see session.h. */

#include "capture/error.h"
#include "dissect/application.h"
#include "tools/commands/session.h"
#include "tools/output/redis_uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_MAX_FLOWS = 1000000
};

static bool take(struct session_options *, const struct session_syntax *,
                 int option, const char *value);
static bool set_plain(struct session_options *, int option, const char *value);
static bool set_value(struct session_options *, int option, const char *value);
static bool parse_duplicates(const char *text, enum flow_duplicates *);
static bool set_redis(struct session_options *, const char *command,
                      const char *text);
static void tell_bad_value(const struct session_syntax *, int option,
                           const char *value);

struct session_options
session_default_options(void)
{
    return (struct session_options){
        .sensor = "lab",
        .events = EVENT_ALL_KINDS,
        .workers = 1,
        .inspect = true,
        .decapsulate = true,
        .max_flows = DEFAULT_MAX_FLOWS,
        .dpi_bytes = APPLICATION_DEFAULT_BYTES,
    };
}

enum session_parse
session_options_parse(struct session_options *options,
                      const struct session_syntax *syntax, int argc,
                      char *argv[])
{
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, syntax->short_options,
                                 syntax->long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(syntax->help, stdout);
            return SESSION_HELP;
        }
        if (option == '?') {
            fprintf(stderr, "see 'segmon %s --help'\n", syntax->command);
            return SESSION_USAGE;
        }
        if (!take(options, syntax, option, optarg)) {
            return SESSION_USAGE;
        }
    }
    return SESSION_RUN;
}

/* False, and told, if the value is not good. */
static bool
take(struct session_options *options, const struct session_syntax *syntax,
     int option, const char *value)
{
    if (option == 'r') {
        return set_redis(options, syntax->command, value);
    }
    if (set_plain(options, option, value) ||
        set_value(options, option, value) ||
        syntax->set(syntax->context, option, value)) {
        return true;
    }
    tell_bad_value(syntax, option, value);
    return false;
}

/* Options that only name or switch something; false if it is not one. */
static bool
set_plain(struct session_options *options, int option, const char *value)
{
    switch (option) {
    case 'p': options->policy = value; return true;
    case 'o': options->output = value; return true;
    case 'f': options->filter = value; return true;
    case 'q': options->quiet = true; return true;
    case SESSION_OPTION_NO_DPI: options->inspect = false; return true;
    case SESSION_OPTION_NO_DECAPSULATION:
        options->decapsulate = false;
        return true;
    case SESSION_OPTION_TEREDO: options->teredo = true; return true;
    default: return false;
    }
}

/* Options whose value has to be understood; false if it is not, or it is
 * another option. */
static bool
set_value(struct session_options *options, int option, const char *value)
{
    uint64_t number = 0;
    bool good;

    switch (option) {
    case 'e': return event_kinds_parse(value, &options->events);
    case 'w':
        good = session_parse_count(value, PIPELINE_MAX_WORKERS, &number);
        options->workers = (unsigned)number;
        return good;
    case SESSION_OPTION_SENSOR:
        options->sensor = value;
        return event_sensor_ok(value);
    case SESSION_OPTION_MAX_FLOWS:
        good = session_parse_count(value, UINT32_MAX / 2, &number);
        options->max_flows = (size_t)number;
        return good;
    case SESSION_OPTION_MEMORY:
        good = session_parse_size(value, &number);
        options->memory_bytes = (size_t)number;
        return good;
    case SESSION_OPTION_DPI_MEMORY:
        good = session_parse_size(value, &number);
        options->dpi_bytes = (size_t)number;
        return good && number >= APPLICATION_LEAST_BYTES;
    case SESSION_OPTION_DUPLICATES:
        return parse_duplicates(value, &options->duplicates);
    default: return false;
    }
}

static bool
parse_duplicates(const char *text, enum flow_duplicates *duplicates)
{
    bool drop = strcmp(text, "drop") == 0;

    *duplicates = drop ? FLOW_DUPLICATES_DROP : FLOW_DUPLICATES_MARK;
    return drop || strcmp(text, "mark") == 0;
}

/* Here, so that a mistyped URI is a mistake of usage, not a server down. */
static bool
set_redis(struct session_options *options, const char *command,
          const char *text)
{
    struct redis_uri uri;
    struct error error;
    bool good = redis_uri_parse(text, &uri, &error);

    if (!good) {
        fprintf(stderr, "segmon %s: --redis: %s\n", command, error.message);
    }
    options->redis = text;
    explicit_bzero(&uri, sizeof uri);
    return good;
}

static void
tell_bad_value(const struct session_syntax *syntax, int option,
               const char *value)
{
    const struct option *known = syntax->long_options;

    while (known->name && known->val != option) {
        known++;
    }
    fprintf(stderr, "segmon %s: '%s' is not a value --%s takes; see --help\n",
            syntax->command, value, known->name);
}

bool
session_parse_count(const char *text, uint64_t max, uint64_t *count)
{
    char *end;

    errno = 0;
    *count = strtoull(text, &end, 10);
    return !errno && text[0] >= '0' && text[0] <= '9' && !*end && *count > 0 &&
           *count <= max;
}

bool
session_parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMGT";
    char number[24];
    size_t length = strlen(text);
    const char *unit;
    unsigned shift = 0;

    if (length == 0 || length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length + 1);
    unit = strchr(units, number[length - 1]);
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        number[length - 1] = '\0';
    }
    if (!session_parse_count(number, UINT64_MAX >> shift, size)) {
        return false;
    }
    *size <<= shift;
    return true;
}

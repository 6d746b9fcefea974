/* The command line of 'segmon replay'; see replay_options.h. */

#include "tools/commands/replay_options.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "tools/output/event.h"
#include "tools/output/redis_uri.h"
#include "tools/runtime/pipeline.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: segmon replay [OPTION]... FILE...\n"
    "\n"
    "Reconstructs the conversations in capture files (pcap or pcapng, plain,\n"
    "gzip or zstd; '-' is standard input, a folder its captures in order of\n"
    "time), classifies their applications, and judges them.\n"
    "\n"
    "  -p, --policy FILE        judge against this policy; without, observe\n"
    "  -o, --output FILE|-      write events as NDJSON\n"
    "  -r, --redis URI          write events to Redis streams:\n"
    "                           redis://[USER[:PASSWORD]@]HOST[:PORT][/DB] or\n"
    "                           unix:///PATH; password also from the\n"
    "                           environment variable SEGMON_REDIS_PASSWORD\n"
    "  -e, --events KIND,...    flow, violation, status; default: all\n"
    "      --sensor NAME        name in the events; default: lab\n"
    "  -f, --filter EXPRESSION  only frames this BPF expression matches\n"
    "  -k, --keep-going         after a damaged file go on with the next\n"
    "  -w, --workers N          threads that do the work; default: 1\n"
    "      --no-dpi             do not classify applications\n"
    "      --no-decapsulation   judge tunnels, not what is inside them\n"
    "      --teredo             look inside Teredo too\n"
    "      --duplicates HOW     mark (default): count copies of a packet with\n"
    "                           the rest; drop: count them apart only\n"
    "      --max-flows N        conversations alive at once; default: 1000000\n"
    "      --memory SIZE        of the flow table, such as 512M or 2G;\n"
    "                           default: no limit but --max-flows\n"
    "      --dpi-memory SIZE    of classifying applications, what nDPI keeps "
    "of\n"
    "                           conversations included; default: 128M\n"
    "      --fail-on-violation  exit with status 3 when there are violations, "
    "or\n"
    "                           detectors found more than 'info'\n"
    "      --expect FILE        exit with status 1, and tell the differences,\n"
    "                           unless the violations are those in FILE, one "
    "a\n"
    "                           line: RULE SRC DST SERVICE OUTCOME [REASON];\n"
    "                           '*' is anything, '#' begins a comment\n"
    "      --expect-write FILE|-\n"
    "                           write such a file of the violations there are\n"
    "      --coverage FILE|-    write which rules and which pairs of segments\n"
    "                           the flows exercise; JSON lines if the name of\n"
    "                           FILE ends in .json, else text\n"
    "  -q, --quiet              no summary, no progress line\n"
    "  -h, --help\n";

enum long_only {
    OPTION_SENSOR = 256,
    OPTION_NO_DPI,
    OPTION_NO_DECAPSULATION,
    OPTION_TEREDO,
    OPTION_DUPLICATES,
    OPTION_MAX_FLOWS,
    OPTION_MEMORY,
    OPTION_DPI_MEMORY,
    OPTION_FAIL_ON_VIOLATION,
    OPTION_EXPECT,
    OPTION_EXPECT_WRITE,
    OPTION_COVERAGE
};

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"output", required_argument, NULL, 'o'},
    {"redis", required_argument, NULL, 'r'},
    {"events", required_argument, NULL, 'e'},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"filter", required_argument, NULL, 'f'},
    {"keep-going", no_argument, NULL, 'k'},
    {"workers", required_argument, NULL, 'w'},
    {"no-dpi", no_argument, NULL, OPTION_NO_DPI},
    {"no-decapsulation", no_argument, NULL, OPTION_NO_DECAPSULATION},
    {"teredo", no_argument, NULL, OPTION_TEREDO},
    {"duplicates", required_argument, NULL, OPTION_DUPLICATES},
    {"max-flows", required_argument, NULL, OPTION_MAX_FLOWS},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"dpi-memory", required_argument, NULL, OPTION_DPI_MEMORY},
    {"fail-on-violation", no_argument, NULL, OPTION_FAIL_ON_VIOLATION},
    {"expect", required_argument, NULL, OPTION_EXPECT},
    {"expect-write", required_argument, NULL, OPTION_EXPECT_WRITE},
    {"coverage", required_argument, NULL, OPTION_COVERAGE},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

enum {
    DEFAULT_MAX_FLOWS = 1000000
};

static bool options_agree(const struct replay_options *);
static bool set_file_option(struct replay_options *, int option,
                            const char *value);
static bool set_value(struct replay_options *, int option, const char *value);
static bool set_redis(struct replay_options *, const char *text);
static void tell_bad_value(int option, const char *value);
static bool parse_count(const char *text, uint64_t max, uint64_t *count);
static bool parse_size(const char *text, uint64_t *size);

enum replay_parse
replay_options_parse(struct replay_options *options, int argc, char *argv[])
{
    int option;

    *options = (struct replay_options){
        .sensor = "lab",
        .events = EVENT_ALL_KINDS,
        .workers = 1,
        .inspect = true,
        .decapsulate = true,
        .max_flows = DEFAULT_MAX_FLOWS,
        .dpi_bytes = APPLICATION_DEFAULT_BYTES,
    };
    optind = 0;
    while ((option = getopt_long(argc, argv, "p:o:r:e:f:kw:qh", long_options,
                                 NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return REPLAY_HELP;
        }
        if (option == '?') {
            fputs("see 'segmon replay --help'\n", stderr);
            return REPLAY_USAGE;
        }
        if (!set_file_option(options, option, optarg) &&
            !set_value(options, option, optarg)) {
            return REPLAY_USAGE;
        }
    }
    options->files = argv + optind;
    options->n_files = (size_t)(argc - optind);
    if (options->n_files == 0) {
        fputs("segmon replay: no capture file given; see --help\n", stderr);
        return REPLAY_USAGE;
    }
    return options_agree(options) ? REPLAY_RUN : REPLAY_USAGE;
}

static bool
options_agree(const struct replay_options *options)
{
    const char *const outputs[] = {options->output, options->expect_write,
                                   options->coverage};
    size_t n_to_stdout = 0;

    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        n_to_stdout += outputs[i] && strcmp(outputs[i], "-") == 0;
    }
    if (n_to_stdout > 1) {
        fputs("segmon replay: only one option can write to '-'\n", stderr);
        return false;
    }
    if ((options->expect || options->expect_write || options->coverage) &&
        !options->policy) {
        fputs("segmon replay: --expect, --expect-write and --coverage need a "
              "policy\n",
              stderr);
        return false;
    }
    if (options->expect && options->fail_on_violation) {
        fputs("segmon replay: --expect says which violations are no failure; "
              "leave out --fail-on-violation\n",
              stderr);
        return false;
    }
    return true;
}

/* Options that only name or switch something; false if it is not one. */
static bool
set_file_option(struct replay_options *options, int option, const char *value)
{
    switch (option) {
    case 'p': options->policy = value; return true;
    case 'o': options->output = value; return true;
    case 'f': options->filter = value; return true;
    case 'k': options->keep_going = true; return true;
    case 'q': options->quiet = true; return true;
    case OPTION_NO_DPI: options->inspect = false; return true;
    case OPTION_NO_DECAPSULATION: options->decapsulate = false; return true;
    case OPTION_TEREDO: options->teredo = true; return true;
    case OPTION_EXPECT: options->expect = value; return true;
    case OPTION_EXPECT_WRITE: options->expect_write = value; return true;
    case OPTION_COVERAGE: options->coverage = value; return true;
    case OPTION_FAIL_ON_VIOLATION:
        options->fail_on_violation = true;
        return true;
    default: return false;
    }
}

/* Options whose value has to be understood; false, and told, if it is not. */
static bool
set_value(struct replay_options *options, int option, const char *value)
{
    uint64_t number = 0;
    bool good = true;

    switch (option) {
    case 'e': good = event_kinds_parse(value, &options->events); break;
    case 'r': return set_redis(options, value);
    case 'w':
        good = parse_count(value, PIPELINE_MAX_WORKERS, &number);
        options->workers = (unsigned)number;
        break;
    case OPTION_SENSOR:
        good = event_sensor_ok(value);
        options->sensor = value;
        break;
    case OPTION_MAX_FLOWS:
        good = parse_count(value, UINT32_MAX / 2, &number);
        options->max_flows = (size_t)number;
        break;
    case OPTION_MEMORY:
        good = parse_size(value, &number);
        options->memory_bytes = (size_t)number;
        break;
    case OPTION_DPI_MEMORY:
        good = parse_size(value, &number) && number >= APPLICATION_LEAST_BYTES;
        options->dpi_bytes = (size_t)number;
        break;
    case OPTION_DUPLICATES:
        good = strcmp(value, "mark") == 0 || strcmp(value, "drop") == 0;
        options->duplicates = strcmp(value, "drop") == 0 ? FLOW_DUPLICATES_DROP
                                                         : FLOW_DUPLICATES_MARK;
        break;
    default: good = false; break;
    }
    if (!good) {
        tell_bad_value(option, value);
    }
    return good;
}

/* Here, so that a mistyped URI is a mistake of usage, not a server down. */
static bool
set_redis(struct replay_options *options, const char *text)
{
    struct redis_uri uri;
    struct error error;
    bool good = redis_uri_parse(text, &uri, &error);

    if (!good) {
        fprintf(stderr, "segmon replay: --redis: %s\n", error.message);
    }
    options->redis = text;
    explicit_bzero(&uri, sizeof uri);
    return good;
}

static void
tell_bad_value(int option, const char *value)
{
    const struct option *known = long_options;

    while (known->name && known->val != option) {
        known++;
    }
    fprintf(stderr,
            "segmon replay: '%s' is not a value --%s takes; see --help\n",
            value, known->name);
}

static bool
parse_count(const char *text, uint64_t max, uint64_t *count)
{
    char *end;

    errno = 0;
    *count = strtoull(text, &end, 10);
    return !errno && text[0] >= '0' && text[0] <= '9' && !*end && *count > 0 &&
           *count <= max;
}

static bool
parse_size(const char *text, uint64_t *size)
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
    if (!parse_count(number, UINT64_MAX >> shift, size)) {
        return false;
    }
    *size <<= shift;
    return true;
}

/* The command line of 'segmon run'; see run_options.h. */

#include "tools/commands/run_options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: segmon run -i INTERFACE[,...] [OPTION]...\n"
    "\n"
    "Reconstructs the conversations that come by on network interfaces, such\n"
    "as span ports, classifies their applications, and judges them, until it\n"
    "is stopped by SIGINT or SIGTERM.\n"
    "\n"
    "  -i, --interface NAME,... capture here; at most 8\n"
    "  -p, --policy FILE        judge against this policy; without, observe;\n"
    "                           SIGHUP reads it again\n" SESSION_HELP_OUTPUTS
    "      --sensor NAME        name in the events; default: the host's\n"
    "      --heartbeat SECONDS  between two status events; default: 60\n"
    "  -f, --filter EXPRESSION  only frames this BPF expression matches, with\n"
    "                           VLAN tags or without\n"
    "      --buffer SIZE        of the kernel's ring, for each worker and\n"
    "                           interface; default: 64M\n"
    "      --snaplen BYTES      kept of a frame; default: 65535\n"
    "      --no-promiscuous     only what the interface takes by "
    "itself\n" SESSION_HELP_WORK
    "      --user NAME          become this user, with CAP_NET_RAW alone\n"
    "      --no-sandbox         allow debuggers, core dumps and all system "
    "calls\n"
    "      --duration SECONDS   stop after so long\n"
    "  -c, --count N            stop after so many frames, or a few more\n"
    "      --log-level LEVEL    tell this, and what is more urgent: error,\n"
    "                           warning, notice, info (default), debug\n"
    "  -q, --quiet              tell nothing but failures\n"
    "  -h, --help\n";

enum run_option {
    OPTION_HEARTBEAT = SESSION_OPTION_FIRST_OTHER,
    OPTION_BUFFER,
    OPTION_SNAPLEN,
    OPTION_NO_PROMISCUOUS,
    OPTION_DURATION,
    OPTION_LOG_LEVEL,
    OPTION_USER,
    OPTION_NO_SANDBOX
};

static const struct option long_options[] = {
    SESSION_LONG_OPTIONS,
    {"interface", required_argument, NULL, 'i'},
    {"heartbeat", required_argument, NULL, OPTION_HEARTBEAT},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"snaplen", required_argument, NULL, OPTION_SNAPLEN},
    {"no-promiscuous", no_argument, NULL, OPTION_NO_PROMISCUOUS},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"user", required_argument, NULL, OPTION_USER},
    {"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
    {"count", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0}};

enum {
    DEFAULT_BUFFER = 64 << 20,
    DEFAULT_SNAPLEN = 65535,
    MIN_SNAPLEN = 64, /* The headers of most packets. */
    DEFAULT_HEARTBEAT_S = 60,
    MAX_SECONDS = 1000000000
};

static bool set(void *context, int option, const char *value);
static bool set_interfaces(struct run_options *, const char *names);
static bool add_interface(struct run_options *, const char *start,
                          size_t length);
static bool set_buffer(struct run_options *, const char *value);
static bool set_snaplen(struct run_options *, const char *value);
static const char *host_name(char name[EVENT_MAX_SENSOR + 1]);

enum session_parse
run_options_parse(struct run_options *options, struct session_options *common,
                  int argc, char *argv[])
{
    const struct session_syntax syntax = {
        .command = "run",
        .help = help,
        .short_options = SESSION_SHORT_OPTIONS "i:c:",
        .long_options = long_options,
        .set = set,
        .context = options,
    };
    enum session_parse parsed;

    *options = (struct run_options){
        .buffer_bytes = DEFAULT_BUFFER,
        .snapshot = DEFAULT_SNAPLEN,
        .promiscuous = true,
        .sandbox = true,
        .heartbeat_s = DEFAULT_HEARTBEAT_S,
        .log_level = LOG_LEVEL_INFO,
    };
    *common = session_default_options();
    common->sensor = host_name(options->sensor);
    parsed = session_options_parse(common, &syntax, argc, argv);
    if (parsed == SESSION_RUN && optind < argc) {
        fprintf(stderr, "segmon run: '%s' is no option; see --help\n",
                argv[optind]);
        return SESSION_USAGE;
    }
    if (parsed == SESSION_RUN && options->n_interfaces == 0) {
        fputs("segmon run: no interface given; see --help\n", stderr);
        return SESSION_USAGE;
    }
    return parsed;
}

static bool
set(void *context, int option, const char *value)
{
    struct run_options *options = context;

    switch (option) {
    case 'i': return set_interfaces(options, value);
    case 'c': return session_parse_count(value, UINT64_MAX, &options->n_frames);
    case OPTION_HEARTBEAT:
        return session_parse_count(value, MAX_SECONDS, &options->heartbeat_s);
    case OPTION_DURATION:
        return session_parse_count(value, MAX_SECONDS, &options->duration_s);
    case OPTION_BUFFER: return set_buffer(options, value);
    case OPTION_SNAPLEN: return set_snaplen(options, value);
    case OPTION_LOG_LEVEL: return log_level_parse(value, &options->log_level);
    case OPTION_USER: options->user = value; return true;
    case OPTION_NO_SANDBOX: options->sandbox = false; return true;
    case OPTION_NO_PROMISCUOUS: options->promiscuous = false; return true;
    default: return false;
    }
}

static bool
set_interfaces(struct run_options *options, const char *names)
{
    bool good = true;

    while (good) {
        size_t length = strcspn(names, ",");

        good = add_interface(options, names, length);
        if (!names[length]) {
            break;
        }
        names += length + 1;
    }
    return good;
}

/* Each at most once: two handles would see everything twice. */
static bool
add_interface(struct run_options *options, const char *start, size_t length)
{
    char name[IF_NAMESIZE] = "";

    if (length == 0 || length >= sizeof name ||
        options->n_interfaces == LIVE_MAX_INTERFACES) {
        return false;
    }
    memcpy(name, start, length);
    for (size_t i = 0; i < options->n_interfaces; i++) {
        if (strcmp(options->interfaces[i], name) == 0) {
            return false;
        }
    }
    memcpy(options->interfaces[options->n_interfaces++], name, sizeof name);
    return true;
}

static bool
set_buffer(struct run_options *options, const char *value)
{
    uint64_t size;
    bool good = session_parse_size(value, &size) &&
                size >= SOURCE_LIVE_MIN_BUFFER &&
                size <= SOURCE_LIVE_MAX_BUFFER;

    if (good) {
        options->buffer_bytes = (size_t)size;
    }
    return good;
}

static bool
set_snaplen(struct run_options *options, const char *value)
{
    uint64_t size;
    bool good = session_parse_count(value, SOURCE_MAX_FRAME_BYTES, &size) &&
                size >= MIN_SNAPLEN;

    if (good) {
        options->snapshot = (uint32_t)size;
    }
    return good;
}

static const char *
host_name(char name[EVENT_MAX_SENSOR + 1])
{
    if (gethostname(name, EVENT_MAX_SENSOR) != 0) {
        return "sensor";
    }
    name[EVENT_MAX_SENSOR] = '\0';
    return event_sensor_ok(name) ? name : "sensor";
}

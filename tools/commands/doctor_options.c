/* See doctor_options.h. */

#include "tools/commands/doctor_options.h"

#include "capture/error.h"
#include "capture/source.h"
#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/redis_target.h"
#include "tools/commands/session.h"
#include "tools/redis/redis_password.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: segmon doctor [-C FILE] [OPTION]...\n"
    "\n"
    "Examines what a sensor depends on, and says what is wrong, why that\n"
    "matters, and what puts it right: interfaces, what comes by there, the\n"
    "clock, the machine, and Redis servers.\n"
    "\n"
    "  -C, --config FILE        the sensor's settings, as in segmon.yaml(5); "
    "if\n"
    "                           none of -i, -r and -o is given,\n"
    "                           " SETTINGS_DEFAULT_PATH " if it exists.\n"
    "                           The other options win over it\n"
    "  -i, --interface NAME,... examine these, and capture; at most 8\n"
    "  -s, --seconds N          capture so long; default: 10\n"
    "      --snaplen BYTES      that the sensor keeps of a frame; default: "
    "65535\n"
    "  -r, --redis URI          examine this server, as the user that it "
    "names;\n"
    "                           password also from the file or variable\n"
    "                           SEGMON_REDIS_PASSWORD[_FILE]\n"
    "      --sensor NAME        whose streams; default: the host's name\n"
    "      --idle SECONDS       after so long a reader is gone; default: 300\n"
    "  -o, --output FILE        that the sensor writes events to\n"
    "      --ignore CODE,...    leave out these findings\n"
    "  -j, --json               one JSON document\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 nothing wrong, 1 something could not be examined, 2 "
    "usage,\n"
    "4 the worst is a warning, 5 the worst is critical.\n";

enum {
    OPTION_SNAPLEN = 256,
    OPTION_SENSOR,
    OPTION_IDLE,
    OPTION_IGNORE,
    DEFAULT_SECONDS = 10,
    DEFAULT_IDLE_S = 300,
    MAX_SECONDS = 3600,
    MAX_IDLE_S = 1000000,
    MIN_SNAPLEN = 64
};

/* What was given. */
struct given {
    struct doctor_request *request;
    struct diagnosis *diagnosis;
    const char *redis, *sensor;
    uint64_t snaplen;
};

static int take_option(struct given *, int option, const char *value);
static int take_number(struct given *, int option, const char *value);
static bool add_interfaces(struct doctor_request *, const char *names);
static bool add_interface(struct doctor_request *, const char *name,
                          size_t length);
static int finish(struct given *);
static bool load_settings(struct given *);
static void take_capture(struct doctor_request *);
static int take_outputs(struct given *);
static bool is_redis(const char *target);
static int add_server(struct given *, const char *uri,
                      const char *password_file);
static int refuse(const char *why);

int
doctor_options_parse(struct doctor_request *request,
                     struct diagnosis *diagnosis, int argc, char *argv[])
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'C'},
        {"interface", required_argument, NULL, 'i'},
        {"seconds", required_argument, NULL, 's'},
        {"snaplen", required_argument, NULL, OPTION_SNAPLEN},
        {"redis", required_argument, NULL, 'r'},
        {"sensor", required_argument, NULL, OPTION_SENSOR},
        {"idle", required_argument, NULL, OPTION_IDLE},
        {"output", required_argument, NULL, 'o'},
        {"ignore", required_argument, NULL, OPTION_IGNORE},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    struct given given = {.request = request, .diagnosis = diagnosis};
    int option, status = -1;

    request->idle_ms = UINT64_C(1000) * DEFAULT_IDLE_S;
    request->options = (struct doctor_options){
        .interfaces = request->interfaces,
        .servers = request->servers,
        .duration_ns = DEFAULT_SECONDS * SECOND_NS,
    };
    optind = 0;
    while (status < 0 && (option = getopt_long(argc, argv, "C:i:s:r:o:jh",
                                               options, NULL)) != -1) {
        status = take_option(&given, option, optarg);
    }
    if (status < 0 && optind < argc) {
        return refuse("an argument is too much");
    }
    return status < 0 ? finish(&given) : status;
}

void
doctor_options_done(struct doctor_request *request)
{
    explicit_bzero(request->servers, sizeof request->servers);
}

static int
take_option(struct given *given, int option, const char *value)
{
    struct doctor_request *request = given->request;

    switch (option) {
    case 'C': request->config = value; return -1;
    case 'i':
        return add_interfaces(request, value)
                   ? -1
                   : refuse("--interface takes names, each once, at most 8");
    case 'r': given->redis = value; return -1;
    case 'o': request->options.output = value; return -1;
    case 'j': request->json = true; return -1;
    case 'h': fputs(help, stdout); return COMMAND_OK;
    case OPTION_SENSOR:
        given->sensor = value;
        return event_sensor_ok(value) ? -1
                                      : refuse("--sensor takes another name");
    case OPTION_IGNORE:
        return diagnosis_ignore(given->diagnosis, value)
                   ? -1
                   : refuse("--ignore takes codes such as D-LINK-GRO");
    default: return take_number(given, option, value);
    }
}

static int
take_number(struct given *given, int option, const char *value)
{
    struct doctor_request *request = given->request;
    uint64_t number;

    switch (option) {
    case 's':
        if (!session_parse_count(value, MAX_SECONDS, &number)) {
            return refuse("--seconds takes a number from 1 to 3600");
        }
        request->options.duration_ns = (int64_t)number * SECOND_NS;
        return -1;
    case OPTION_SNAPLEN:
        if (!session_parse_count(value, SOURCE_MAX_FRAME_BYTES, &number) ||
            number < MIN_SNAPLEN) {
            return refuse("--snaplen takes a number from 64 to 262144");
        }
        given->snaplen = number;
        return -1;
    case OPTION_IDLE:
        if (!session_parse_count(value, MAX_IDLE_S, &number)) {
            return refuse("--idle takes a number from 1 to 1000000");
        }
        request->idle_ms = number * 1000;
        return -1;
    default:
        fputs("see 'segmon doctor --help'\n", stderr);
        return COMMAND_USAGE;
    }
}

static bool
add_interfaces(struct doctor_request *request, const char *names)
{
    for (;;) {
        size_t length = strcspn(names, ",");

        if (!add_interface(request, names, length)) {
            return false;
        }
        if (!names[length]) {
            return true;
        }
        names += length + 1;
    }
}

/* Each once: two handles would see everything twice. */
static bool
add_interface(struct doctor_request *request, const char *name, size_t length)
{
    size_t n = request->options.n_interfaces;

    if (length == 0 || length >= IF_NAMESIZE || n == TRAFFIC_MAX_INTERFACES) {
        return false;
    }
    memcpy(request->names[n], name, length);
    request->interfaces[n] = request->names[n];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(request->names[i], request->names[n]) == 0) {
            return false;
        }
    }
    request->options.n_interfaces++;
    return true;
}

static int
finish(struct given *given)
{
    struct doctor_request *request = given->request;
    struct doctor_options *options = &request->options;
    bool is_bare = options->n_interfaces == 0 && !given->redis &&
                   !options->output && !request->config;

    if (is_bare && access(SETTINGS_DEFAULT_PATH, F_OK) == 0) {
        request->config = SETTINGS_DEFAULT_PATH;
    }
    if (!load_settings(given)) {
        return COMMAND_USAGE;
    }
    options->snapshot =
        (uint32_t)(given->snaplen ? given->snaplen
                                  : request->settings.capture.snaplen);
    options->memory_bytes = request->settings.memory_bytes;
    take_capture(request);
    return given->redis ? add_server(given, given->redis, "")
                        : take_outputs(given);
}

/* The command line has its own mistakes, so it is no part of the settings but
 * for the name, which may be the host's. */
static bool
load_settings(struct given *given)
{
    const struct settings_override sensor = {"--sensor", "sensor",
                                             given->sensor};
    const struct settings_source source = {
        .path = given->request->config,
        .live = true,
        .overrides = &sensor,
        .n_overrides = given->sensor ? 1 : 0,
    };
    struct problems problems;
    bool good;

    problems_init(&problems);
    good = settings_load(&given->request->settings, &source, &problems);
    problems_print(&problems, stderr);
    problems_done(&problems);
    return good;
}

/* What the command line left open. */
static void
take_capture(struct doctor_request *request)
{
    const struct settings *settings = &request->settings;

    if (request->options.n_interfaces > 0) {
        return;
    }
    for (size_t i = 0; i < settings->capture.n_interfaces; i++) {
        add_interfaces(request, settings->capture.interfaces[i]);
    }
}

static int
take_outputs(struct given *given)
{
    struct doctor_request *request = given->request;
    const struct settings *settings = &request->settings;
    int status = -1;

    for (size_t i = 0; status < 0 && i < settings->n_outputs; i++) {
        const struct settings_output *output = &settings->outputs[i];

        if (is_redis(output->target)) {
            status = add_server(given, output->target, output->password_file);
        } else if (!request->options.output &&
                   strcmp(output->target, "-") != 0) {
            request->options.output = output->target;
        }
    }
    return status;
}

static bool
is_redis(const char *target)
{
    return strncmp(target, "redis://", 8) == 0 ||
           strncmp(target, "unix://", 7) == 0;
}

static int
add_server(struct given *given, const char *uri, const char *password_file)
{
    struct doctor_request *request = given->request;
    struct redis_examine_options *server =
        &request->servers[request->options.n_servers];
    struct error error;

    if (request->options.n_servers == DOCTOR_MAX_SERVERS) {
        return refuse("at most 4 Redis servers");
    }
    if (!redis_target_parse(uri, &server->uri, &error) ||
        (password_file[0] &&
         !redis_password_read(&server->uri, password_file, &error))) {
        return refuse(error.message);
    }
    server->sensor = request->settings.sensor;
    server->idle_ms = request->idle_ms;
    request->options.n_servers++;
    return -1;
}

static int
refuse(const char *why)
{
    fprintf(stderr, "segmon doctor: %s; see --help\n", why);
    return COMMAND_USAGE;
}

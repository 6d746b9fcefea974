/* segmon doctor: is all well with what a sensor depends on? */

#include "capture/error.h"
#include "capture/source.h"
#include "tools/commands/command.h"
#include "tools/commands/session.h"
#include "tools/doctor/doctor.h"
#include "tools/doctor/doctor_json.h"
#include "tools/doctor/doctor_text.h"
#include "tools/output/json.h"

#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: segmon doctor [OPTION]...\n"
    "\n"
    "Examines what a sensor depends on, and says what is wrong, why that\n"
    "matters, and what puts it right: interfaces, what comes by there, the\n"
    "clock, and the machine.\n"
    "\n"
    "  -i, --interface NAME,... examine these, and capture; at most 8\n"
    "  -s, --seconds N          capture so long; default: 10\n"
    "      --snaplen BYTES      that the sensor keeps of a frame; default: "
    "65535\n"
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
    OPTION_IGNORE,
    DEFAULT_SECONDS = 10,
    MAX_SECONDS = 3600,
    DEFAULT_SNAPLEN = 65535,
    MIN_SNAPLEN = 64,
    MAX_DOCUMENT = 4 << 20
};

struct request {
    struct doctor_options options;
    char names[TRAFFIC_MAX_INTERFACES][IF_NAMESIZE];
    const char *interfaces[TRAFFIC_MAX_INTERFACES];
    bool json;
    struct doctor doctor;
};

static int parse(struct request *, int argc, char *argv[]);
static int take_option(struct request *, int option, const char *value);
static bool add_interfaces(struct request *, const char *names);
static bool add_interface(struct request *, const char *name, size_t length);
static int refuse(const char *why);
static int examine(struct request *);
static int status_of(const struct diagnosis *);
static bool tell(const struct request *, int status);

int
command_doctor(int argc, char *argv[])
{
    struct request *request = calloc(1, sizeof *request);
    int status;

    if (!request) {
        fputs("segmon doctor: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    status = parse(request, argc, argv);
    if (status < 0) {
        status = examine(request);
    }
    free(request);
    return status;
}

/* Returns an exit status, or -1 to go on. */
static int
parse(struct request *request, int argc, char *argv[])
{
    static const struct option options[] = {
        {"interface", required_argument, NULL, 'i'},
        {"seconds", required_argument, NULL, 's'},
        {"snaplen", required_argument, NULL, OPTION_SNAPLEN},
        {"output", required_argument, NULL, 'o'},
        {"ignore", required_argument, NULL, OPTION_IGNORE},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option, status = -1;

    diagnosis_init(&request->doctor.diagnosis);
    request->options = (struct doctor_options){
        .interfaces = request->interfaces,
        .duration_ns = DEFAULT_SECONDS * SECOND_NS,
        .snapshot = DEFAULT_SNAPLEN,
    };
    optind = 0;
    while (status < 0 && (option = getopt_long(argc, argv, "i:s:o:jh", options,
                                               NULL)) != -1) {
        status = take_option(request, option, optarg);
    }
    return status < 0 && optind < argc ? refuse("an argument is too much")
                                       : status;
}

static int
take_option(struct request *request, int option, const char *value)
{
    struct doctor_options *options = &request->options;
    uint64_t number;

    switch (option) {
    case 'i':
        return add_interfaces(request, value)
                   ? -1
                   : refuse("--interface takes names, each once, at most 8");
    case 's':
        if (!session_parse_count(value, MAX_SECONDS, &number)) {
            return refuse("--seconds takes a number from 1 to 3600");
        }
        options->duration_ns = (int64_t)number * SECOND_NS;
        return -1;
    case OPTION_SNAPLEN:
        if (!session_parse_count(value, SOURCE_MAX_FRAME_BYTES, &number) ||
            number < MIN_SNAPLEN) {
            return refuse("--snaplen takes a number from 64 to 262144");
        }
        options->snapshot = (uint32_t)number;
        return -1;
    case OPTION_IGNORE:
        return diagnosis_ignore(&request->doctor.diagnosis, value)
                   ? -1
                   : refuse("--ignore takes codes such as D-LINK-GRO");
    case 'o': options->output = value; return -1;
    case 'j': request->json = true; return -1;
    case 'h': fputs(help, stdout); return COMMAND_OK;
    default:
        fputs("see 'segmon doctor --help'\n", stderr);
        return COMMAND_USAGE;
    }
}

static bool
add_interfaces(struct request *request, const char *names)
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
add_interface(struct request *request, const char *name, size_t length)
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
refuse(const char *why)
{
    fprintf(stderr, "segmon doctor: %s; see --help\n", why);
    return COMMAND_USAGE;
}

static int
examine(struct request *request)
{
    struct doctor *doctor = &request->doctor;
    const atomic_int *stop = session_watch_stop();
    struct error error;
    int status;

    request->options.stop = stop;
    if (!doctor_examine(doctor, &request->options, &error)) {
        fprintf(stderr, "segmon doctor: %s\n", error.message);
        return COMMAND_FAILED;
    }
    status = status_of(&doctor->diagnosis);
    if (*stop) {
        status = COMMAND_SIGNALLED + *stop;
    }
    if (!tell(request, status)) {
        fputs("segmon doctor: out of memory\n", stderr);
        status = COMMAND_FAILED;
    }
    doctor_done(doctor);
    return status;
}

/* What is critical is so whatever else there is; but where something could not
 * be examined, a warning need not be the worst. */
static int
status_of(const struct diagnosis *diagnosis)
{
    if (diagnosis->worst == DIAGNOSIS_CRITICAL) {
        return COMMAND_CRITICAL;
    }
    if (diagnosis->is_incomplete) {
        return COMMAND_FAILED;
    }
    return diagnosis->worst == DIAGNOSIS_WARNING ? COMMAND_WARNING : COMMAND_OK;
}

static bool
tell(const struct request *request, int status)
{
    const char *no_color = getenv("NO_COLOR");
    bool color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
    struct json json;
    bool good;

    if (!request->json) {
        doctor_print(&request->doctor, color, stdout);
        return true;
    }
    json_init(&json, MAX_DOCUMENT);
    doctor_write_json(&request->doctor, SEGMON_VERSION, status, &json);
    good = !json.failed;
    if (good) {
        fwrite(json.data, 1, json.size, stdout);
    }
    json_done(&json);
    return good;
}

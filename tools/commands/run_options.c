/* The command line of 'segmon run'; see run_options.h. */

#include "tools/commands/run_options.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
    "usage: segmon run -i INTERFACE[,...] [OPTION]...\n"
    "       segmon run [-C FILE] [OPTION]...\n"
    "\n"
    "Reconstructs the conversations that come by on network interfaces, such\n"
    "as span ports, classifies their applications, and judges them, until it\n"
    "is stopped by SIGINT or SIGTERM.\n"
    "\n"
    "  -C, --config FILE        settings, as in segmon.yaml(5); without -i,\n"
    "                           " SETTINGS_DEFAULT_PATH " if it exists.\n"
    "                           The other options win over it.  SIGHUP reads\n"
    "                           it, and the policy, again\n"
    "  -i, --interface NAME,... capture here; at most 8\n"
    "  -p, --policy FILE        judge against this policy; without, "
    "observe\n" SESSION_HELP_OUTPUTS
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
    "      --duration SECONDS   stop after so long\n"
    "  -c, --count N            stop after so many frames, or a few more\n"
    "      --metrics [ADDRESS:]PORT\n"
    "                           serve metrics for Prometheus, and health, "
    "over\n"
    "                           HTTP; without an address, to this machine "
    "only\n"
    "      --log-level LEVEL    tell this, and what is more urgent: error,\n"
    "                           warning, notice, info (default), debug\n"
    "  -q, --quiet              tell nothing but failures\n"
    "  -h, --help\n";

enum run_option {
    OPTION_DURATION = SESSION_OPTION_FIRST_OTHER
};

static const struct option long_options[] = {
    SESSION_LONG_OPTIONS,
    {"config", required_argument, NULL, 'C'},
    {"interface", required_argument, NULL, 'i'},
    {"heartbeat", required_argument, NULL, SESSION_OPTION_HEARTBEAT},
    {"buffer", required_argument, NULL, SESSION_OPTION_BUFFER},
    {"snaplen", required_argument, NULL, SESSION_OPTION_SNAPLEN},
    {"no-promiscuous", no_argument, NULL, SESSION_OPTION_NO_PROMISCUOUS},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"log-level", required_argument, NULL, SESSION_OPTION_LOG_LEVEL},
    {"metrics", required_argument, NULL, SESSION_OPTION_METRICS},
    {"user", required_argument, NULL, SESSION_OPTION_USER},
    {"count", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0}};

enum {
    MAX_SECONDS = 1000000000
};

static bool set(void *context, int option, const char *value);

enum session_parse
run_options_parse(struct run_options *options, struct session_options *common,
                  int argc, char *argv[])
{
    const struct session_syntax syntax = {
        .command = "run",
        .help = help,
        .short_options = SESSION_SHORT_OPTIONS "C:i:c:",
        .long_options = long_options,
        .set = set,
        .context = options,
    };
    enum session_parse parsed;

    *options = (struct run_options){.config = NULL};
    parsed = session_options_parse(common, &syntax, argc, argv);
    if (parsed == SESSION_RUN && optind < argc) {
        fprintf(stderr, "segmon run: '%s' is no option; see --help\n",
                argv[optind]);
        return SESSION_USAGE;
    }
    if (!options->config &&
        !session_options_set(common, "capture.interfaces") &&
        access(SETTINGS_DEFAULT_PATH, F_OK) == 0) {
        options->config = SETTINGS_DEFAULT_PATH;
    }
    return parsed;
}

static bool
set(void *context, int option, const char *value)
{
    struct run_options *options = context;

    switch (option) {
    case 'C': options->config = value; return true;
    case 'c': return session_parse_count(value, UINT64_MAX, &options->n_frames);
    case OPTION_DURATION:
        return session_parse_count(value, MAX_SECONDS, &options->duration_s);
    default: return false;
    }
}

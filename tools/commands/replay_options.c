/* The command line of 'segmon replay'; see replay_options.h. */

#include "tools/commands/replay_options.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: segmon replay [OPTION]... FILE...\n"
    "\n"
    "Reconstructs the conversations in capture files (pcap or pcapng, plain,\n"
    "gzip or zstd; '-' is standard input, a folder its captures in order of\n"
    "time), classifies their applications, and judges them.\n"
    "\n"
    "  -p, --policy FILE        judge against this policy; without, "
    "observe\n" SESSION_HELP_OUTPUTS
    "      --sensor NAME        name in the events; default: lab\n"
    "  -f, --filter EXPRESSION  only frames this BPF expression matches\n"
    "  -k, --keep-going         after a damaged file go on with the "
    "next\n" SESSION_HELP_WORK
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

enum replay_option {
    OPTION_FAIL_ON_VIOLATION = SESSION_OPTION_FIRST_OTHER,
    OPTION_EXPECT,
    OPTION_EXPECT_WRITE,
    OPTION_COVERAGE
};

static const struct option long_options[] = {
    SESSION_LONG_OPTIONS,
    {"keep-going", no_argument, NULL, 'k'},
    {"fail-on-violation", no_argument, NULL, OPTION_FAIL_ON_VIOLATION},
    {"expect", required_argument, NULL, OPTION_EXPECT},
    {"expect-write", required_argument, NULL, OPTION_EXPECT_WRITE},
    {"coverage", required_argument, NULL, OPTION_COVERAGE},
    {NULL, 0, NULL, 0}};

static bool set(void *context, int option, const char *value);
static bool is_stdout(const char *path);

enum session_parse
replay_options_parse(struct replay_options *options,
                     struct session_options *common, int argc, char *argv[])
{
    const struct session_syntax syntax = {
        .command = "replay",
        .help = help,
        .short_options = SESSION_SHORT_OPTIONS "k",
        .long_options = long_options,
        .set = set,
        .context = options,
    };
    enum session_parse parsed;

    *options = (struct replay_options){0};
    parsed = session_options_parse(common, &syntax, argc, argv);
    if (parsed != SESSION_RUN) {
        return parsed;
    }
    options->files = argv + optind;
    options->n_files = (size_t)(argc - optind);
    if (options->n_files == 0) {
        fputs("segmon replay: no capture file given; see --help\n", stderr);
        return SESSION_USAGE;
    }
    return SESSION_RUN;
}

/* None has a value that can be wrong. */
static bool
set(void *context, int option, const char *value)
{
    struct replay_options *options = context;

    switch (option) {
    case 'k': options->keep_going = true; return true;
    case OPTION_EXPECT: options->expect = value; return true;
    case OPTION_EXPECT_WRITE: options->expect_write = value; return true;
    case OPTION_COVERAGE: options->coverage = value; return true;
    case OPTION_FAIL_ON_VIOLATION:
        options->fail_on_violation = true;
        return true;
    default: return false;
    }
}

bool
replay_options_agree(const struct replay_options *options,
                     const struct settings *settings)
{
    size_t n_to_stdout =
        is_stdout(options->expect_write) + (size_t)is_stdout(options->coverage);

    for (size_t i = 0; i < settings->n_outputs; i++) {
        n_to_stdout += is_stdout(settings->outputs[i].target);
    }
    if (n_to_stdout > 1) {
        fputs("segmon replay: only one option can write to '-'\n", stderr);
        return false;
    }
    if ((options->expect || options->expect_write || options->coverage) &&
        !settings->policy[0]) {
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

static bool
is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

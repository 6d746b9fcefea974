/* segmon: the subcommands and their table. */

#include "tools/commands/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
    {"run", "watch network interfaces, and judge what comes by", command_run},
    {"replay", "judge capture files against a policy", command_replay},
    {"check", "look for mistakes in a policy", command_check},
    {"explain", "say what a policy decides about a flow, and why",
     command_explain},
    {"forward", "pass events on from Redis, and acknowledge them",
     command_forward},
    {"reconcile", "prove that nothing is missing or doubled in Redis",
     command_reconcile},
    {"doctor", "examine what a sensor depends on, span ports first",
     command_doctor},
    {"tail", "show events as they come in Redis", command_tail},
    {"top", "show sensors and what goes on between segments, live",
     command_top},
    {"schema", "print the JSON Schema of the events", command_schema},
};

static bool open_standard_streams(void);
static void print_usage(FILE *);

int
main(int argc, char *argv[])
{
    /* A peer that went away is an error from write(), not the end of us. */
    signal(SIGPIPE, SIG_IGN);
    if (!open_standard_streams()) {
        return COMMAND_FAILED;
    }

    if (argc < 2) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return command_finish_stdout(COMMAND_OK);
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        return command_version();
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return command_finish_stdout(commands[i].run(argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "segmon: unknown command '%s'; see 'segmon --help'\n",
            argv[1]);
    return COMMAND_USAGE;
}

/* Were one of them closed, the next file opened would take its number, and what
 * we say would end up inside it.  Opened so that using it is an error. */
static bool
open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int wrong_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", wrong_way) != fd) {
            return false;
        }
    }
    return true;
}

static void
print_usage(FILE *stream)
{
    fputs("usage: segmon COMMAND [OPTION]...\n"
          "\n"
          "Watches traffic between network segments and says what the\n"
          "segmentation policy does not permit.\n"
          "\n"
          "commands:\n",
          stream);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fputs(
        "\n"
        "  segmon COMMAND --help   the options of one command\n"
        "  segmon --version        this version and its libraries'\n"
        "\n"
        "exit status: 0 fine, 1 run-time failure, 2 usage or configuration,\n"
        "3 violations found (with --fail-on-violation), or nothing proven (of\n"
        "reconcile), 4 and 5 warnings and worse (of doctor)\n",
        stream);
}

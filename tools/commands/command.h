/* The subcommands of segmon.
 *
 * Each has a function that takes argc and argv from its own name on and returns
 * an exit status.  Data goes to standard output, talk to standard error. */

#ifndef TOOLS_COMMANDS_COMMAND_H
#define TOOLS_COMMANDS_COMMAND_H

enum command_status {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,     /* At run time: a damaged file, a full disk. */
    COMMAND_USAGE = 2,      /* Usage, configuration or policy. */
    COMMAND_VIOLATIONS = 3, /* With --fail-on-violation. */
    COMMAND_UNPROVEN = 3,   /* 'segmon reconcile' cannot say. */
    COMMAND_WARNING = 4,    /* The worst that 'segmon doctor' found. */
    COMMAND_CRITICAL = 5,
    COMMAND_SIGNALLED = 128 /* Plus the signal, after a clean stop. */
};

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char *argv[]);
};

int command_replay(int argc, char *argv[]);
int command_run(int argc, char *argv[]);
int command_check(int argc, char *argv[]);
int command_doctor(int argc, char *argv[]);
int command_explain(int argc, char *argv[]);
int command_forward(int argc, char *argv[]);
int command_reconcile(int argc, char *argv[]);
int command_schema(int argc, char *argv[]);
int command_tail(int argc, char *argv[]);
int command_top(int argc, char *argv[]);
int command_version(void);

/* Flushes standard output; a failure there (a full disk) turns COMMAND_OK into
 * COMMAND_FAILED and is told. */
int command_finish_stdout(int status);

#endif

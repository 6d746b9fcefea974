/* The command line of 'segmon replay'. */

#ifndef TOOLS_COMMANDS_REPLAY_OPTIONS_H
#define TOOLS_COMMANDS_REPLAY_OPTIONS_H

#include "tools/commands/session.h"

#include <stdbool.h>
#include <stddef.h>

/* What only a replay has. */
struct replay_options {
    const char *expect; /* Violations there must be, or NULL. */
    const char *expect_write, *coverage; /* Files, "-", or NULL. */
    bool keep_going;
    bool fail_on_violation;
    char **files;
    size_t n_files;
};

/* 'argv' is permuted and must outlive the options. */
enum session_parse replay_options_parse(struct replay_options *,
                                        struct session_options *, int argc,
                                        char *argv[]);

/* Whether they go together, and with the settings; else tells. */
bool replay_options_agree(const struct replay_options *,
                          const struct settings *);

#endif

/* The command line of 'segmon run'. */

#ifndef TOOLS_COMMANDS_RUN_OPTIONS_H
#define TOOLS_COMMANDS_RUN_OPTIONS_H

#include "tools/commands/session.h"

#include <stdint.h>

/* What only a live run has, and is no setting. */
struct run_options {
    const char *config;  /* Its file, or NULL: there is none. */
    uint64_t duration_s; /* 0: until it is stopped, */
    uint64_t n_frames;   /* as is this. */
};

/* 'argv' must outlive the options. */
enum session_parse run_options_parse(struct run_options *,
                                     struct session_options *, int argc,
                                     char *argv[]);

#endif

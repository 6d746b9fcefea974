/* The command line of 'segmon run'. */

#ifndef TOOLS_COMMANDS_RUN_OPTIONS_H
#define TOOLS_COMMANDS_RUN_OPTIONS_H

#include "tools/commands/session.h"
#include "tools/runtime/live.h"
#include "tools/runtime/log.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What only a live run has. */
struct run_options {
    char interfaces[LIVE_MAX_INTERFACES][IF_NAMESIZE];
    size_t n_interfaces;
    size_t buffer_bytes; /* Of each handle. */
    uint32_t snapshot;
    bool promiscuous;
    uint64_t heartbeat_s; /* Between two status events. */
    const char *user;     /* To become; NULL: whoever started it. */
    bool sandbox;
    enum log_level log_level;          /* Told, and what is more urgent. */
    uint64_t duration_s;               /* 0: until it is stopped, */
    uint64_t n_frames;                 /* as is this. */
    char sensor[EVENT_MAX_SENSOR + 1]; /* Unless another is given. */
};

/* 'argv' must outlive the options. */
enum session_parse run_options_parse(struct run_options *,
                                     struct session_options *, int argc,
                                     char *argv[]);

#endif

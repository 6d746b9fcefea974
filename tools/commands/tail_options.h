/* The command line of 'segmon tail'. */

#ifndef TOOLS_COMMANDS_TAIL_OPTIONS_H
#define TOOLS_COMMANDS_TAIL_OPTIONS_H

#include "tools/commands/sensor_names.h"
#include "tools/watch/event_filter.h"
#include "tools/watch/stream_follow.h"

#include <stdbool.h>
#include <stdint.h>

struct tail_options {
    struct stream_follow_options follow;
    struct event_filter filter;
    uint64_t n_events; /* Shown, then it ends; 0: never. */
    bool json;
    struct sensor_names sensors; /* What 'follow' borrows. */
};

enum tail_parse {
    TAIL_RUN,  /* Go ahead. */
    TAIL_HELP, /* Help was printed: exit with success. */
    TAIL_USAGE /* A mistake was told: exit with the usage status. */
};

/* 'now' is what "--since 5m" goes back from. */
enum tail_parse tail_options_parse(struct tail_options *, int argc,
                                   char *argv[], struct wall_time now);
void tail_options_done(struct tail_options *);

#endif

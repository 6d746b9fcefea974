/* The command line of 'segmon top'. */

#ifndef TOOLS_COMMANDS_TOP_OPTIONS_H
#define TOOLS_COMMANDS_TOP_OPTIONS_H

#include "tools/commands/sensor_names.h"
#include "tools/watch/top_poll.h"
#include "tools/watch/top_view.h"

#include <stdbool.h>
#include <stdint.h>

struct top_options {
    struct top_poll_options poll;
    int64_t delay_ns;
    bool batch;
    uint64_t n_times; /* In batch. */
    enum top_page page;
    bool has_page;               /* It was asked for. */
    struct sensor_names sensors; /* What 'poll' borrows. */
};

enum top_parse {
    TOP_RUN,  /* Go ahead. */
    TOP_HELP, /* Help was printed: exit with success. */
    TOP_USAGE /* A mistake was told: exit with the usage status. */
};

enum top_parse top_options_parse(struct top_options *, int argc, char *argv[]);
void top_options_done(struct top_options *);

#endif

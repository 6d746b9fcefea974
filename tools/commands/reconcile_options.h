/* The command line of 'segmon reconcile'. */

#ifndef TOOLS_COMMANDS_RECONCILE_OPTIONS_H
#define TOOLS_COMMANDS_RECONCILE_OPTIONS_H

#include "tools/commands/sensor_names.h"
#include "tools/reconcile/sensor_read.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    RECONCILE_MAX_FILES = 64
};

struct reconcile_options {
    struct stream_server server;
    struct sensor_read_options read;
    const char *const *sensors; /* NULL-terminated; NULL: all. */
    const char *files[RECONCILE_MAX_FILES];
    size_t n_files;
    const char *group; /* Of readers, that wrote them. */
    bool json;
    struct sensor_names names; /* What 'sensors' borrows. */
};

enum reconcile_parse {
    RECONCILE_RUN,  /* Go ahead. */
    RECONCILE_HELP, /* Help was printed: exit with success. */
    RECONCILE_USAGE /* A mistake was told: exit with the usage status. */
};

/* 'now' is what "--from 15m" goes back from. */
enum reconcile_parse reconcile_options_parse(struct reconcile_options *,
                                             int argc, char *argv[],
                                             struct wall_time now);
void reconcile_options_done(struct reconcile_options *);

#endif

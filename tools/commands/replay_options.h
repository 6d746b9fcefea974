/* The command line of 'segmon replay'. */

#ifndef TOOLS_COMMANDS_REPLAY_OPTIONS_H
#define TOOLS_COMMANDS_REPLAY_OPTIONS_H

#include "flows/flow_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_options {
    const char *policy; /* File, or NULL: everything is observed. */
    const char *output; /* NDJSON file, "-" for standard output, or NULL. */
    const char *redis;  /* URI, or NULL. */
    const char *filter; /* BPF, or NULL. */
    const char *expect; /* Violations there must be, or NULL. */
    const char *expect_write, *coverage; /* Files, "-", or NULL. */
    const char *sensor;                  /* Name in the records. */
    unsigned events;                     /* Bit 1 << enum event_kind. */
    unsigned workers;
    bool inspect;
    bool quiet;
    bool keep_going;
    bool fail_on_violation;
    bool teredo;      /* Look inside it too. */
    bool decapsulate; /* Judge what is inside tunnels. */
    size_t max_flows;
    size_t memory_bytes, dpi_bytes;
    enum flow_duplicates duplicates;
    char **files;
    size_t n_files;
};

enum replay_parse {
    REPLAY_RUN,  /* Go ahead. */
    REPLAY_HELP, /* Help was printed: exit with success. */
    REPLAY_USAGE /* A mistake was told: exit with the usage status. */
};

/* 'argv' is permuted and must outlive the options. */
enum replay_parse replay_options_parse(struct replay_options *, int argc,
                                       char *argv[]);

#endif

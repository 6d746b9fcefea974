/* The command line of 'segmon forward'. */

#ifndef TOOLS_COMMANDS_FORWARD_OPTIONS_H
#define TOOLS_COMMANDS_FORWARD_OPTIONS_H

#include "tools/commands/sensor_names.h"
#include "tools/forward/forward_line.h"
#include "tools/forward/group_reader.h"

#include <limits.h>
#include <stdbool.h>

struct forward_options {
    struct group_reader_options reader;
    const char *output; /* File, "-" for standard output, or NULL: */
    const char *tcp;    /* HOST:PORT. */
    enum forward_format format;
    enum convert_schema schema;
    unsigned facility;
    bool once; /* Ends when nothing is left. */
    bool quiet;

    /* What 'reader' borrows. */
    char consumer[HOST_NAME_MAX + 1];
    struct sensor_names sensors;
};

enum forward_parse {
    FORWARD_RUN,  /* Go ahead. */
    FORWARD_HELP, /* Help was printed: exit with success. */
    FORWARD_USAGE /* A mistake was told: exit with the usage status. */
};

enum forward_parse forward_options_parse(struct forward_options *, int argc,
                                         char *argv[]);
void forward_options_done(struct forward_options *);

#endif

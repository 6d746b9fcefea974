/* The command line of 'segmon doctor', and what the configuration file says in
 * its place. */

#ifndef TOOLS_COMMANDS_DOCTOR_OPTIONS_H
#define TOOLS_COMMANDS_DOCTOR_OPTIONS_H

#include "tools/doctor/doctor.h"
#include "tools/settings/settings.h"

#include <net/if.h>
#include <stdbool.h>

/* Large; its parts point into it. */
struct doctor_request {
    struct doctor_options options;
    char names[TRAFFIC_MAX_INTERFACES][IF_NAMESIZE];
    const char *interfaces[TRAFFIC_MAX_INTERFACES];
    struct redis_examine_options servers[DOCTOR_MAX_SERVERS];
    const char *config;
    uint64_t idle_ms;
    struct settings settings; /* Defaults, if no file says otherwise. */
    bool json;
};

/* Ignored codes go to 'diagnosis', which is initialised.  Returns an exit
 * status, or -1 to go on; mistakes are told. */
int doctor_options_parse(struct doctor_request *, struct diagnosis *, int argc,
                         char *argv[]);

/* Wipes passwords. */
void doctor_options_done(struct doctor_request *);

#endif

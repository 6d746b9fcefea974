/* Names for the MITRE ATT&CK ids that rules and detectors carry (v18.1,
 * Enterprise and ICS): the techniques visible at a segment boundary. */

#ifndef TOOLS_EVENT_ATTACK_H
#define TOOLS_EVENT_ATTACK_H

#include <stddef.h>

enum {
    ATTACK_MAX_TACTICS = 2 /* Of one technique. */
};

struct attack_technique {
    const char *id;   /* "T1021.001" */
    const char *name; /* "Remote Services: Remote Desktop Protocol" */
    const char *tactics[ATTACK_MAX_TACTICS + 1]; /* "TA0008"; NULL ends it. */
};

/* NULL if the id is not in the table. */
const struct attack_technique *attack_technique(const char *id);

/* NULL if the id is not in the table. */
const char *attack_tactic_name(const char *id);

size_t attack_n_techniques(void);
const struct attack_technique *attack_technique_at(size_t i); /* By id. */

#endif

/* Attempts of very many sources at once, told together.
 *
 * Sources can be made up, so a flood is a new violation with every packet.
 * What they have in common is the rule, the two segments and the service: so
 * the new sources of each of these are counted for VIOLATION_FLOOD_WINDOW_NS at
 * a time, and once there are more of them than a source may have targets
 * (alerting's 'collapse'), they are one violation, until a window has fewer.
 * Where every source tries another service, the same is done without it, from
 * VIOLATION_FLOOD_PORTS times as many on.
 *
 * Only what came to nothing is part of a flood: who gets through is no made-up
 * address, and is told.  So is a source that was told of before.  That a rule
 * has a threshold does not matter: the flood is past any.
 *
 * Private to violation.c.  Memory: VIOLATION_MAX_FLOODS entries, with some
 * 2 KiB each while they count; what was used least recently goes. */

#ifndef RULES_VIOLATION_FLOOD_H
#define RULES_VIOLATION_FLOOD_H

#include "rules/violation.h"
#include "rules/violation_table.h"

#include <stdbool.h>

struct violation_floods; /* Opaque. */

enum {
    VIOLATION_FLOOD_PORTS = 4,
    VIOLATION_MAX_FLOODS = 1024
};

#define VIOLATION_FLOOD_WINDOW_NS (10 * SECOND_NS)

struct violation_floods *violation_floods_new(void);   /* NULL: no memory. */
void violation_floods_free(struct violation_floods *); /* Accepts NULL. */

/* Counts a hit of a source that is new, and returns the flood that it is part
 * of; NULL if it is none.  'most' sources are told one by one. */
struct violation_entry *violation_floods_see(struct violation_floods *,
                                             const struct violation_table *,
                                             const struct violation_key *,
                                             const struct violation_hit *,
                                             bool suppressed, unsigned most);

/* Where a hit is counted that is tracked nowhere else; NULL if something got
 * through, or memory is out. */
struct violation_entry *violation_floods_take(struct violation_floods *,
                                              const struct violation_table *,
                                              const struct violation_key *,
                                              const struct violation_hit *,
                                              bool suppressed);

#endif

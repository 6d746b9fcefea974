/* Which of nDPI's dissectors see a packet, found in fewer steps.
 *
 * nDPI asks of each of its 200 dissectors, at every packet of a conversation
 * that it does not know yet, whether it is excluded, by comparing two sets of
 * 512 protocols that are passed by value: a fifth of what inspecting costs.
 * What it asks of them never changes, and is kept here in a few bytes each. */

#ifndef DISSECT_NDPI_DISPATCH_H
#define DISSECT_NDPI_DISPATCH_H

#include <stdbool.h>

struct ndpi_detection_module_struct;
struct ndpi_dispatch; /* Opaque; 14 KiB, used by one thread at a time. */

/* As ndpi_hotfix_install(). */
bool ndpi_dispatch_install(void);

/* Of a finished module.  NULL if memory is out, or the module is not what this
 * was written for: then nDPI does it itself. */
struct ndpi_dispatch *
ndpi_dispatch_new(const struct ndpi_detection_module_struct *);
void ndpi_dispatch_free(struct ndpi_dispatch *);

/* The packets that this thread shows to nDPI from now on are of the module of
 * 'dispatch'.  NULL ends that. */
void ndpi_dispatch_use(const struct ndpi_dispatch *dispatch);

#endif

/* One number for memory, shared out.
 *
 * The kernel's rings and the event queues are as large as they are told to be;
 * recognising applications takes an eighth of the rest, and the flow table what
 * then remains.  What has limits of its own in the code (violations, detectors,
 * nDPI's modules, a policy and the next) is counted at what it comes to when
 * all of it is full. */

#ifndef TOOLS_SETTINGS_SETTINGS_MEMORY_H
#define TOOLS_SETTINGS_SETTINGS_MEMORY_H

#include "tools/settings/settings.h"

/* Bytes.  X(member, "what it is") */
#define SETTINGS_SHARES(X)                                                     \
    X(capture, "capture rings")                                                \
    X(queues, "event queues")                                                  \
    X(program, "program")                                                      \
    X(dpi, "applications")                                                     \
    X(flows, "flow table")

struct settings_memory {
#define SETTINGS_SHARE(member, text) uint64_t member;
    SETTINGS_SHARES(SETTINGS_SHARE)
#undef SETTINGS_SHARE
    uint64_t least; /* The smallest budget that these settings work with. */
};

/* Without a budget, 'flows' may be 0: no limit but the number of flows. */
struct settings_memory settings_share_memory(const struct settings *);

enum {
    SETTINGS_MEMORY_TEXT_SIZE = 240
};

/* "capture rings 64M, ..."; for people. */
void settings_memory_text(const struct settings *, char *text, size_t size);

#endif

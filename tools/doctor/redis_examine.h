/* The examination of a Redis server that events go to.
 *
 * Nothing is written: what a user may do is found out in a transaction that is
 * never executed.  Every wait is bounded (redis_link.h), and so is what is read
 * of streams and groups.  One thread. */

#ifndef TOOLS_DOCTOR_REDIS_EXAMINE_H
#define TOOLS_DOCTOR_REDIS_EXAMINE_H

#include "tools/redis/redis_uri.h"

#include <stdbool.h>
#include <stdint.h>

struct diagnosis;

enum {
    REDIS_EXAMINE_NAME_SIZE = REDIS_URI_NAME_SIZE,
    REDIS_EXAMINE_WORD_SIZE = 64,
    REDIS_EXAMINE_CLI_SIZE = 600,
    /* Of one stream, and of one group. */
    REDIS_EXAMINE_MAX_GROUPS = 64,
    REDIS_EXAMINE_MAX_CONSUMERS = 256
};

struct redis_examine_options {
    struct redis_uri uri;
    const char *sensor; /* Whose streams are looked at; borrowed. */
    uint64_t idle_ms;   /* A reader is gone after so long. */
};

/* For those who tell of it. */
struct redis_examined {
    char name[REDIS_EXAMINE_NAME_SIZE];
    char cli[REDIS_EXAMINE_CLI_SIZE]; /* How 'redis-cli' is told of it. */
    bool is_reached;
    int64_t ping_ns; /* Of several, the one in the middle. */
    char version[REDIS_EXAMINE_WORD_SIZE]; /* "" for what is not known. */
    char role[REDIS_EXAMINE_WORD_SIZE];
    char policy[REDIS_EXAMINE_WORD_SIZE]; /* Of eviction. */
    uint64_t used_bytes, max_bytes;       /* 0: unknown, and no limit. */
};

void redis_examine(const struct redis_examine_options *,
                   struct redis_examined *, struct diagnosis *);

#endif

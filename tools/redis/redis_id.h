/* The id of an entry of a Redis stream, "<ms>-<seq>".
 *
 * Plain values.  Redis accepts an entry only above the last one of its stream,
 * so an id says where an entry belongs and whether it is there. */

#ifndef TOOLS_REDIS_REDIS_ID_H
#define TOOLS_REDIS_REDIS_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_ID_SIZE = 41 /* Of its text, at most, without a terminator. */
};

struct redis_id {
    uint64_t ms, seq;
};

int redis_id_compare(struct redis_id, struct redis_id);
bool redis_id_parse(const char *text, struct redis_id *);

/* Writes its text, which is not terminated, and returns its size. */
size_t redis_id_put(struct redis_id, char text[REDIS_ID_SIZE]);

/* The id for an event of 'ms': above 'last', and never going back in time. */
struct redis_id redis_id_next(struct redis_id last, int64_t ms);

#endif

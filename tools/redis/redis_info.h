/* The answer to INFO: lines of "name:value", under headings.  Pure. */

#ifndef TOOLS_REDIS_REDIS_INFO_H
#define TOOLS_REDIS_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrows the text, which must be terminated. */
struct redis_info {
    const char *text;
};

/* The value, cut to 'size' bytes with its terminator; false, and "", if there
 * is none of that name. */
bool redis_info_text(const struct redis_info *, const char *name, char *value,
                     size_t size);

/* Whether it is there, and is 'value'. */
bool redis_info_is(const struct redis_info *, const char *name,
                   const char *value);

/* False, and 0, if it is not there, or is no number. */
bool redis_info_number(const struct redis_info *, const char *name,
                       uint64_t *value);

#endif

/* Bytes that end where the address space does.
 *
 * What is copied behind a guard lies right before an unmapped page: reading one
 * byte too many is a fault, with or without a sanitizer. */

#ifndef TESTS_SUPPORT_GUARD_H
#define TESTS_SUPPORT_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct guard {
    uint8_t *map;
    size_t map_size;
    uint8_t *end; /* The unmapped page. */
};

/* Ends the test program if there is no memory. */
struct guard guard_new(size_t max_bytes);
void guard_free(struct guard *);

/* Copies 'size' bytes to the end of the guard and returns where they start;
 * valid until the next call.  'bytes' may be NULL if 'size' is 0. */
uint8_t *guard_copy(struct guard *, const void *bytes, size_t size);

#endif

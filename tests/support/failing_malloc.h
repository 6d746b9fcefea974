/* A heap that runs out on command, and counts.
 *
 * Linked into a test program it takes the place of malloc() and its family for
 * everything in the process, the libraries included (glibc lets a program do
 * that).  Not with sanitizers, which bring a heap of their own: then
 * failing_malloc_works() is false.  For programs with one thread. */

#ifndef TESTS_SUPPORT_FAILING_MALLOC_H
#define TESTS_SUPPORT_FAILING_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

enum failing_malloc_mode {
    FAILING_MALLOC_ONCE, /* Only that one; there is memory again after it. */
    FAILING_MALLOC_FROM  /* That one and all that follow. */
};

bool failing_malloc_works(void);

/* From now on the allocation number 'nth' fails, counted from 1; 0 none. */
void failing_malloc_arm(size_t nth, enum failing_malloc_mode);

/* Ends that.  Returns how many allocations were asked for. */
size_t failing_malloc_disarm(void);

/* Allocations that were not freed yet, since the program began. */
long failing_malloc_live(void);

#endif

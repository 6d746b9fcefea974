/* What nDPI allocates, counted: it keeps as much of a conversation as the
 * conversation sends, and says nowhere how much that is.
 *
 * Every thread counts for itself, so the difference between before a call of
 * nDPI and after it is what the call allocated and freed. */

#ifndef DISSECT_NDPI_MEMORY_H
#define DISSECT_NDPI_MEMORY_H

#include <stddef.h>

/* From now on nDPI's memory is counted, in the whole process.  What it has
 * already may still be freed.  Before the first conversation; any number of
 * times. */
void ndpi_memory_count(void);

/* Bytes that nDPI allocated on this thread less those that it freed; only
 * differences mean anything.  Modulo SIZE_MAX + 1. */
size_t ndpi_memory_used(void);

#endif

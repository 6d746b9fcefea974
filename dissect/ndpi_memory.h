/* nDPI's memory: what its modules are made of, and what it keeps of
 * conversations.
 *
 * A module is a hundred thousand small blocks (addresses, names) that come at
 * once and go at once: they are cut from one piece, an arena, which is faster
 * than malloc() for each and leaves no holes behind.  What comes later is
 * malloc's, and counted, because nDPI keeps as much of a conversation as the
 * conversation sends and says nowhere how much that is.
 *
 * Each thread has an arena in use and a count of its own, so the difference
 * between before a call of nDPI and after it is what the call allocated and
 * freed. */

#ifndef DISSECT_NDPI_MEMORY_H
#define DISSECT_NDPI_MEMORY_H

#include <stddef.h>

struct ndpi_arena; /* Opaque: of one module. */

/* From now on nDPI asks us for memory, in the whole process.  What it has
 * already may still be freed.  Before the threads start; any number of times.
 */
void ndpi_memory_install(void);

/* An open one, from which all is taken until it is closed.  NULL if memory is
 * out, or nDPI is of a version whose modules may share memory: then all is
 * malloc's. */
struct ndpi_arena *ndpi_arena_new(void);
void ndpi_arena_close(struct ndpi_arena *); /* Accepts NULL, as the others. */
void ndpi_arena_free(struct ndpi_arena *);

/* What this thread calls nDPI for from now on is that arena's module. */
void ndpi_memory_use(struct ndpi_arena *);

/* Bytes that nDPI allocated on this thread outside of arenas, less those that
 * it freed; only differences mean anything.  Modulo SIZE_MAX + 1. */
size_t ndpi_memory_used(void);

#endif

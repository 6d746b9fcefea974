/* What nDPI finds in a host's name or address, kept for the next time it is
 * met.
 *
 * nDPI looks every name up in two lists and weighs its letters, twice for a DNS
 * request and its answer: some 10 000 instructions each time.  Both addresses
 * of a conversation it looks for twice in a tree of 48 000 networks, all over
 * memory.  The outcome depends on the name or address alone, and a network has
 * the same ones again and again. */

#ifndef DISSECT_NDPI_HOSTS_H
#define DISSECT_NDPI_HOSTS_H

#include <stdbool.h>

struct ndpi_hosts; /* Opaque; 100 KiB, used by one thread at a time. */

/* As ndpi_hotfix_install(). */
bool ndpi_hosts_install(void);

struct ndpi_hosts *ndpi_hosts_new(void); /* NULL if memory is out. */
void ndpi_hosts_free(struct ndpi_hosts *);

/* The networks that this thread tells nDPI from now on are those of the module
 * that 'hosts' will be used with.  NULL ends that. */
void ndpi_hosts_learn(struct ndpi_hosts *hosts);

/* What this thread asks nDPI about hosts from now on, 'hosts' answer if they
 * can.  NULL ends that. */
void ndpi_hosts_use(struct ndpi_hosts *hosts);

#endif

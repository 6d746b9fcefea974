/* What nDPI's reader of TLS does that nobody asks for, left out.
 *
 * It makes a JA3 fingerprint with 150 calls of snprintf(), compares every
 * signature algorithm of a ClientHello with every other, and writes down the
 * versions offered: half of what nDPI costs on a network of today.  And it
 * gathers all that any TCP conversation sends, TLS or not, until a record of
 * TLS is whole, moving it all whenever a packet comes. */

#ifndef DISSECT_NDPI_TLS_H
#define DISSECT_NDPI_TLS_H

#include <stdbool.h>

/* As ndpi_hotfix_install(). */
bool ndpi_tls_install(void);

#endif

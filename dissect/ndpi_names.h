/* nDPI's numbers and names that its library does not tell, or tells
 * differently from version to version.  Pure; any thread. */

#ifndef DISSECT_NDPI_NAMES_H
#define DISSECT_NDPI_NAMES_H

#include "dissect/application.h"

#include <stddef.h>
#include <stdint.h>

/* What is special about a protocol. */
enum ndpi_trait {
    NDPI_TRAIT_ENCRYPTED = 1 << 0,
    NDPI_TRAIT_TLS = 1 << 1,     /* A ServerHello is to be expected. */
    NDPI_TRAIT_CARRIER = 1 << 2, /* TLS may begin inside it. */
    NDPI_TRAIT_QUIC = 1 << 3
};

/* Risks the linked library can report: bits of a 64-bit mask. */
size_t ndpi_risk_count(void);

/* Its enumerator in lower case without "NDPI_"; "" if it has no risk. */
const char *ndpi_risk_name(unsigned risk);

/* What the name that ndpi_confidence_get_name() gives is to us.  Only content
 * and what content left in a cache are told apart from guesses: an application
 * that is partly or aggressively matched counts as matched by port. */
enum application_confidence ndpi_confidence_from_name(const char *name);

/* The other names that versions of nDPI have for the protocol 'name': call
 * with 'n' = 0, 1, ... until NULL.  Letter case does not matter. */
const char *ndpi_alias(const char *name, size_t n);

/* Protocols with traits: sets '*name' to that of the n-th and returns its
 * traits (enum ndpi_trait), or returns 0 after the last. */
uint8_t ndpi_traits(size_t n, const char **name);

#endif

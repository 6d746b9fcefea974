/* IPv4 and IPv6 addresses and prefixes, as one type.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2), so
 * the rest of the program has one kind of address and one comparison.  A real
 * ::ffff:a.b.c.d on the wire would look the same; RFC 4942 2.2 says it never
 * should be there. */

#ifndef DISSECT_ADDR_H
#define DISSECT_ADDR_H

#include <stdbool.h>
#include <stdint.h>

struct addr {
    uint8_t byte[16]; /* Network order. */
};

struct prefix {
    struct addr addr; /* Bits past 'length' are zero. */
    uint8_t length;   /* 0 to 128; IPv4 /n is 96 + n. */
};

enum {
    ADDR_TEXT_SIZE = 46,
    PREFIX_TEXT_SIZE = 50
};

bool addr_is_ipv4(const struct addr *);
struct addr addr_from_ipv4(const uint8_t byte[4]);
bool addr_parse(const char *text, struct addr *out);

/* Writes RFC 5952 text into 'text' and returns it. */
const char *addr_format(const struct addr *, char text[ADDR_TEXT_SIZE]);

/* Parses "10.0.0.0/8", "2001:db8::/32" or a bare address (a full-length
 * prefix).  Returns false for anything else; host bits are kept in '*out' so
 * that the caller can tell (prefix_has_host_bits()) and name the fix. */
bool prefix_parse(const char *text, struct prefix *out);
bool prefix_has_host_bits(const struct prefix *);
void prefix_clear_host_bits(struct prefix *);
bool prefix_contains(const struct prefix *, const struct addr *);
const char *prefix_format(const struct prefix *, char text[PREFIX_TEXT_SIZE]);

#endif

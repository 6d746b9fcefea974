/* IPv4 and IPv6 addresses and prefixes, as one type.
 *
 * An IPv4 address is kept as its IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2), so
 * the rest of the program has one kind of address and one comparison.  A real
 * ::ffff:a.b.c.d on the wire would look the same; RFC 4942 2.2 says it never
 * should be there.
 *
 * Values without padding: they may be copied, hashed and compared as bytes. */

#ifndef DISSECT_ADDR_H
#define DISSECT_ADDR_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct addr {
    uint8_t byte[16]; /* Network order. */
};
static_assert(sizeof(struct addr) == 16, "hashed as it is");

struct prefix {
    struct addr addr; /* Bits past 'length' are zero. */
    uint8_t length;   /* 0 to 128; IPv4 /n is 96 + n. */
};

enum {
    ADDR_TEXT_SIZE = 46,
    PREFIX_TEXT_SIZE = 50,
    PREFIX_IPV4_BITS = 96 /* Length that 0.0.0.0/0 has. */
};

static inline bool
addr_is_ipv4(const struct addr *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(addr->byte, mapped, sizeof mapped) == 0;
}

static inline struct addr
addr_from_ipv4(const uint8_t byte[4])
{
    struct addr addr = {{[10] = 0xff, [11] = 0xff}};

    memcpy(addr.byte + 12, byte, 4);
    return addr;
}

static inline bool
addr_equal(const struct addr *a, const struct addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Parses "10.0.0.1" or RFC 4291 text, without zone or brackets.  Numbers with
 * leading zeros are refused: some readers take them for octal. */
bool addr_parse(const char *text, struct addr *out);

/* Writes RFC 5952 text into 'text' and returns it. */
const char *addr_format(const struct addr *, char text[ADDR_TEXT_SIZE]);

/* As addr_format(), but returns where the text ends and does not terminate
 * it. */
char *addr_put(const struct addr *, char text[ADDR_TEXT_SIZE]);

/* Parses "10.0.0.0/8", "2001:db8::/32" or a bare address (a full-length
 * prefix).  Returns false for anything else; host bits are kept in '*out' so
 * that the caller can tell (prefix_has_host_bits()) and name the fix. */
bool prefix_parse(const char *text, struct prefix *out);
bool prefix_has_host_bits(const struct prefix *);
void prefix_clear_host_bits(struct prefix *);

/* True for prefixes of IPv4 addresses, 0.0.0.0/0 included. */
bool prefix_is_ipv4(const struct prefix *);

/* Families stay apart: "::/0" holds every IPv6 address and no IPv4 one. */
bool prefix_contains(const struct prefix *, const struct addr *);
const char *prefix_format(const struct prefix *, char text[PREFIX_TEXT_SIZE]);

#endif

/* Text of addresses and prefixes.
 *
 * The formatter is our own because inet_ntop() writes ::102:304 as ::1.2.3.4,
 * which RFC 5952 section 5 keeps for addresses known to embed IPv4, and because
 * every record that leaves carries several addresses. */

#include "dissect/addr.h"

#include <arpa/inet.h>

enum {
    N_GROUPS = 8
};

/* The numbers from 0 to 255 as text. */
#define DIGIT(n) ((char)('0' + (n) % 10))
#define OCTET(n)                                                               \
    {                                                                          \
        {DIGIT((n) < 10    ? (n)                                               \
               : (n) < 100 ? (n) / 10                                          \
                           : (n) / 100),                                       \
         DIGIT((n) < 100 ? (n) : (n) / 10), DIGIT(n)},                         \
            (n) < 10    ? 1                                                    \
            : (n) < 100 ? 2                                                    \
                        : 3                                                    \
    }
#define OCTETS_4(n) OCTET(n), OCTET((n) + 1), OCTET((n) + 2), OCTET((n) + 3)
#define OCTETS_16(n)                                                           \
    OCTETS_4(n), OCTETS_4((n) + 4), OCTETS_4((n) + 8), OCTETS_4((n) + 12)
#define OCTETS_64(n)                                                           \
    OCTETS_16(n), OCTETS_16((n) + 16), OCTETS_16((n) + 32), OCTETS_16((n) + 48)

static const struct {
    char digits[3];
    uint8_t size;
} octets[256] = {OCTETS_64(0), OCTETS_64(64), OCTETS_64(128), OCTETS_64(192)};

static char *format_ipv4(char *out, const uint8_t byte[4]);
static char *format_ipv6(char *out, const uint8_t byte[16]);
static char *format_decimal(char *out, unsigned value);
static bool parse_length(const char *text, unsigned max, unsigned *length);

bool
addr_parse(const char *text, struct addr *out)
{
    struct addr addr;
    uint8_t ipv4[4];

    if (inet_pton(AF_INET, text, ipv4) == 1) {
        *out = addr_from_ipv4(ipv4);
        return true;
    }
    if (inet_pton(AF_INET6, text, addr.byte) == 1) {
        *out = addr;
        return true;
    }
    return false;
}

const char *
addr_format(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
    *addr_put(addr, text) = '\0';
    return text;
}

char *
addr_put(const struct addr *addr, char text[ADDR_TEXT_SIZE])
{
    return addr_is_ipv4(addr) ? format_ipv4(text, addr->byte + 12)
                              : format_ipv6(text, addr->byte);
}

bool
prefix_parse(const char *text, struct prefix *out)
{
    char addr_text[ADDR_TEXT_SIZE];
    const char *slash = strchr(text, '/');
    size_t addr_size = slash ? (size_t)(slash - text) : strlen(text);
    unsigned family_bits = strchr(text, ':') ? 128 : 32;
    unsigned length = family_bits;
    struct addr addr;

    if (addr_size >= sizeof addr_text) {
        return false;
    }
    memcpy(addr_text, text, addr_size);
    addr_text[addr_size] = '\0';
    if (!addr_parse(addr_text, &addr) ||
        (slash && !parse_length(slash + 1, family_bits, &length))) {
        return false;
    }
    *out = (struct prefix){addr, (uint8_t)(128 - family_bits + length)};
    return true;
}

bool
prefix_has_host_bits(const struct prefix *prefix)
{
    struct prefix clean = *prefix;

    prefix_clear_host_bits(&clean);
    return !addr_equal(&clean.addr, &prefix->addr);
}

void
prefix_clear_host_bits(struct prefix *prefix)
{
    unsigned whole = prefix->length / 8U;
    unsigned rest = prefix->length % 8U;

    if (rest > 0) {
        prefix->addr.byte[whole] &= (uint8_t)(0xff00U >> rest);
        whole++;
    }
    for (unsigned i = whole; i < sizeof prefix->addr.byte; i++) {
        prefix->addr.byte[i] = 0;
    }
}

bool
prefix_is_ipv4(const struct prefix *prefix)
{
    return prefix->length >= PREFIX_IPV4_BITS && addr_is_ipv4(&prefix->addr);
}

bool
prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
    unsigned whole = prefix->length / 8U;
    unsigned rest = prefix->length % 8U;

    if (prefix_is_ipv4(prefix) != addr_is_ipv4(addr) ||
        memcmp(prefix->addr.byte, addr->byte, whole) != 0) {
        return false;
    }
    return rest == 0 || ((prefix->addr.byte[whole] ^ addr->byte[whole]) &
                         (0xff00U >> rest) & 0xffU) == 0;
}

const char *
prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
    bool ipv4 = prefix_is_ipv4(prefix);
    char *end = ipv4 ? format_ipv4(text, prefix->addr.byte + 12)
                     : format_ipv6(text, prefix->addr.byte);

    *end++ = '/';
    end = format_decimal(end, prefix->length - (ipv4 ? PREFIX_IPV4_BITS : 0U));
    *end = '\0';
    return text;
}

static char *
format_ipv4(char *out, const uint8_t byte[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0) {
            *out++ = '.';
        }
        out = format_decimal(out, byte[i]);
    }
    return out;
}

/* Where "::" goes: the first longest run of two or more zero groups (RFC 5952
 * sections 4.2.2 and 4.2.3).  '*length' is 0 if there is none. */
static unsigned
longest_zero_run(const uint16_t group[N_GROUPS], unsigned *length)
{
    unsigned best = 0;

    *length = 1;
    for (unsigned start = 0; start < N_GROUPS; start++) {
        unsigned end = start;

        while (end < N_GROUPS && group[end] == 0) {
            end++;
        }
        if (end - start > *length) {
            best = start;
            *length = end - start;
        }
    }
    if (*length < 2) {
        *length = 0;
    }
    return best;
}

static char *
format_hex(char *out, unsigned value)
{
    bool started = false;

    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 0xfU;

        if (digit != 0 || started || shift == 0) {
            *out++ = "0123456789abcdef"[digit];
            started = true;
        }
    }
    return out;
}

static char *
format_ipv6(char *out, const uint8_t byte[16])
{
    uint16_t group[N_GROUPS];
    unsigned run, length;

    for (unsigned i = 0; i < N_GROUPS; i++, byte += 2) {
        group[i] = (uint16_t)(byte[0] << 8 | byte[1]);
    }
    run = longest_zero_run(group, &length);
    for (unsigned i = 0; i < N_GROUPS; i++) {
        if (length > 0 && i == run) {
            *out++ = ':';
            *out++ = ':';
            i += length - 1;
            continue;
        }
        if (i > 0 && (length == 0 || i != run + length)) {
            *out++ = ':';
        }
        out = format_hex(out, group[i]);
    }
    return out;
}

/* 'value' is at most 255; writes four bytes, whatever it needs. */
static char *
format_decimal(char *out, unsigned value)
{
    memcpy(out, &octets[value], sizeof *octets);
    return out + octets[value].size;
}

static bool
parse_length(const char *text, unsigned max, unsigned *length)
{
    unsigned value = 0;
    unsigned n_digits = 0;

    for (; text[n_digits] >= '0' && text[n_digits] <= '9'; n_digits++) {
        value = value * 10 + (unsigned)(text[n_digits] - '0');
        if (n_digits == 3) {
            return false;
        }
    }
    if (n_digits == 0 || text[n_digits] != '\0' || value > max ||
        (n_digits > 1 && text[0] == '0')) {
        return false;
    }
    *length = value;
    return true;
}

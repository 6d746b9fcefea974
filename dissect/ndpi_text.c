/* Three functions of nDPI's are replaced as in ndpi_hotfix.c.
 *
 * Where there is no line end, ndpi_parse_packet_line_info() does what it would
 * for three bytes without one: so such a payload is three bytes long while the
 * original looks at it, which is the least that it looks at.  All others it
 * sees as they are.  The payload is in nDPI's module (ndpi_inside.h), and is
 * believed to be it only if it is inside the packet there.
 *
 * ndpi_strnstr() and ndpi_match_prefix() are as short as the originals, and let
 * the C library search, or see by the first letter that there is nothing. */

#include "dissect/ndpi_text.h"

#include "dissect/ndpi_inside.h"

#if NDPI_INSIDE

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdint.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default"), used))

enum {
    LEAST_BYTES = 3
};

typedef void parse_function(struct ndpi_detection_module_struct *,
                            struct ndpi_flow_struct *);

/* What dlsym() finds. */
union original {
    void *object;
    parse_function *parse;
};

static parse_function *parse_original;

static bool
has_line_end(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes + size;

    while ((bytes = memchr(bytes, '\r', (size_t)(end - bytes))) != NULL) {
        if (++bytes == end) {
            return false;
        }
        if (*bytes == '\n') {
            return true;
        }
    }
    return false;
}

EXPORTED void
ndpi_parse_packet_line_info(struct ndpi_detection_module_struct *ndpi_struct,
                            struct ndpi_flow_struct *flow)
{
    struct ndpi_packet_struct *packet = &ndpi_struct->packet;
    u_int16_t size = packet->payload_packet_len;

    if (packet->packet_lines_parsed_complete == 0 && size > LEAST_BYTES &&
        ndpi_inside_has_payload(packet) &&
        !has_line_end(packet->payload, size)) {
        packet->payload_packet_len = LEAST_BYTES;
        parse_original(ndpi_struct, flow);
        packet->payload_packet_len = size;
    } else {
        parse_original(ndpi_struct, flow);
    }
}

EXPORTED char *
ndpi_strnstr(const char *s, const char *find, size_t slen)
{
    if (s == NULL) { /* A packet without payload. */
        return NULL;
    }
    return memmem(s, strnlen(s, slen), find, strlen(find));
}

EXPORTED int
ndpi_match_prefix(const u_int8_t *payload, size_t payload_len, const char *str,
                  size_t str_len)
{
    return str_len <= payload_len &&
           (str_len == 0 || (payload[0] == (u_int8_t)str[0] &&
                             memcmp(payload, str, str_len) == 0));
}

bool
ndpi_text_install(void)
{
    parse_original =
        (union original){.object =
                             dlsym(RTLD_NEXT, "ndpi_parse_packet_line_info")}
            .parse;
    return parse_original != NULL;
}

#else

bool
ndpi_text_install(void)
{
    return true;
}

#endif

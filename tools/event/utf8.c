/* What may be shown of Unicode; see utf8.h. */

#include "tools/event/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ESCAPED_SIZE = sizeof "\\u{10ffff}"
};

static const struct {
    uint32_t first, last;
} unprintable[] = {
    {0x00, 0x1f},       /* C0 controls. */
    {0x7f, 0x9f},       /* Delete, C1 controls. */
    {0xad, 0xad},       /* Soft hyphen. */
    {0x61c, 0x61c},     /* Arabic letter mark. */
    {0x180e, 0x180e},   /* Mongolian vowel separator. */
    {0x200b, 0x200f},   /* Zero-width, and the direction marks. */
    {0x2028, 0x202e},   /* Line separators, bidirectional embeddings. */
    {0x2060, 0x206f},   /* Invisible operators, bidirectional isolates. */
    {0xfeff, 0xfeff},   /* Byte order mark. */
    {0xfff9, 0xfffb},   /* Interlinear annotations. */
    {0xe0000, 0xe0fff}, /* Tags and variation selectors. */
};

static size_t escape(const uint8_t *bytes, size_t size,
                     char escaped[ESCAPED_SIZE], size_t *used);

size_t
utf8_decode(const uint8_t *bytes, size_t size, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes[0];
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t value = first & (0x7fU >> length);

    if (first < 0x80) {
        *code = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < smallest[length] || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *code = value;
    return length;
}

bool
utf8_is_printable(uint32_t code)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++) {
        if (code >= unprintable[i].first && code <= unprintable[i].last) {
            return false;
        }
    }
    return true;
}

size_t
utf8_escape(char *to, size_t to_size, const char *bytes, size_t size)
{
    const uint8_t *from = (const uint8_t *)bytes;
    size_t written = 0, used;
    char escaped[ESCAPED_SIZE];

    for (; size > 0; size -= used, from += used) {
        size_t length = escape(from, size, escaped, &used);

        if (written + length >= to_size) {
            break;
        }
        memcpy(to + written, escaped, length);
        written += length;
    }
    if (to_size) {
        to[written] = '\0';
    }
    return written;
}

/* Of the first character; '*used' bytes have it.  A byte that is no UTF-8 can
 * be told from a character, which is what is wrong with it. */
static size_t
escape(const uint8_t *bytes, size_t size, char escaped[ESCAPED_SIZE],
       size_t *used)
{
    uint32_t code = bytes[0];

    *used = utf8_decode(bytes, size, &code);
    if (*used && utf8_is_printable(code)) {
        memcpy(escaped, bytes, *used);
        return *used;
    }
    if (*used > 1) {
        return (size_t)snprintf(escaped, ESCAPED_SIZE, "\\u{%" PRIx32 "}",
                                code);
    }
    *used = 1;
    return (size_t)snprintf(escaped, ESCAPED_SIZE, "\\x%02x", bytes[0]);
}

/* Characters in bytes of any origin: where one ends, and whether showing it can
 * disturb.  Pure functions; any thread. */

#ifndef TOOLS_EVENT_UTF8_H
#define TOOLS_EVENT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at the start of 'size' bytes, of which there is one at least:
 * RFC 3629 section 4, with neither overlong forms nor surrogates.  Returns the
 * bytes it has, 0 if they are no UTF-8. */
size_t utf8_decode(const uint8_t *bytes, size_t size, uint32_t *code);

/* False for control characters and those that have no glyph of their own but
 * change how others are shown, or show as nothing at all. */
bool utf8_is_printable(uint32_t code);

/* Writes 'size' bytes so that they can be shown, terminated, to 'to_size' bytes
 * (none if that is 0), as many characters as there is room for: one that is not
 * printable becomes \xNN or \u{N}, a byte that is no UTF-8 \xNN.  Returns the
 * bytes written. */
size_t utf8_escape(char *to, size_t to_size, const char *bytes, size_t size);

#endif

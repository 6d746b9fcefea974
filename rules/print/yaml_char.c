/* Characters in double quotes; see yaml_char.h. */

#include "rules/print/yaml_char.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t decode(const char *text, uint32_t *code);
static bool must_escape(uint32_t code);

size_t
yaml_char_quote(const char *text, char quoted[YAML_CHAR_SIZE])
{
    uint32_t code;
    size_t length = decode(text, &code);

    if (code == '"' || code == '\\') {
        snprintf(quoted, YAML_CHAR_SIZE, "\\%c", (int)code);
    } else if (code == '\n') {
        snprintf(quoted, YAML_CHAR_SIZE, "\\n");
    } else if (must_escape(code)) {
        snprintf(quoted, YAML_CHAR_SIZE, code < 0x100 ? "\\x%02x" : "\\u%04x",
                 (unsigned)code);
    } else {
        memcpy(quoted, text, length);
        quoted[length] = '\0';
    }
    return length;
}

static size_t
decode(const char *text, uint32_t *code)
{
    const unsigned char *byte = (const unsigned char *)text;
    size_t length = byte[0] < 0xc0   ? 1
                    : byte[0] < 0xe0 ? 2
                    : byte[0] < 0xf0 ? 3
                                     : 4;

    *code = length == 1 ? byte[0] : byte[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            *code = byte[0];
            return 1;
        }
        *code = *code << 6 | (byte[i] & 0x3fU);
    }
    return length;
}

/* What libyaml refuses to read, takes for the end of a line, or for the end of
 * the text. */
static bool
must_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
           code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff;
}

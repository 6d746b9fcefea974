/* Small texts for people; see text.h. */

#include "tools/report/text.h"

#include <inttypes.h>
#include <string.h>

const char *
text_count(uint64_t count, char text[TEXT_NUMBER_SIZE])
{
    char digits[TEXT_NUMBER_SIZE];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            text[at++] = ' ';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

const char *
text_bytes(uint64_t bytes, char text[TEXT_NUMBER_SIZE])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(text, TEXT_NUMBER_SIZE, "%" PRIu64 " B", bytes);
        return text;
    }
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    snprintf(text, TEXT_NUMBER_SIZE, "%.1f %s", value, units[unit]);
    return text;
}

const char *
text_color(bool enabled, enum text_color color)
{
    static const char *const sequences[] = {
        [TEXT_PLAIN] = "\033[0m",   [TEXT_RED] = "\033[31m",
        [TEXT_YELLOW] = "\033[33m", [TEXT_GREEN] = "\033[32m",
        [TEXT_DIM] = "\033[2m",
    };

    return enabled ? sequences[color] : "";
}

void
text_print(const char *text, FILE *stream)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        fputc(byte < 0x20 || byte >= 0x7f ? '?' : byte, stream);
    }
}

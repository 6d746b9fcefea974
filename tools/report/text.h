/* Small texts for people. */

#ifndef TOOLS_REPORT_TEXT_H
#define TOOLS_REPORT_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    TEXT_NUMBER_SIZE = 32
};

enum text_color {
    TEXT_PLAIN,
    TEXT_RED,
    TEXT_YELLOW,
    TEXT_GREEN,
    TEXT_DIM
};

/* "1 234 567". */
const char *text_count(uint64_t count, char text[TEXT_NUMBER_SIZE]);

/* "999 B", "12.3 MB": decimal units. */
const char *text_bytes(uint64_t bytes, char text[TEXT_NUMBER_SIZE]);

/* The escape sequence, or "" unless 'enabled'. */
const char *text_color(bool enabled, enum text_color);

/* Prints 'text' with every byte that could disturb a terminal as '?'. */
void text_print(const char *text, FILE *);

#endif

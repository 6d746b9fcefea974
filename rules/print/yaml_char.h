/* Characters of texts in double quotes, as YAML has them (YAML 1.2,
 * sections 5.1 and 5.7).  Pure; any thread. */

#ifndef RULES_PRINT_YAML_CHAR_H
#define RULES_PRINT_YAML_CHAR_H

#include <stddef.h>

enum {
    YAML_CHAR_SIZE = 8
};

/* Writes the first character of 'text', which is not empty, as it stands
 * between quotes: as itself, or escaped where it would end the text or the
 * line, or is none that a reader lets through.  Returns its bytes in 'text',
 * which should be UTF-8: any other byte stands for itself. */
size_t yaml_char_quote(const char *text, char quoted[YAML_CHAR_SIZE]);

#endif

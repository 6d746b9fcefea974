/* Policies written to be slow or large to load: a head, one line over and over
 * up to a mebibyte, a tail. */

#ifndef TESTS_RULES_HOSTILE_H
#define TESTS_RULES_HOSTILE_H

#include <stddef.h>

struct hostile {
    const char *name;
    const char *head;
    const char *unit; /* '@' stands for the number of the line. */
    const char *tail;
    const char *code; /* Of the first problem; NULL if it loads without any. */
};

extern const struct hostile hostile_policies[];
extern const size_t hostile_n_policies;

/* The text, from malloc(); 'size' is at most a mebibyte. */
char *hostile_text(const struct hostile *, size_t *size);

#endif

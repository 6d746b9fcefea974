/* Names: how they may look, which one the author meant, and the patterns that
 * stand for several.  Pure functions; any thread. */

#ifndef RULES_NAMES_H
#define RULES_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    NAME_MAX_LENGTH = 48,   /* Segments, groups, sets. */
    NAME_MAX_RULE_ID = 64,  /* Rules and pairs. */
    NAME_MAX_COMPARED = 64, /* Longer words get no suggestion. */
    NAME_SUGGESTION_SIZE = 96,
    NAME_SUGGESTION_EFFORT = 8000000 /* Some ten milliseconds. */
};

bool name_is_valid(const char *);            /* [a-z][a-z0-9_-]* */
bool name_is_rule_id(const char *);          /* [a-z0-9][a-z0-9._-]* */
char name_fold(char);                        /* ASCII to lower case. */
bool name_equal(const char *, const char *); /* ASCII case ignored. */

/* The candidate nearest to 'word': Damerau-Levenshtein distance, case ignored,
 * at most a third of its length.  The first of equally near ones wins. */
struct name_suggestion {
    const char *word, *best; /* 'best' is NULL if nothing is near. */
    size_t length;           /* Of 'word'. */
    unsigned distance;
    size_t effort, max_effort; /* In pairs of letters compared, about. */
};

void name_suggestion_init(struct name_suggestion *, const char *word);
/* Ignored once a candidate is the word itself, or 'max_effort' is spent. */
void name_suggestion_offer(struct name_suggestion *, const char *candidate);

/* " (did you mean 'https'?)", or "". */
const char *name_suggestion_text(const struct name_suggestion *,
                                 char text[NAME_SUGGESTION_SIZE]);

/* Globs for interfaces and sensors: '*' is any run of characters, '?' one. */
bool glob_match(const char *glob, const char *text);
bool glob_overlap(const char *, const char *); /* Some text matches both. */

/* Patterns for host names: a label '*' is exactly one label, as in TLS
 * certificates; '**' is one or more.  Case and a final dot are ignored. */
bool host_pattern_is_valid(const char *pattern);
bool host_pattern_match(const char *pattern, const char *host);

#endif

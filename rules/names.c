/* A mistyped name should cost its author one look at the message, so every
 * unknown name is answered with the nearest known one. */

#include "rules/names.h"

#include <stdio.h>
#include <string.h>

enum {
    OFFER_EFFORT = 8 /* Of looking at a candidate's length. */
};

static bool name_has_only(const char *, const char *others, size_t max);
static unsigned name_distance(const char *, const char *, unsigned limit);
static size_t label_length(const char *host);
static bool label_equal(const char *, const char *, size_t length);

bool
name_is_valid(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' &&
           name_has_only(name, "_-", NAME_MAX_LENGTH);
}

bool
name_is_rule_id(const char *name)
{
    return name[0] != '.' && name[0] != '_' && name[0] != '-' &&
           name_has_only(name, "._-", NAME_MAX_RULE_ID);
}

bool
name_equal(const char *a, const char *b)
{
    while (*a && name_fold(*a) == name_fold(*b)) {
        a++;
        b++;
    }
    return name_fold(*a) == name_fold(*b);
}

void
name_suggestion_init(struct name_suggestion *suggestion, const char *word)
{
    size_t length = strlen(word);

    *suggestion = (struct name_suggestion){
        .word = word,
        .length = length,
        .max_effort = length > NAME_MAX_COMPARED ? 0 : NAME_SUGGESTION_EFFORT,
        .distance = (length < 6 ? 1 : (unsigned)(length / 3)) + 1};
}

void
name_suggestion_offer(struct name_suggestion *suggestion, const char *candidate)
{
    unsigned distance = suggestion->distance;
    size_t length;

    if (!distance || suggestion->effort >= suggestion->max_effort) {
        return;
    }
    suggestion->effort += OFFER_EFFORT;
    length = strnlen(candidate, NAME_MAX_COMPARED + 1);
    if (length <= NAME_MAX_COMPARED && length < suggestion->length + distance &&
        suggestion->length < length + distance) {
        suggestion->effort += length * suggestion->length;
        distance = name_distance(suggestion->word, candidate, distance);
    }
    if (distance < suggestion->distance) {
        suggestion->distance = distance;
        suggestion->best = candidate;
    }
}

const char *
name_suggestion_text(const struct name_suggestion *suggestion,
                     char text[NAME_SUGGESTION_SIZE])
{
    text[0] = '\0';
    if (suggestion->best) {
        snprintf(text, NAME_SUGGESTION_SIZE, " (did you mean '%s'?)",
                 suggestion->best);
    }
    return text;
}

/* Only the last '*' ever needs another try, so this is linear in practice and
 * quadratic at worst. */
bool
glob_match(const char *glob, const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text) {
        if (*glob == '*') {
            star = glob++;
            retry = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star) {
            glob = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return !*glob;
}

/* reach[j] says whether the globs' heads of lengths i and j share a text. */
bool
glob_overlap(const char *a, const char *b)
{
    bool reach[NAME_MAX_COMPARED + 1] = {true}, next[NAME_MAX_COMPARED + 1];
    size_t n = strlen(b);

    if (n > NAME_MAX_COMPARED) {
        return true; /* Safe: an overlap is reported, not acted upon. */
    }
    for (size_t j = 1; j <= n; j++) {
        reach[j] = reach[j - 1] && b[j - 1] == '*';
    }
    for (; *a; a++) {
        next[0] = reach[0] && *a == '*';
        for (size_t j = 1; j <= n; j++) {
            char c = b[j - 1];
            bool same = c == *a || c == '?' || *a == '?';
            bool star = c == '*' || *a == '*';

            next[j] = star ? reach[j] || next[j - 1] : reach[j - 1] && same;
        }
        memcpy(reach, next, sizeof reach);
    }
    return reach[n];
}

bool
host_pattern_is_valid(const char *pattern)
{
    if (!*pattern) {
        return false;
    }
    for (size_t length;; pattern += length + 1) {
        length = label_length(pattern);
        if (length == 0 || length > 63) {
            return false;
        }
        if (memchr(pattern, '*', length) && strspn(pattern, "*") != length) {
            return false; /* A star beside other characters. */
        }
        if (pattern[0] == '*' && length > 2) {
            return false;
        }
        if (!pattern[length]) {
            return true;
        }
    }
}

/* As glob_match(), with labels for characters. */
bool
host_pattern_match(const char *pattern, const char *host)
{
    const char *star = NULL, *retry = NULL;

    while (*host && !(host[0] == '.' && !host[1])) {
        size_t wanted = label_length(pattern), length = label_length(host);
        bool stars = wanted == 2 && memcmp(pattern, "**", 2) == 0;
        bool one = wanted == 1 && pattern[0] == '*';

        if (length == 0) {
            return false;
        }
        if (stars ||
            (wanted && (one || (wanted == length &&
                                label_equal(pattern, host, wanted))))) {
            star = stars ? pattern : star;
            host += length + (host[length] == '.');
            retry = stars ? host : retry;
            pattern += wanted + (pattern[wanted] == '.');
        } else if (star) { /* Let the last '**' have one label more. */
            length = label_length(retry);
            host = retry += length + (retry[length] == '.');
            pattern = star + 2 + (star[2] == '.');
        } else {
            return false;
        }
    }
    return !*pattern;
}

char
name_fold(char c)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";

    if (c >= 'A' && c <= 'Z') {
        return lower[c - 'A'];
    }
    return c;
}

static bool
name_has_only(const char *name, const char *others, size_t max)
{
    size_t length = 0;

    for (; name[length]; length++) {
        char c = name[length];

        if (length == max || !((c >= 'a' && c <= 'z') ||
                               (c >= '0' && c <= '9') || strchr(others, c))) {
            return false;
        }
    }
    return length > 0;
}

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment; gives up, returning 'limit', when it can only be
 * 'limit' or more: a row depends on the two before it only. */
static unsigned
name_distance(const char *a, const char *b, unsigned limit)
{
    unsigned row[3][NAME_MAX_COMPARED + 1];
    size_t n = strlen(a), m = strlen(b);
    unsigned *older = row[0], *old = row[1], *now = row[2];
    unsigned nearest_old = 0, nearest = 0;

    for (size_t j = 0; j <= m; j++) {
        old[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= n && least(nearest_old, nearest) < limit; i++) {
        unsigned *spare = older;

        nearest_old = nearest;
        nearest = now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool swapped = i > 1 && j > 1 &&
                           name_fold(a[i - 1]) == name_fold(b[j - 2]) &&
                           name_fold(a[i - 2]) == name_fold(b[j - 1]);
            bool same = name_fold(a[i - 1]) == name_fold(b[j - 1]);

            now[j] = least(old[j - 1] + !same, least(old[j], now[j - 1]) + 1);
            now[j] = swapped ? least(now[j], older[j - 2] + 1) : now[j];
            nearest = least(nearest, now[j]);
        }
        older = old;
        old = now;
        now = spare;
    }
    return least(nearest_old, nearest) < limit ? least(old[m], limit) : limit;
}

static size_t
label_length(const char *host)
{
    return strcspn(host, ".");
}

static bool
label_equal(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name_fold(a[i]) != name_fold(b[i])) {
            return false;
        }
    }
    return true;
}

/* Words, texts and lists of the YAML that policy_print() writes.  Used by the
 * files of the printer only; one thread. */

#ifndef RULES_PRINT_PRINT_TEXT_H
#define RULES_PRINT_PRINT_TEXT_H

#include "rules/arena.h"
#include "rules/print/policy_print.h"

#include <stdint.h>

enum {
    PRINT_MAX_ITEM = 256, /* What print_raw() and words_add() format. */
    PRINT_BUFFER = 4096
};

/* A list that is written sorted, each word once.  Lives until
 * print_forget(). */
struct words {
    struct arena_list list; /* const char * */
};

/* A schedule, how it is written, and its place among all forms, from 1. */
struct print_schedule {
    const struct schedule *schedule;
    const char *form;
    size_t number;
};

struct print {
    const struct policy *policy;
    policy_sink *sink;
    void *context;
    bool failed; /* Out of memory, or the sink was. */
    char buffer[PRINT_BUFFER];
    size_t n_buffered;
    struct arena arena, scratch;
    const uint32_t *by_name;          /* Segments, by their names. */
    const char **apps, **categories;  /* Names by their symbols. */
    struct print_schedule *schedules; /* By address. */
    size_t n_schedules;
    struct words forms; /* "schedule-1" is the first of them, and so on. */
};

/* As it is.  Formatted text is short, and never of the author's. */
void print_raw(struct print *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void print_text(struct print *, const char *text);   /* Any text, as it is. */
void print_quoted(struct print *, const char *text); /* "text" */
void print_word(struct print *, const char *text);   /* Quoted if need be. */

/* A line 'key: "text"', unless the text is "". */
void print_entry(struct print *, unsigned indent, const char *key,
                 const char *text);

/* Hands over what is buffered; called last. */
void print_flush(struct print *);

/* Frees what lists took: a policy may be larger written out than it is. */
void print_forget(struct print *);

void words_add(struct print *, struct words *, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void words_add_text(struct print *, struct words *, const char *text);
void words_sort(struct words *);
size_t words_find(const struct words *, const char *text); /* Sorted. */

/* A line 'key: [words]', sorted; nothing if there are none. */
void print_words(struct print *, unsigned indent, const char *key,
                 struct words *);

#endif

/* Every mistake a policy or configuration file holds, with its position.
 *
 * A loader goes on after a mistake and adds what it finds to one list; the list
 * is capped, keeps errors rather than warnings and warnings rather than news,
 * and says how many it left out.  Used by one thread. */

#ifndef RULES_PROBLEMS_H
#define RULES_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum problem_severity {
    PROBLEM_INFO,
    PROBLEM_WARNING,
    PROBLEM_ERROR,
    PROBLEM_N_SEVERITIES
};

enum {
    PROBLEMS_MAX = 200 /* Kept; others, the least severe, are only counted. */
};

struct problem {
    enum problem_severity severity;
    const char *code;      /* "E-REF"; static. */
    char *file;            /* Owned. */
    unsigned line, column; /* 1-based; 0 if it has no position. */
    char *message;         /* Owned; one line, suggestion included. */
    char *source_line;     /* Owned; the text of the line, or NULL. */
    char *rule;            /* Owned; the id of the rule meant, or NULL. */
    char **blockers;       /* Owned; ids of the rules that take its traffic. */
    size_t n_blockers;
    bool different_action; /* One of the blockers decides otherwise. */
};

struct problems {
    struct problem *list;
    size_t n;
    size_t n_errors; /* Of all, those left out included. */
    size_t n_kept[PROBLEM_N_SEVERITIES];
    size_t n_left_out[PROBLEM_N_SEVERITIES];
};

void problems_init(struct problems *);
void problems_done(struct problems *);

/* Returns the problem, to say more about it until the next one is added; NULL
 * if it was left out.  It takes the place of the last of the least severe ones
 * where there are PROBLEMS_MAX already. */
struct problem *problems_add(struct problems *, enum problem_severity,
                             const char *code, const char *file, unsigned line,
                             unsigned column, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* False if a problem of this severity would be left out: saying it well is not
 * worth the time.  problems_skip() then counts it. */
bool problems_wants(const struct problems *, enum problem_severity);
void problems_skip(struct problems *, enum problem_severity);

/* Forgets warnings and news, those left out included. */
void problems_keep_errors(struct problems *);

/* What a tool reads of a problem that is about a rule.  They accept NULL as the
 * problem; what does not fit into memory is left out. */
void problem_set_rule(struct problem *, const char *rule);
void problem_add_blocker(struct problem *, const char *rule);

/* Keeps, for the problems of 'file' with a position and no line yet, the text
 * of their line. */
void problems_quote(struct problems *, const char *file, const char *bytes,
                    size_t size);

/* Every problem in the order in which they are told: of files, then of
 * positions.  Where some were left out a last one, W-LEFT-OUT, says how many.
 */
void problems_each(const struct problems *,
                   void (*each)(void *context, const struct problem *),
                   void *context);

const char *problem_severity_name(enum problem_severity);

/* "file:line:column: CODE: text", then the line and a caret where known; in the
 * order of problems_each(). */
void problems_print(const struct problems *, FILE *);

#endif

/* What 'segmon doctor' found out: findings, each with what is wrong, why that
 * matters, a command that puts it right, and what was measured.
 *
 * One thread's.  Memory is bounded: DIAGNOSIS_MAX findings of fixed size, and
 * what goes beyond is counted.  Texts from outside may hold any bytes; who
 * prints them makes them harmless (doctor_text.h, doctor_json.h). */

#ifndef TOOLS_DOCTOR_DIAGNOSIS_H
#define TOOLS_DOCTOR_DIAGNOSIS_H

#include "tools/doctor/diagnosis_codes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIAGNOSIS_MAX = 256,
    DIAGNOSIS_MAX_UNEXAMINED = 64,
    DIAGNOSIS_MAX_EVIDENCE = 6,
    DIAGNOSIS_SUBJECT_SIZE = 160,
    DIAGNOSIS_TEXT_SIZE = 256,
    DIAGNOSIS_FIX_SIZE = 512,
    DIAGNOSIS_VALUE_SIZE = 96,
    DIAGNOSIS_WORD_SIZE = 256 /* A shell's word, quoted. */
};

/* X(NAME, "name"), from good to bad. */
#define DIAGNOSIS_SEVERITIES(X)                                                \
    X(OK, "ok")                                                                \
    X(INFO, "info")                                                            \
    X(WARNING, "warning")                                                      \
    X(CRITICAL, "critical")

#define DIAGNOSIS_AREAS(X)                                                     \
    X(LINK, "link")                                                            \
    X(TRAFFIC, "traffic")                                                      \
    X(CLOCK, "clock")                                                          \
    X(HOST, "host")                                                            \
    X(REDIS, "redis")                                                          \
    X(SENSOR, "sensor")

enum diagnosis_severity {
#define DIAGNOSIS_ENUM(NAME, TEXT) DIAGNOSIS_##NAME,
    DIAGNOSIS_SEVERITIES(DIAGNOSIS_ENUM) DIAGNOSIS_N_SEVERITIES
};

enum diagnosis_area {
    DIAGNOSIS_AREAS(DIAGNOSIS_ENUM) DIAGNOSIS_N_AREAS
#undef DIAGNOSIS_ENUM
};

enum diagnosis_code {
#define DIAGNOSIS_ENUM(NAME, CODE, SEVERITY, AREA, WHY) DIAGNOSIS_##NAME,
    DIAGNOSIS_CODES(DIAGNOSIS_ENUM) DIAGNOSIS_N_CODES
#undef DIAGNOSIS_ENUM
};

/* What stands in the table about a code. */
struct diagnosis_kind {
    const char *code;
    enum diagnosis_severity severity;
    enum diagnosis_area area;
    const char *why;
};

struct diagnosis_evidence {
    const char *name; /* A literal; snake_case. */
    bool is_number;
    uint64_t number;
    char text[DIAGNOSIS_VALUE_SIZE];
};

struct diagnosis_finding {
    enum diagnosis_code code;
    char subject[DIAGNOSIS_SUBJECT_SIZE]; /* Which interface, server or file. */
    char what[DIAGNOSIS_TEXT_SIZE];       /* One sentence, no period. */
    char fix[DIAGNOSIS_FIX_SIZE];         /* One command line; "": none. */
    struct diagnosis_evidence evidence[DIAGNOSIS_MAX_EVIDENCE];
    size_t n_evidence;
};

/* What could not be looked at, so that nothing found does not mean fine. */
struct diagnosis_unexamined {
    enum diagnosis_area area;
    char subject[DIAGNOSIS_SUBJECT_SIZE];
    char reason[DIAGNOSIS_TEXT_SIZE];
};

struct diagnosis {
    struct diagnosis_finding findings[DIAGNOSIS_MAX];
    size_t n_findings;
    uint64_t left_out;             /* What there was no room for. */
    enum diagnosis_severity worst; /* Of those left out, too. */
    struct diagnosis_unexamined unexamined[DIAGNOSIS_MAX_UNEXAMINED];
    size_t n_unexamined;
    bool is_incomplete; /* Something was not examined. */
    uint64_t n_ignored;
    bool ignored[DIAGNOSIS_N_CODES];
    struct diagnosis_finding spare; /* For those that are not kept. */
};

const struct diagnosis_kind *diagnosis_kind_of(enum diagnosis_code);
const char *diagnosis_severity_name(enum diagnosis_severity);
const char *diagnosis_area_name(enum diagnosis_area);

void diagnosis_init(struct diagnosis *);

/* "CODE,...": findings of these are counted, and not kept.  False, if one of
 * the names is no code. */
bool diagnosis_ignore(struct diagnosis *, const char *codes);

/* A finding; more is told of it by the functions below.  Never NULL, and valid
 * until the next one. */
struct diagnosis_finding *diagnosis_add(struct diagnosis *, enum diagnosis_code,
                                        const char *subject, const char *what,
                                        ...)
    __attribute__((format(printf, 4, 5)));

void diagnosis_fix(struct diagnosis_finding *, const char *command, ...)
    __attribute__((format(printf, 2, 3)));
void diagnosis_number(struct diagnosis_finding *, const char *name,
                      uint64_t number);
void diagnosis_text(struct diagnosis_finding *, const char *name,
                    const char *text);

void diagnosis_skip(struct diagnosis *, enum diagnosis_area,
                    const char *subject, const char *reason);

/* Puts the worst first, then those of one code together. */
void diagnosis_sort(struct diagnosis *);

/* 'text' as one word of a shell: as it is, or in quotes. */
const char *diagnosis_word(const char *text, char word[DIAGNOSIS_WORD_SIZE]);

/* Whether 'part' is 'percent' or more of 'whole'; false of nothing. */
static inline bool
diagnosis_is_share(uint64_t part, uint64_t whole, unsigned percent)
{
    return whole && part * 100 >= whole * percent;
}

#endif

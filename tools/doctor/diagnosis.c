/* A bounded list of findings; see diagnosis.h. */

#include "tools/doctor/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ignore_one(struct diagnosis *, const char *code, size_t length);
static struct diagnosis_finding *room_for(struct diagnosis *,
                                          enum diagnosis_code);
static struct diagnosis_evidence *next_evidence(struct diagnosis_finding *,
                                                const char *name);
static int compare(const void *, const void *);

static const struct diagnosis_kind kinds[] = {
#define DIAGNOSIS_KIND(NAME, CODE, SEVERITY, AREA, WHY)                        \
    {CODE, DIAGNOSIS_##SEVERITY, DIAGNOSIS_##AREA, WHY},
    DIAGNOSIS_CODES(DIAGNOSIS_KIND)
#undef DIAGNOSIS_KIND
};

#define DIAGNOSIS_NAME(NAME, TEXT) TEXT,
static const char *const severity_names[] = {
    DIAGNOSIS_SEVERITIES(DIAGNOSIS_NAME)};
static const char *const area_names[] = {DIAGNOSIS_AREAS(DIAGNOSIS_NAME)};
#undef DIAGNOSIS_NAME

const struct diagnosis_kind *
diagnosis_kind_of(enum diagnosis_code code)
{
    return &kinds[code];
}

const char *
diagnosis_severity_name(enum diagnosis_severity severity)
{
    return severity_names[severity];
}

const char *
diagnosis_area_name(enum diagnosis_area area)
{
    return area_names[area];
}

void
diagnosis_init(struct diagnosis *diagnosis)
{
    memset(diagnosis, 0, sizeof *diagnosis);
}

bool
diagnosis_ignore(struct diagnosis *diagnosis, const char *codes)
{
    for (;;) {
        size_t length = strcspn(codes, ",");

        if (!ignore_one(diagnosis, codes, length)) {
            return false;
        }
        if (!codes[length]) {
            return true;
        }
        codes += length + 1;
    }
}

static bool
ignore_one(struct diagnosis *diagnosis, const char *code, size_t length)
{
    for (size_t i = 0; i < DIAGNOSIS_N_CODES; i++) {
        if (strlen(kinds[i].code) == length &&
            memcmp(kinds[i].code, code, length) == 0) {
            diagnosis->ignored[i] = true;
            return true;
        }
    }
    return false;
}

struct diagnosis_finding *
diagnosis_add(struct diagnosis *diagnosis, enum diagnosis_code code,
              const char *subject, const char *what, ...)
{
    struct diagnosis_finding *finding = room_for(diagnosis, code);
    va_list arguments;

    memset(finding, 0, sizeof *finding);
    finding->code = code;
    snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    va_start(arguments, what);
    vsnprintf(finding->what, sizeof finding->what, what, arguments);
    va_end(arguments);
    return finding;
}

static struct diagnosis_finding *
room_for(struct diagnosis *diagnosis, enum diagnosis_code code)
{
    if (diagnosis->ignored[code]) {
        diagnosis->n_ignored++;
        return &diagnosis->spare;
    }
    if (kinds[code].severity > diagnosis->worst) {
        diagnosis->worst = kinds[code].severity;
    }
    if (diagnosis->n_findings == DIAGNOSIS_MAX) {
        diagnosis->left_out++;
        return &diagnosis->spare;
    }
    return &diagnosis->findings[diagnosis->n_findings++];
}

void
diagnosis_fix(struct diagnosis_finding *finding, const char *command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    vsnprintf(finding->fix, sizeof finding->fix, command, arguments);
    va_end(arguments);
}

void
diagnosis_number(struct diagnosis_finding *finding, const char *name,
                 uint64_t number)
{
    struct diagnosis_evidence *evidence = next_evidence(finding, name);

    if (evidence) {
        evidence->is_number = true;
        evidence->number = number;
    }
}

void
diagnosis_text(struct diagnosis_finding *finding, const char *name,
               const char *text)
{
    struct diagnosis_evidence *evidence = next_evidence(finding, name);

    if (evidence) {
        snprintf(evidence->text, sizeof evidence->text, "%s", text);
    }
}

static struct diagnosis_evidence *
next_evidence(struct diagnosis_finding *finding, const char *name)
{
    struct diagnosis_evidence *evidence;

    if (finding->n_evidence == DIAGNOSIS_MAX_EVIDENCE) {
        return NULL;
    }
    evidence = &finding->evidence[finding->n_evidence++];
    evidence->name = name;
    return evidence;
}

void
diagnosis_skip(struct diagnosis *diagnosis, enum diagnosis_area area,
               const char *subject, const char *reason)
{
    struct diagnosis_unexamined *unexamined;

    diagnosis->is_incomplete = true;
    if (diagnosis->n_unexamined == DIAGNOSIS_MAX_UNEXAMINED) {
        diagnosis->left_out++;
        return;
    }
    unexamined = &diagnosis->unexamined[diagnosis->n_unexamined++];
    unexamined->area = area;
    snprintf(unexamined->subject, sizeof unexamined->subject, "%s", subject);
    snprintf(unexamined->reason, sizeof unexamined->reason, "%s", reason);
}

void
diagnosis_sort(struct diagnosis *diagnosis)
{
    qsort(diagnosis->findings, diagnosis->n_findings,
          sizeof diagnosis->findings[0], compare);
}

/* Codes are in the order of the way of a packet. */
static int
compare(const void *left, const void *right)
{
    const struct diagnosis_finding *a = left;
    const struct diagnosis_finding *b = right;
    enum diagnosis_severity a_is = kinds[a->code].severity;
    enum diagnosis_severity b_is = kinds[b->code].severity;

    if (a_is != b_is) {
        return a_is > b_is ? -1 : 1;
    }
    if (a->code != b->code) {
        return a->code < b->code ? -1 : 1;
    }
    return strcmp(a->subject, b->subject);
}

const char *
diagnosis_word(const char *text, char word[DIAGNOSIS_WORD_SIZE])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789@%_+=:,./-";
    size_t at = 0;

    if (text[0] && strspn(text, plain) == strlen(text)) {
        snprintf(word, DIAGNOSIS_WORD_SIZE, "%s", text);
        return word;
    }
    word[at++] = '\'';
    for (; *text && at + 6 < DIAGNOSIS_WORD_SIZE; text++) {
        if (*text == '\'') { /* Ends the quotes for its own sake. */
            memcpy(word + at, "'\\''", 4);
            at += 4;
        } else {
            word[at++] = *text;
        }
    }
    word[at++] = '\'';
    word[at] = '\0';
    return word;
}

/* The list keeps mistakes in the order they were found; only printing sorts
 * them, since a loader finds references last. */

#include "rules/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBLEM_MESSAGE_SIZE = 600,
    PROBLEM_SOURCE_SIZE = 160 /* Of a quoted line; longer ones are not shown. */
};

static bool problems_make_room(struct problems *, enum problem_severity);
static void problem_done(struct problem *);
static size_t problems_of_file(struct problems *, const char *file,
                               struct problem *sorted[PROBLEMS_MAX]);
static char *line_copy(const char *start, const char *end);
static void tell_left_out(const struct problems *,
                          void (*each)(void *context, const struct problem *),
                          void *context);
static size_t problems_file_order(const struct problems *, const char *file);
static bool problem_before(const struct problems *, const struct problem *,
                           const struct problem *);
static void problem_print(void *context, const struct problem *);
static void print_plain(const char *text, FILE *);

void
problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
}

void
problems_done(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        problem_done(&problems->list[i]);
    }
    free(problems->list);
    problems_init(problems);
}

/* A position is three parameters, and the text has its own. */
struct problem * /* NOLINTNEXTLINE(readability-function-size) */
problems_add(struct problems *problems, enum problem_severity severity,
             const char *code, const char *file, unsigned line, unsigned column,
             const char *format, ...)
{
    char message[PROBLEM_MESSAGE_SIZE];
    struct problem *problem;
    va_list args;

    if (!problems_make_room(problems, severity)) {
        problems_skip(problems, severity);
        return NULL;
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    problem = &problems->list[problems->n];
    *problem = (struct problem){.severity = severity,
                                .code = code,
                                .file = strdup(file ? file : ""),
                                .line = line,
                                .column = column,
                                .message = strdup(message)};
    if (!problem->file || !problem->message) {
        problem_done(problem);
        problems_skip(problems, severity);
        return NULL;
    }
    problems->n++;
    problems->n_kept[severity]++;
    problems->n_errors += severity == PROBLEM_ERROR;
    return problem;
}

bool
problems_wants(const struct problems *problems, enum problem_severity severity)
{
    size_t n_as_severe = 0;

    for (unsigned i = severity; i < PROBLEM_N_SEVERITIES; i++) {
        n_as_severe += problems->n_kept[i];
    }
    return n_as_severe < PROBLEMS_MAX;
}

void
problems_skip(struct problems *problems, enum problem_severity severity)
{
    problems->n_left_out[severity]++;
    problems->n_errors += severity == PROBLEM_ERROR;
}

void
problems_keep_errors(struct problems *problems)
{
    size_t n = 0;

    for (size_t i = 0; i < problems->n; i++) {
        if (problems->list[i].severity == PROBLEM_ERROR) {
            problems->list[n++] = problems->list[i];
        } else {
            problem_done(&problems->list[i]);
        }
    }
    problems->n = n;
    for (int i = 0; i < PROBLEM_ERROR; i++) {
        problems->n_kept[i] = problems->n_left_out[i] = 0;
    }
}

void
problem_set_rule(struct problem *problem, const char *rule)
{
    if (problem) {
        free(problem->rule);
        problem->rule = strdup(rule);
    }
}

void
problem_add_blocker(struct problem *problem, const char *rule)
{
    char **larger;

    if (!problem) {
        return;
    }
    larger =
        realloc(problem->blockers, (problem->n_blockers + 1) * sizeof *larger);
    if (!larger) {
        return;
    }
    problem->blockers = larger;
    larger[problem->n_blockers] = strdup(rule);
    problem->n_blockers += larger[problem->n_blockers] != NULL;
}

/* One walk through the file, however many problems it has. */
void
problems_quote(struct problems *problems, const char *file, const char *bytes,
               size_t size)
{
    struct problem *sorted[PROBLEMS_MAX];
    size_t n = problems_of_file(problems, file, sorted);
    const char *start = bytes, *end = bytes + size;
    unsigned line = 1;

    for (size_t i = 0; start && i < n; i++) {
        for (; start && line < sorted[i]->line; line++) {
            start = memchr(start, '\n', (size_t)(end - start));
            start = start ? start + 1 : NULL;
        }
        if (start && start < end) {
            sorted[i]->source_line = line_copy(start, end);
        }
    }
}

void
problems_each(const struct problems *problems,
              void (*each)(void *context, const struct problem *),
              void *context)
{
    const struct problem *sorted[PROBLEMS_MAX];
    size_t n = 0;

    for (; n < problems->n; n++) {
        size_t at = n;

        while (at &&
               problem_before(problems, &problems->list[n], sorted[at - 1])) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &problems->list[n];
    }
    for (size_t i = 0; i < n; i++) {
        each(context, sorted[i]);
    }
    tell_left_out(problems, each, context);
}

const char *
problem_severity_name(enum problem_severity severity)
{
    static const char *const names[] = {"info", "warning", "error"};

    return names[severity];
}

void
problems_print(const struct problems *problems, FILE *out)
{
    problems_each(problems, problem_print, out);
}

/* True if there is room for one more in the list. */
static bool
problems_make_room(struct problems *problems, enum problem_severity severity)
{
    enum problem_severity least = PROBLEM_INFO;
    size_t last = problems->n;

    if (!problems->list) {
        problems->list = calloc(PROBLEMS_MAX, sizeof *problems->list);
    }
    if (!problems->list || !problems_wants(problems, severity)) {
        return false;
    }
    if (problems->n < PROBLEMS_MAX) {
        return true;
    }
    while (!problems->n_kept[least]) {
        least++;
    }
    do {
        last--;
    } while (problems->list[last].severity != least);
    problem_done(&problems->list[last]);
    problems->n--;
    memmove(&problems->list[last], &problems->list[last + 1],
            (problems->n - last) * sizeof *problems->list);
    problems->n_kept[least]--;
    problems->n_left_out[least]++;
    return true;
}

static void
problem_done(struct problem *problem)
{
    free(problem->file);
    free(problem->message);
    free(problem->source_line);
    free(problem->rule);
    for (size_t i = 0; i < problem->n_blockers; i++) {
        free(problem->blockers[i]);
    }
    free(problem->blockers);
}

/* Those with a line still to be quoted, in the order of their lines. */
static size_t
problems_of_file(struct problems *problems, const char *file,
                 struct problem *sorted[PROBLEMS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < problems->n; i++) {
        struct problem *problem = &problems->list[i];
        size_t at = n;

        if (problem->source_line || !problem->line ||
            strcmp(problem->file, file) != 0) {
            continue;
        }
        for (; at && problem->line < sorted[at - 1]->line; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = problem;
        n++;
    }
    return n;
}

/* NULL if the line is too long to be shown, and then not looked at further. */
static char *
line_copy(const char *start, const char *end)
{
    const char *stop;

    if (end - start > PROBLEM_SOURCE_SIZE) {
        end = start + PROBLEM_SOURCE_SIZE;
    }
    stop = memchr(start, '\n', (size_t)(end - start));
    stop = stop ? stop : end;
    if (stop > start && stop[-1] == '\r') {
        stop--;
    }
    return stop - start < PROBLEM_SOURCE_SIZE
               ? strndup(start, (size_t)(stop - start))
               : NULL;
}

static void
tell_left_out(const struct problems *problems,
              void (*each)(void *context, const struct problem *),
              void *context)
{
    const size_t *n = problems->n_left_out;
    char message[PROBLEM_MESSAGE_SIZE], none[] = "";
    struct problem problem = {.severity = PROBLEM_WARNING,
                              .code = "W-LEFT-OUT",
                              .file =
                                  problems->n ? problems->list[0].file : none,
                              .message = message};

    if (n[PROBLEM_ERROR] + n[PROBLEM_WARNING] + n[PROBLEM_INFO]) {
        snprintf(message, sizeof message,
                 "only %zu findings are shown; left out: %zu errors, %zu "
                 "warnings, %zu notes",
                 problems->n, n[PROBLEM_ERROR], n[PROBLEM_WARNING],
                 n[PROBLEM_INFO]);
        each(context, &problem);
    }
}

/* Files print in the order in which they were first complained about. */
static size_t
problems_file_order(const struct problems *problems, const char *file)
{
    size_t i = 0;

    while (i < problems->n && strcmp(problems->list[i].file, file) != 0) {
        i++;
    }
    return i;
}

static bool
problem_before(const struct problems *problems, const struct problem *a,
               const struct problem *b)
{
    size_t file_a = problems_file_order(problems, a->file);
    size_t file_b = problems_file_order(problems, b->file);

    if (file_a != file_b) {
        return file_a < file_b;
    }
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static void
problem_print(void *context, const struct problem *problem)
{
    FILE *out = context;

    print_plain(problem->file, out);
    if (problem->line) {
        fprintf(out, ":%u:%u", problem->line, problem->column);
    }
    fprintf(out, "%s%s: ", problem->file[0] ? ": " : "", problem->code);
    print_plain(problem->message, out);
    fputc('\n', out);
    if (!problem->source_line) {
        return;
    }
    fputs("    ", out);
    print_plain(problem->source_line, out);
    fprintf(out, "\n    %*s^\n",
            problem->column ? (int)(problem->column - 1) : 0, "");
}

/* Names of the policy's are in here, which must not steer a terminal: blanks
 * for control characters, those of Unicode (C2 80 to C2 9F) included. */
static void
print_plain(const char *text, FILE *out)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == 0xc2 && (unsigned char)text[1] >> 5 == 0x80 >> 5) {
            text++;
            byte = ' ';
        }
        fputc(byte < ' ' || byte == 0x7f ? ' ' : byte, out);
    }
}

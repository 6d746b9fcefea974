/* The list keeps the first PROBLEMS_MAX mistakes in the order they were found;
 * only printing sorts them, since a loader finds references last. */

#include "rules/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBLEM_MESSAGE_SIZE = 600,
    PROBLEM_SOURCE_SIZE = 160 /* Of a quoted line; longer ones are not shown. */
};

static size_t problems_file_order(const struct problems *, const char *file);
static bool problem_before(const struct problems *, const struct problem *,
                           const struct problem *);
static void problem_print(void *context, const struct problem *);

void
problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
}

void
problems_done(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        free(problems->list[i].file);
        free(problems->list[i].message);
        free(problems->list[i].source_line);
        free(problems->list[i].rule);
        for (size_t k = 0; k < problems->list[i].n_blockers; k++) {
            free(problems->list[i].blockers[k]);
        }
        free(problems->list[i].blockers);
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

    problems->n_errors += severity == PROBLEM_ERROR;
    if (!problems->list) {
        problems->list = calloc(PROBLEMS_MAX, sizeof *problems->list);
    }
    if (!problems->list || problems->n == PROBLEMS_MAX) {
        problems->n_left_out++;
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
        free(problem->file);
        free(problem->message);
        problems->n_left_out++;
        return NULL;
    }
    problems->n++;
    return problem;
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

void
problems_quote(struct problems *problems, const char *file, const char *bytes,
               size_t size)
{
    for (size_t i = 0; i < problems->n; i++) {
        struct problem *problem = &problems->list[i];
        const char *end = bytes + size, *start = bytes, *stop;

        if (problem->source_line || !problem->line ||
            strcmp(problem->file, file) != 0) {
            continue;
        }
        for (unsigned line = 1; start && line < problem->line; line++) {
            start = memchr(start, '\n', (size_t)(end - start));
            start = start ? start + 1 : NULL;
        }
        if (!start || start == end) {
            continue;
        }
        stop = memchr(start, '\n', (size_t)(end - start));
        stop = stop ? stop : end;
        if (stop > start && stop[-1] == '\r') {
            stop--;
        }
        if (stop - start < PROBLEM_SOURCE_SIZE) {
            problem->source_line = strndup(start, (size_t)(stop - start));
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
    if (problems->n_left_out) {
        fprintf(out, "... and %zu more\n", problems->n_left_out);
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

    fputs(problem->file, out);
    if (problem->line) {
        fprintf(out, ":%u:%u", problem->line, problem->column);
    }
    fprintf(out, "%s%s: %s\n", problem->file[0] ? ": " : "", problem->code,
            problem->message);
    if (!problem->source_line) {
        return;
    }
    fputs("    ", out);
    for (const char *c = problem->source_line; *c; c++) {
        fputc((unsigned char)*c < ' ' ? ' ' : *c, out);
    }
    fprintf(out, "\n    %*s^\n",
            problem->column ? (int)(problem->column - 1) : 0, "");
}

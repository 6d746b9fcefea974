/* What was exercised, for who owns the policy: the rules nobody has seen work
 * come first. */

#ifndef TOOLS_REPORT_COVERAGE_REPORT_H
#define TOOLS_REPORT_COVERAGE_REPORT_H

#include "rules/coverage.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    COVERAGE_MAX_CELLS_TOLD = 40 /* In the text; JSON lists all. */
};

/* For people.  'what' are the questions: "tests", "flows". */
void coverage_print_text(const struct coverage *, const char *what, FILE *);

/* One JSON object a line: a summary, then every rule, then every cell that was
 * exercised.  False when out of memory: then lines are missing. */
bool coverage_print_json(const struct coverage *, FILE *);

#endif

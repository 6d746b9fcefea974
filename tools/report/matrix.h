/* The segment matrix of a summary: who talks to whom, and what the policy says
 * about it. */

#ifndef TOOLS_REPORT_MATRIX_H
#define TOOLS_REPORT_MATRIX_H

#include <stdio.h>

struct summary;

/* A table where it fits the width; else the pairs as a list, the worst first.
 */
void matrix_print(const struct summary *, FILE *);

#endif

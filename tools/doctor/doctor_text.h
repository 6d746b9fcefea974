/* An examination for people: what was looked at in a line each, and what was
 * found, worst first. */

#ifndef TOOLS_DOCTOR_DOCTOR_TEXT_H
#define TOOLS_DOCTOR_DOCTOR_TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct doctor;

/* Whatever names and servers say, nothing disturbs a terminal. */
void doctor_print(const struct doctor *, bool color, FILE *);

#endif

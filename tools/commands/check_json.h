/* What 'segmon check' found, as JSON: for editors and pipelines. */

#ifndef TOOLS_COMMANDS_CHECK_JSON_H
#define TOOLS_COMMANDS_CHECK_JSON_H

#include "rules/problems.h"

/* One finding a line on standard output: code, severity, file, line, column,
 * message, rule, blockers, different_action.  Positions are null where there
 * are none, and so is what does not apply to a finding; 'blockers' is then
 * empty. */
void check_json_print(const struct problems *);

#endif

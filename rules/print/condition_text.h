/* What a rule asks for, in words close to the policy's: for people.  A text
 * that does not fit ends with "...".  Names of applications are in lower case,
 * as the compiled policy keeps them.  Pure; any thread. */

#ifndef RULES_PRINT_CONDITION_TEXT_H
#define RULES_PRINT_CONDITION_TEXT_H

#include "rules/policy_impl.h"

enum {
    CONDITION_TEXT = 240
};

/* What would fulfil the condition: "10.1.0.0-10.1.0.9, 10.2.0.1". */
const char *rule_condition_text(const struct policy *, const struct rule *,
                                enum rule_condition, char text[CONDITION_TEXT]);
const char *rule_requirement_text(const struct policy *, const struct rule *,
                                  enum rule_requirement,
                                  char text[CONDITION_TEXT]);
const char *rule_service_text(const struct rule *, char text[CONDITION_TEXT]);

/* "vlans 10, 20-29; sensors dmz-*"; "" for NULL. */
const char *qualifiers_text(const struct segment_qualifiers *, char *text,
                            size_t size);

#endif

/* The policy that is read wherever fixed_policy.c is linked. */

#ifndef TESTS_TOOLS_EVENT_FIXED_POLICY_H
#define TESTS_TOOLS_EVENT_FIXED_POLICY_H

#include "rules/policy.h"

const struct policy *fixed_policy(void);

/* As another policy with the same content. */
const struct policy *fixed_policy_again(void);

#endif

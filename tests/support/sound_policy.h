/* A policy that a test takes to be sound: what is wrong with it is printed, and
 * fails the test. */

#ifndef TESTS_SUPPORT_SOUND_POLICY_H
#define TESTS_SUPPORT_SOUND_POLICY_H

#include "tests/support/test.h"

#include "rules/policy.h"
#include "rules/problems.h"

#include <stdio.h>

/* The caller owns it.  'engine' as for policy_load(), or NULL. */
static inline struct policy *
sound_policy(const char *text, size_t size,
             const struct application_engine *engine)
{
    struct problems problems;
    struct policy *policy;

    problems_init(&problems);
    policy = policy_load_bytes("policy.yaml", text, size, engine, &problems);
    if (problems.n_errors) {
        problems_print(&problems, stderr);
        fwrite(text, 1, size, stderr);
    }
    problems_done(&problems);
    assert_non_null(policy);
    return policy;
}

#endif

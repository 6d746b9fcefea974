/* policy_load.h, problems.h: a mebibyte of anything gets a diagnosis, or loads.
 * What it costs is what bench_load shows. */

#include "tests/support/test.h"

#include "rules/policy.h"
#include "rules/problems.h"
#include "tests/rules/hostile.h"

#include <stdlib.h>
#include <string.h>

/* A code, a text and a file for everything, and what is not listed counted. */
static bool
is_complete(const struct problems *problems)
{
    size_t left_out = 0;

    for (size_t i = 0; i < PROBLEM_N_SEVERITIES; i++) {
        left_out += problems->n_left_out[i];
    }
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *problem = &problems->list[i];

        if (strlen(problem->message) < 10 ||
            strcmp(problem->file, "p.yaml") != 0) {
            return false;
        }
    }
    return left_out == 0 || problems->n == PROBLEMS_MAX;
}

static bool
is_diagnosed(const struct hostile *hostile)
{
    struct problems problems;
    struct policy *policy;
    const char *code;
    size_t size;
    char *text = hostile_text(hostile, &size);
    bool good;

    assert_non_null(text);
    problems_init(&problems);
    policy = policy_load_bytes("p.yaml", text, size, NULL, &problems);
    code = problems.n ? problems.list[0].code : "";
    good = strcmp(code, hostile->code ? hostile->code : "") == 0 &&
           is_complete(&problems) &&
           (policy != NULL) == (problems.n_errors == 0);
    if (!good) {
        print_error("%s: %s\n", hostile->name, code);
    }
    policy_unref(policy);
    problems_done(&problems);
    free(text);
    return good;
}

static void
a_mebibyte_of_anything_is_diagnosed(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < hostile_n_policies; i++) {
        wrong += !is_diagnosed(&hostile_policies[i]);
    }
    assert_int_equal(wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mebibyte_of_anything_is_diagnosed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

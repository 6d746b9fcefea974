/* The policies in policies/: each shows one part of the language, sentence by
 * sentence, in the tests it carries. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/policy.h"
#include "rules/problems.h"

#include <glob.h>
#include <stdio.h>

enum {
    LEAST_TESTS = 150 /* In all; fewer means that some were not found. */
};

static size_t
errors_of(const char *path, const struct application_engine *engine,
          size_t *n_tests)
{
    struct problems problems;
    struct policy *policy;
    size_t errors;

    problems_init(&problems);
    policy = policy_load(path, engine, &problems);
    if (policy) {
        *n_tests += policy_run_tests(policy, engine, &problems);
    }
    errors = problems.n_errors;
    if (errors) {
        problems_print(&problems, stderr);
    }
    policy_unref(policy);
    problems_done(&problems);
    return errors;
}

static void
every_sentence_of_the_language_holds(void **state)
{
    struct application_engine *engine;
    size_t errors = 0, n_tests = 0;
    struct error error;
    glob_t found;

    (void)state;
    engine = application_engine_new(NULL, &error);
    assert_non_null(engine);
    assert_int_equal(
        glob(SOURCE_DIR "/tests/rules/policies/*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        errors += errors_of(found.gl_pathv[i], engine, &n_tests);
    }
    print_message("%zu policies, %zu tests\n", found.gl_pathc, n_tests);
    globfree(&found);
    application_engine_free(engine);
    assert_int_equal(errors, 0);
    assert_true(n_tests >= LEAST_TESTS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_of_the_language_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

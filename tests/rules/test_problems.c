/* problems.h */

#include "tests/support/test.h"

#include "rules/problems.h"

#include <stdio.h>
#include <string.h>

static void
problems_print_in_order_with_their_line(void **state)
{
    static const char file[] = "version: 1\nrules: [x]\n";
    struct problems problems;
    char text[400] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_non_null(out);
    problems_init(&problems);
    problems_add(&problems, PROBLEM_ERROR, "E-REF", "p.yaml", 2, 9, "no '%s'",
                 "x");
    problems_add(&problems, PROBLEM_WARNING, "W-BROAD", "p.yaml", 1, 1, "so");
    problems_quote(&problems, "p.yaml", file, sizeof file - 1);
    problems_print(&problems, out);
    fclose(out);
    assert_string_equal(text, "p.yaml:1:1: W-BROAD: so\n"
                              "    version: 1\n"
                              "    ^\n"
                              "p.yaml:2:9: E-REF: no 'x'\n"
                              "    rules: [x]\n"
                              "            ^\n");
    assert_int_equal(problems.n_errors, 1);
    problems_done(&problems);
}

static void
a_flood_of_mistakes_is_cut_and_counted(void **state)
{
    struct problems problems;

    (void)state;
    problems_init(&problems);
    for (unsigned i = 0; i < PROBLEMS_MAX + 7; i++) {
        problems_add(&problems, PROBLEM_ERROR, "E-REF", "p", i, 1, "x");
    }
    assert_int_equal(problems.n, PROBLEMS_MAX);
    assert_int_equal(problems.n_left_out, 7);
    assert_int_equal(problems.n_errors, PROBLEMS_MAX + 7);
    problems_done(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_print_in_order_with_their_line),
        cmocka_unit_test(a_flood_of_mistakes_is_cut_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

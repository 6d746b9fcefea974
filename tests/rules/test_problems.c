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
what_a_policy_holds_does_not_steer_the_terminal(void **state)
{
    static const char file[] = "a: \033[2J\t\xc2\x9b\xc3\xa9\n";
    struct problems problems;
    char text[400] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_non_null(out);
    problems_init(&problems);
    problems_add(&problems, PROBLEM_ERROR, "E-NAME", "p\n.yaml", 1, 4, "'%s'",
                 "\033]0;x\a\x7f\xc2\x85\xc2\xa9");
    problems_quote(&problems, "p\n.yaml", file, sizeof file - 1);
    problems_print(&problems, out);
    fclose(out);
    assert_string_equal(text, "p .yaml:1:4: E-NAME: ' ]0;x   \xc2\xa9'\n"
                              "    a:  [2J  \xc3\xa9\n"
                              "       ^\n");
    problems_done(&problems);
}

static void
only_errors_are_kept_when_only_they_are_wanted(void **state)
{
    struct problems problems;
    char text[400] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_non_null(out);
    problems_init(&problems);
    for (unsigned i = 0; i < PROBLEMS_MAX; i++) {
        problems_add(&problems, PROBLEM_INFO, "W-A", "p", 1, 1, "x");
        problems_add(&problems, PROBLEM_WARNING, "W-B", "p", 1, 1, "x");
    }
    problems_add(&problems, PROBLEM_ERROR, "E-REF", "p", 2, 1, "y");
    problems_keep_errors(&problems);
    problems_print(&problems, out);
    fclose(out);
    assert_string_equal(text, "p:2:1: E-REF: y\n");
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
    assert_int_equal(problems.n_left_out[PROBLEM_ERROR], 7);
    assert_int_equal(problems.n_errors, PROBLEMS_MAX + 7);
    problems_done(&problems);
}

static void
gather_codes(void *context, const struct problem *problem)
{
    char *codes = context;

    if (!strstr(codes, problem->code)) {
        snprintf(codes + strlen(codes), 20, "%s", problem->code);
    }
}

/* Many news, then a warning and an error: both are kept, and what gave way is
 * told. */
static void
what_is_severe_is_kept_and_news_give_way(void **state)
{
    struct problems problems;
    char codes[100] = "", text[40000] = "";
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)state;
    assert_non_null(out);
    problems_init(&problems);
    for (unsigned i = 0; i < PROBLEMS_MAX; i++) {
        problems_add(&problems, PROBLEM_INFO, "I", "p", i + 1, 1, "%u", i);
    }
    assert_false(problems_wants(&problems, PROBLEM_INFO));
    assert_true(problems_wants(&problems, PROBLEM_WARNING));
    assert_non_null(
        problems_add(&problems, PROBLEM_WARNING, "W", "p", 7, 1, "w"));
    assert_null(problems_add(&problems, PROBLEM_INFO, "I", "p", 8, 1, "i"));
    assert_non_null(
        problems_add(&problems, PROBLEM_ERROR, "E", "p", 9, 1, "e"));
    assert_int_equal(problems.n, PROBLEMS_MAX);
    assert_int_equal(problems.n_left_out[PROBLEM_INFO], 3);
    assert_string_equal(problems.list[PROBLEMS_MAX - 3].message, "197");
    assert_string_equal(problems.list[PROBLEMS_MAX - 1].code, "E");
    problems_each(&problems, gather_codes, codes);
    assert_string_equal(codes, "IWEW-LEFT-OUT");
    problems_print(&problems, out);
    fclose(out);
    assert_non_null(strstr(text, "left out: 0 errors, 0 warnings, 3 notes"));
    problems_done(&problems);
}

static void
every_line_is_quoted_whatever_the_order(void **state)
{
    static const char file[] = "one\ntwo\nthree";
    struct problems problems;

    (void)state;
    problems_init(&problems);
    problems_add(&problems, PROBLEM_ERROR, "E", "p", 3, 1, "x");
    problems_add(&problems, PROBLEM_ERROR, "E", "p", 1, 1, "x");
    problems_add(&problems, PROBLEM_ERROR, "E", "p", 3, 2, "x");
    problems_add(&problems, PROBLEM_ERROR, "E", "other", 1, 1, "x");
    problems_add(&problems, PROBLEM_ERROR, "E", "p", 4, 1, "x");
    problems_quote(&problems, "p", file, sizeof file - 1);
    assert_string_equal(problems.list[0].source_line, "three");
    assert_string_equal(problems.list[1].source_line, "one");
    assert_string_equal(problems.list[2].source_line, "three");
    assert_null(problems.list[3].source_line);
    assert_null(problems.list[4].source_line);
    problems_done(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_print_in_order_with_their_line),
        cmocka_unit_test(what_a_policy_holds_does_not_steer_the_terminal),
        cmocka_unit_test(only_errors_are_kept_when_only_they_are_wanted),
        cmocka_unit_test(a_flood_of_mistakes_is_cut_and_counted),
        cmocka_unit_test(what_is_severe_is_kept_and_news_give_way),
        cmocka_unit_test(every_line_is_quoted_whatever_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

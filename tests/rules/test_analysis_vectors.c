/* analysis.h: the vectors that stand beside the policy language, where they are
 * present: a few rules, and everything that is to be found in them. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/analysis/analysis.h"
#include "rules/load/yaml_doc.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_SKIPPED = 77,
    MAX_TEXT = 8192
};

static const char head[] = "version: 1\nsegments:\n"
                           "  a: {networks: [10.1.0.0/16]}\n"
                           "  b: {networks: [10.2.0.0/16]}\n"
                           "  a-db: {networks: [10.1.5.0/24]}\n"
                           "  c: {networks: [10.3.0.0/16]}\n"
                           "rules:\n";
static char vectors[400];
static struct application_engine *engine;

static bool
is_finding(const struct problem *problem)
{
    return strcmp(problem->code, "W-SHADOWED") == 0 ||
           strcmp(problem->code, "W-REDUNDANT") == 0 ||
           strcmp(problem->code, "W-UNMATCHABLE") == 0;
}

static bool
is_wanted(const struct problem *problem, const struct yaml_node *wanted)
{
    const struct yaml_node *blockers = wanted->items[2];

    if (strcmp(problem->rule, wanted->items[0]->text) != 0 ||
        strcmp(problem->code + 2, wanted->items[1]->text) != 0 ||
        problem->n_blockers != blockers->n ||
        problem->different_action !=
            (strcmp(wanted->items[3]->text, "true") == 0)) {
        return false;
    }
    for (size_t i = 0; i < blockers->n; i++) {
        if (strcmp(problem->blockers[i], blockers->items[i]->text) != 0) {
            return false;
        }
    }
    return true;
}

/* Exactly the findings wanted, in their order. */
static int
vector_wrong(const struct yaml_node *one)
{
    const struct yaml_node *rules = yaml_doc_get(one, "r");
    const struct yaml_node *wanted = yaml_doc_get(one, "f");
    char text[MAX_TEXT];
    struct problems problems;
    struct policy *policy;
    size_t length, found = 0;
    int wrong = 0;

    length = (size_t)snprintf(text, sizeof text, "%s", head);
    for (size_t i = 0; i < rules->n; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "  - %s\n", rules->items[i]->text);
    }
    assert_true(length < sizeof text);
    problems_init(&problems);
    policy = policy_load_bytes("v.yaml", text, length, engine, &problems);
    assert_non_null(policy);
    policy_analyze(policy, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        const struct problem *problem = &problems.list[i];

        if (is_finding(problem)) {
            wrong +=
                found >= wanted->n || !is_wanted(problem, wanted->items[found]);
            found++;
        }
    }
    wrong += found != wanted->n;
    if (wrong) {
        print_error("%s:\n", yaml_doc_get(one, "id")->text);
        problems_print(&problems, stderr);
    }
    policy_unref(policy);
    problems_done(&problems);
    return wrong != 0;
}

static void
every_vector_finds_what_it_says(void **state)
{
    static char bytes[1 << 18];
    struct arena arena = {0};
    struct problems problems;
    const struct yaml_node *root;
    FILE *file = fopen(vectors, "r");
    int wrong = 0;
    size_t size;

    (void)state;
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    problems_init(&problems);
    root = yaml_doc_parse(&arena, "analysis.yaml", bytes, size, &problems);
    assert_non_null(root);
    for (size_t i = 0; i < root->n; i++) {
        wrong += vector_wrong(root->items[i]);
    }
    print_message("%zu vectors, %d wrong\n", root->n, wrong);
    assert_int_equal(wrong, 0);
    problems_done(&problems);
    arena_done(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_finds_what_it_says),
    };
    const char *shared = getenv("SEGMON_SHARED");
    struct error error;
    FILE *probe;
    int failed;

    snprintf(vectors, sizeof vectors, "%s/vectors/policy/analysis.yaml",
             shared ? shared : SOURCE_DIR "/../shared");
    probe = fopen(vectors, "r");
    if (!probe) {
        print_message("skipped: no vectors at %s\n", vectors);
        return EXIT_SKIPPED;
    }
    fclose(probe);
    engine = application_engine_new(NULL, &error);
    if (!engine) {
        print_error("no application engine\n");
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    application_engine_free(engine);
    return failed;
}

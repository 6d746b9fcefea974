/* The vectors that stand beside the policy language, where they are present:
 * one row, one flow, one verdict. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/judge/flow_test.h"
#include "rules/load/yaml_doc.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_COLUMNS = 40,
    MAX_LINE = 4096,
    MAX_POLICIES = 16,
    EXIT_SKIPPED = 77
};

static char folder[400];
static struct application_engine *engine;

static struct {
    char name[64];
    struct policy *policy;
} policies[MAX_POLICIES];

struct row {
    char line[MAX_LINE];
    const char *value[MAX_COLUMNS];
    size_t n;
};

static const char *
column(const struct row *head, const struct row *row, const char *name)
{
    for (size_t i = 0; i < head->n; i++) {
        if (strcmp(head->value[i], name) == 0) {
            return i < row->n ? row->value[i] : "";
        }
    }
    return "";
}

static bool
read_row(FILE *file, struct row *row)
{
    row->n = 0;
    if (!fgets(row->line, sizeof row->line, file)) {
        return false;
    }
    row->line[strcspn(row->line, "\n")] = '\0';
    for (char *at = row->line; at && row->n < MAX_COLUMNS;) {
        row->value[row->n++] = at;
        at = strchr(at, '\t');
        if (at) {
            *at++ = '\0';
        }
    }
    return true;
}

static const struct policy *
policy_named(const char *name)
{
    size_t i = 0;

    while (i < MAX_POLICIES && policies[i].policy &&
           strcmp(policies[i].name, name) != 0) {
        i++;
    }
    assert_true(i < MAX_POLICIES);
    if (!policies[i].policy) {
        struct problems problems;
        char path[512];

        problems_init(&problems);
        snprintf(path, sizeof path, "%s/policies/%s.yaml", folder, name);
        snprintf(policies[i].name, sizeof policies[i].name, "%s", name);
        policies[i].policy = policy_load(path, engine, &problems);
        problems_print(&problems, stderr);
        assert_non_null(policies[i].policy);
        policy_run_tests(policies[i].policy, engine, &problems);
        assert_int_equal(problems.n_errors, 0);
        problems_done(&problems);
    }
    return policies[i].policy;
}

struct flags {
    char text[512];
};

static void
append_flag(void *context, const char *flag)
{
    struct flags *flags = context;
    size_t length = strlen(flags->text);

    snprintf(flags->text + length, sizeof flags->text - length, "+%s", flag);
}

/* Every one of 'wanted', "+"-separated, is in 'got', "+a+b". */
static bool
has_all(const char *got, const char *wanted)
{
    char padded[600], one[300];

    snprintf(padded, sizeof padded, "%s+", got);
    while (*wanted) {
        size_t length = strcspn(wanted, "+");

        snprintf(one, sizeof one, "+%.*s+", (int)length, wanted);
        if (!strstr(padded, one)) {
            return false;
        }
        wanted += length + (wanted[length] == '+');
    }
    return true;
}

static int
differs(const struct row *head, const struct row *row, const char *name,
        const char *got)
{
    const char *wanted = column(head, row, name);

    if (!wanted[0] || strcmp(wanted, got) == 0) {
        return 0;
    }
    print_error("%s: %s is %s, not %s\n", row->value[0], name, got, wanted);
    return 1;
}

static int
judge_row(const struct row *head, const struct row *row)
{
    static const char *const facts[] = {
        "src",        "dst",   "proto",  "sport",        "dport",
        "icmp",       "vlan",  "sensor", "stage",        "app",
        "confidence", "tls",   "sni",    "host",         "risks",
        "initiator",  "reply", "start",  "icmp_related", "icmp_embedded"};
    const struct policy *policy = policy_named(column(head, row, "policy"));
    struct flags flags = {""}, tags = {""};
    char why[FLOW_TEST_WHY];
    struct question question;
    struct verdict verdict;
    struct flow_test test;
    int wrong = 0;

    flow_test_init(&test);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (!flow_test_set(&test, facts[i], column(head, row, facts[i]), why)) {
            print_error("%s: %s\n", row->value[0], why);
            return 1;
        }
    }
    if (!flow_test_question(&test, policy, engine, &question, why)) {
        print_error("%s: %s\n", row->value[0], why);
        return 1;
    }
    judge(policy, &question, &verdict);
    verdict_each_flag(policy, &verdict, append_flag, &flags);
    for (size_t i = 0; i < verdict.n_tags; i++) {
        append_flag(&tags, policy_rule(policy, (uint32_t)verdict.tags[i])->id);
    }
    wrong += differs(head, row, "decision", decision_name(verdict.decision));
    wrong += differs(head, row, "rule",
                     verdict_rule_name(policy, verdict.decision, verdict.rule));
    wrong += differs(head, row, "reason", verdict_reason_name(verdict.reason));
    wrong += differs(head, row, "src_segment",
                     policy_segment(policy, question.src_segment)->name);
    wrong += differs(head, row, "dst_segment",
                     policy_segment(policy, question.dst_segment)->name);
    wrong += differs(head, row, "staged_decision",
                     decision_name(verdict.staged_decision));
    wrong += differs(head, row, "staged_rule",
                     verdict_rule_name(policy, verdict.staged_decision,
                                       verdict.staged_rule));
    if (!has_all(flags.text, column(head, row, "flags"))) {
        wrong += differs(head, row, "flags", flags.text);
    }
    if (!has_all(tags.text, column(head, row, "tags"))) {
        wrong += differs(head, row, "tags", tags.text);
    }
    return wrong;
}

static void
every_vector_gets_its_verdict(void **state)
{
    static struct row head, row;
    char path[512];
    int wrong = 0, n = 0;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/cases.tsv", folder);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(read_row(file, &head));
    while (read_row(file, &row)) {
        wrong += judge_row(&head, &row) != 0;
        n++;
    }
    fclose(file);
    print_message("%d vectors, %d wrong\n", n, wrong);
    assert_true(n > 100);
    assert_int_equal(wrong, 0);
}

static bool
says(const char *message, const char *words)
{
    while (*message && strncasecmp(message, words, strlen(words)) != 0) {
        message++;
    }
    return *message;
}

/* The first error has the code, and says what is asked of it. */
static int
lint_case(const struct yaml_node *one)
{
    const char *id = yaml_doc_get(one, "id")->text;
    const char *code = yaml_doc_get(one, "code")->text;
    const char *text = yaml_doc_get(one, "y")->text, *got = "OK";
    const struct yaml_node *say = yaml_doc_get(one, "say");
    const struct problem *first = NULL;
    struct problems problems;
    struct policy *policy;
    int wrong = 0;

    problems_init(&problems);
    policy = policy_load_bytes("p.yaml", text, strlen(text), engine, &problems);
    assert_true(!policy == (problems.n_errors > 0));
    if (policy) {
        policy_run_tests(policy, engine, &problems);
    }
    for (size_t i = 0; i < problems.n && !first; i++) {
        if (problems.list[i].severity == PROBLEM_ERROR) {
            first = &problems.list[i];
            got = first->code;
        }
    }
    if (strcmp(got, code) != 0 || (say && !says(first->message, say->text)) ||
        (first && !first->line)) {
        print_error("%s: %s, not %s %s\n", id, got, code,
                    first ? first->message : "");
        wrong = 1;
    }
    policy_unref(policy);
    problems_done(&problems);
    return wrong;
}

static void
every_mistake_is_refused_with_its_code(void **state)
{
    static char bytes[1 << 20];
    struct arena arena = {0};
    struct problems problems;
    const struct yaml_node *root;
    char path[512];
    int wrong = 0;
    size_t size;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/lint/cases.yaml", folder);
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    problems_init(&problems);
    root = yaml_doc_parse(&arena, "cases.yaml", bytes, size, &problems);
    assert_non_null(root);
    for (size_t i = 0; i < root->n; i++) {
        wrong += lint_case(root->items[i]);
    }
    print_message("%zu mistakes, %d wrong\n", root->n, wrong);
    assert_int_equal(wrong, 0);
    problems_done(&problems);
    arena_done(&arena);
}

static int
tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAX_POLICIES; i++) {
        policy_unref(policies[i].policy);
    }
    application_engine_free(engine);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_gets_its_verdict),
        cmocka_unit_test(every_mistake_is_refused_with_its_code),
    };
    const char *shared = getenv("SEGMON_SHARED");
    struct error error;
    FILE *probe;
    char path[512];

    snprintf(folder, sizeof folder, "%s/vectors/policy",
             shared ? shared : SOURCE_DIR "/../shared");
    snprintf(path, sizeof path, "%s/cases.tsv", folder);
    probe = fopen(path, "r");
    if (!probe) {
        print_message("skipped: no policy vectors at %s\n", path);
        return EXIT_SKIPPED;
    }
    fclose(probe);
    engine = application_engine_new(NULL, &error);
    if (!engine) {
        print_error("no application engine\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

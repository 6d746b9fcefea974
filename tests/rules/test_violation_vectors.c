/* violation.h on the acceptance cases of alerting and severity. */

#include "tests/support/test.h"

#include "rules/load/yaml_doc.h"
#include "tests/rules/violations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_SKIPPED = 77
};

static const char *
vectors_path(void)
{
    static char path[512];
    const char *shared = getenv("SEGMON_SHARED");

    snprintf(path, sizeof path, "%s/vectors/policy/alerts.yaml",
             shared ? shared : SOURCE_DIR "/../shared");
    return path;
}

static const char *
text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = map ? yaml_doc_get(map, key) : NULL;

    return node ? node->text : NULL;
}

static int
word_of(const char *const *words, const char *word)
{
    int i = 0;

    while (words[i] && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

static const char *const outcomes[] = {"attempt", "refused", "established",
                                       NULL};

/* Hosts are letters with an optional number: s, d, d1. */
static uint32_t
host_of(const char *name)
{
    return (uint32_t)(unsigned char)name[0] * 16 +
           (name[1] ? (uint32_t)(name[1] - '0') : 0);
}

static void
run_sequence(const struct yaml_node *one)
{
    const struct yaml_node *cfg = yaml_doc_get(one, "cfg");
    const struct yaml_node *hits = yaml_doc_get(one, "hits");
    const struct yaml_node *emits = yaml_doc_get(one, "emits");
    const struct yaml_node *threshold = yaml_doc_get(cfg, "threshold");
    const struct yaml_node *suppress = yaml_doc_get(cfg, "suppress");
    struct violation_options options = usual;
    char rule[200] = "", alerting[300] = "";
    struct fixture f;

    options.realert_ns = strtol(text_of(cfg, "realert"), NULL, 10) * SECOND_NS;
    if (text_of(cfg, "collapse")) {
        options.collapse_targets =
            (unsigned)strtoul(text_of(cfg, "collapse"), NULL, 10);
    }
    if (threshold) {
        snprintf(rule, sizeof rule,
                 "threshold: {count: %s, window: %s, by: %s}",
                 text_of(threshold, "count"), text_of(threshold, "window"),
                 text_of(threshold, "by"));
    }
    if (suppress) {
        uint32_t host = host_of(suppress->items[0]->text);

        snprintf(alerting, sizeof alerting,
                 "alerting: {suppress: [{id: s, src: 10.1.%u.%u, "
                 "until: 2030-01-01, owner: o, reason: r}]}\n",
                 host >> 8, host & 0xff);
    }
    set_up(&f, &options, rule, alerting);
    for (size_t i = 0; i < hits->n; i++) {
        const struct yaml_node *const *value = hits->items[i]->items;

        hit(&f, strtol(value[0]->text, NULL, 10), host_of(value[1]->text),
            host_of(value[2]->text),
            (uint16_t)strtoul(value[3]->text, NULL, 10),
            (enum flow_outcome)word_of(outcomes, value[4]->text));
    }
    assert_int_equal(f.told.n, emits->n);
    for (size_t i = 0; i < emits->n; i++) {
        const struct yaml_node *const *value = emits->items[i]->items;
        const char *kind = violation_kind_name(f.told.list[i].kind);

        kind = strcmp(kind, "collapsed") == 0 ? "new-collapsed" : kind;
        assert_string_equal(kind, value[1]->text);
        assert_int_equal(f.told.list[i].count,
                         strtol(value[2]->text, NULL, 10));
    }
    tear_down(&f);
}

static void
run_severity(const struct yaml_node *one)
{
    static const char *const levels[] = {"info", "low",      "medium",
                                         "high", "critical", NULL};
    const struct yaml_node *const *in = yaml_doc_get(one, "sev")->items;
    const struct yaml_node *const *want = yaml_doc_get(one, "want")->items;
    struct violation_score score = violation_score(
        (enum policy_level)word_of(levels, in[0]->text),
        (enum flow_outcome)word_of(outcomes, in[1]->text),
        (enum policy_level)word_of(levels, in[2]->text), in[3]->text[0] == 't',
        in[4]->text[0] == 't', in[5]->text[0] == 't');

    assert_int_equal(score.total, strtol(want[0]->text, NULL, 10));
    assert_string_equal(level_name(score.level), want[1]->text);
}

static void
every_alerting_vector_is_told_as_written(void **state)
{
    static char bytes[1 << 16];
    struct arena arena = {0};
    struct problems problems;
    const struct yaml_node *root;
    size_t size;
    FILE *file;

    (void)state;
    file = fopen(vectors_path(), "r");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    problems_init(&problems);
    root = yaml_doc_parse(&arena, "alerts.yaml", bytes, size, &problems);
    assert_non_null(root);
    for (size_t i = 0; i < root->n; i++) {
        print_message("%s\n", text_of(root->items[i], "id"));
        if (yaml_doc_get(root->items[i], "hits")) {
            run_sequence(root->items[i]);
        } else {
            run_severity(root->items[i]);
        }
    }
    problems_done(&problems);
    arena_done(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alerting_vector_is_told_as_written),
    };

    if (access(vectors_path(), R_OK) != 0) {
        print_message("skipped: no alerting vectors at %s\n", vectors_path());
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

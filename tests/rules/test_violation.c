/* violation.h: what is told of a sequence of hits, and when. */

#include "tests/support/test.h"

#include "capture/error.h"
#include "rules/problems.h"
#include "rules/violation.h"
#include "rules/yaml_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TOLD = 64
};

struct told {
    struct violation list[MAX_TOLD];
    size_t n;
};

struct fixture {
    struct policy *policy;
    struct violation_tracker *tracker;
    struct told told;
    int64_t now;
    bool again, goes_on; /* What hit() says of its flow. */
    uint64_t flow_id;    /* That of its flow; 0: a new one every second. */
};

static void
note(void *context, const struct violation *violation)
{
    struct told *told = context;

    assert_true(told->n < MAX_TOLD);
    told->list[told->n++] = *violation;
}

static void
set_up(struct fixture *f, const struct violation_options *options,
       const char *rule_keys, const char *alerting)
{
    struct problems problems;
    struct error error;
    char text[800];

    snprintf(text, sizeof text,
             "version: 1\npolicy: {name: p, revision: \"1\"}\n"
             "segments: {a: {networks: [10.0.0.0/8]}}\n"
             "rules:\n  - {id: r, from: any, to: any, action: deny%s%s}\n"
             "%s",
             rule_keys[0] ? ", " : "", rule_keys, alerting);
    problems_init(&problems);
    *f = (struct fixture){.now = 0};
    f->policy =
        policy_load_bytes("p.yaml", text, strlen(text), NULL, &problems);
    if (problems.n_errors) {
        problems_print(&problems, stderr);
    }
    assert_non_null(f->policy);
    problems_done(&problems);
    f->tracker = violation_tracker_new(options, note, &f->told, &error);
    assert_non_null(f->tracker);
}

static void
tear_down(struct fixture *f)
{
    violation_tracker_free(f->tracker);
    policy_unref(f->policy);
}

static void
hit(struct fixture *f, int64_t seconds, uint32_t src, uint32_t dst,
    uint16_t port, enum flow_outcome outcome)
{
    const uint8_t src_bytes[4] = {10, 1, (uint8_t)(src >> 8), (uint8_t)src};
    const uint8_t dst_bytes[4] = {10, 2, (uint8_t)(dst >> 8), (uint8_t)dst};
    const struct policy_place place = {.interface = "", .sensor = ""};
    struct question question = {.src = addr_from_ipv4(src_bytes),
                                .dst = addr_from_ipv4(dst_bytes),
                                .dst_port = port,
                                .protocol = 6,
                                .ip_version = 4,
                                .interface = "",
                                .sensor = ""};
    struct flow_record record = {.id = f->flow_id ? f->flow_id
                                                  : (uint64_t)seconds + 1,
                                 .outcome = outcome,
                                 .now = {seconds * SECOND_NS}};
    struct violation_hit facts;
    struct verdict verdict;

    question.src_segment = policy_locate(f->policy, &question.src, &place);
    question.dst_segment = policy_locate(f->policy, &question.dst, &place);
    judge(f->policy, &question, &verdict);
    assert_int_equal(verdict.decision, DECISION_DENY);
    facts = violation_of(f->policy, &verdict, &question, &record);
    facts.again = f->again;
    facts.goes_on = f->goes_on;
    violation_hit(f->tracker, &facts);
}

static const struct violation_options usual = {.max_active = 10000,
                                               .realert_ns = 3600 * SECOND_NS,
                                               .collapse_targets = 50};

static void
assert_told(const struct fixture *f, size_t i, enum violation_kind kind,
            uint64_t count)
{
    assert_true(i < f->told.n);
    assert_int_equal(f->told.list[i].kind, kind);
    assert_int_equal(f->told.list[i].count, count);
}

static void
a_violation_is_told_again_after_realert(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 3599, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 3600, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 0, VIOLATION_KIND_NEW, 1);
    assert_told(&f, 1, VIOLATION_KIND_UPDATE, 3);
    assert_int_equal(f.told.list[1].count_since_last, 2);
    assert_int_equal(f.told.list[1].flow_ids[0], 3601);
    assert_int_equal(f.told.list[1].flow_ids[2], 1);
    assert_string_equal(f.told.list[0].id, f.told.list[1].id);
    tear_down(&f);
}

static void
a_flow_that_gets_worse_is_told_again_and_counted_once(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_ESCALATE, 1);
    f.again = false;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    tear_down(&f);
}

static void
attempts_that_are_all_refused_in_the_end_leave_a_refused_violation(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    f.again = false;
    hit(&f, 3600, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_UPDATE, 3);
    assert_int_equal(f.told.list[1].outcome, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 3601, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    f.again = false;
    hit(&f, 7200, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 3);
    assert_int_equal(f.told.list[2].outcome, FLOW_OUTCOME_REFUSED);
    tear_down(&f);
}

static void
a_flow_that_goes_on_is_told_after_realert_and_keeps_its_violation(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = f.goes_on = true;
    for (int64_t now = 300; now <= 172800; now += 300) {
        violation_advance(f.tracker, (struct wall_time){now * SECOND_NS});
        hit(&f, now, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
        assert_told(&f, f.told.n - 1,
                    now < 3600 ? VIOLATION_KIND_NEW : VIOLATION_KIND_UPDATE, 1);
    }
    assert_int_equal(f.told.list[f.told.n - 1].outcome, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1 + 2 * 24);
    violation_advance(f.tracker, (struct wall_time){259200 * SECOND_NS});
    assert_told(&f, f.told.n - 1, VIOLATION_KIND_CLOSED, 1);
    tear_down(&f);
}

static void
what_goes_on_is_not_told_over_and_over_where_the_table_is_full(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.max_active = 1;
    set_up(&f, &options, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = f.goes_on = true;
    hit(&f, 300, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1);
    tear_down(&f);
}

static void
a_flow_stays_with_the_violation_that_counted_it(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.collapse_targets = 2;
    set_up(&f, &options, "", "");
    for (uint32_t dst = 1; dst <= 3; dst++) {
        f.flow_id = dst;
        hit(&f, dst, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_told(&f, 2, VIOLATION_KIND_COLLAPSED, 1);
    f.again = true;
    f.flow_id = 1;
    hit(&f, 10, 1, 1, 445, FLOW_OUTCOME_REFUSED);
    f.flow_id = 2;
    hit(&f, 11, 1, 2, 445, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 4);
    assert_told(&f, 3, VIOLATION_KIND_ESCALATE, 1);
    assert_string_equal(f.told.list[3].id, f.told.list[1].id);
    f.again = false;
    f.flow_id = 4;
    hit(&f, 4000, 1, 4, 445, FLOW_OUTCOME_REFUSED);
    assert_told(&f, 4, VIOLATION_KIND_UPDATE, 2);
    assert_int_equal(f.told.list[4].outcome, FLOW_OUTCOME_ATTEMPT);
    tear_down(&f);
}

static void
a_flow_that_gets_worse_counts_once_towards_a_threshold(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "threshold: {count: 2, window: 60s}", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    f.again = true;
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    assert_int_equal(f.told.n, 0);
    f.again = false;
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 1);
    tear_down(&f);
}

static void
a_rule_may_have_its_own_realert(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "realert: 10s", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 9, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 10, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 2);
    tear_down(&f);
}

static void
a_worse_outcome_is_told_at_once_and_data_adds_nothing(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    hit(&f, 1, 1, 1, 22, FLOW_OUTCOME_ESTABLISHED);
    hit(&f, 2, 1, 1, 22, FLOW_OUTCOME_DATA);
    hit(&f, 3, 1, 1, 22, FLOW_OUTCOME_REFUSED);
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_ESCALATE, 2);
    assert_true(f.told.list[1].score.total > f.told.list[0].score.total);
    tear_down(&f);
}

static void
identity_is_the_documented_digest(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 2, 22, FLOW_OUTCOME_ATTEMPT);
    /* printf 'v1|p|r|rule|10.1.0.1|10.2.0.2|6|22' | sha256sum */
    assert_string_equal(f.told.list[0].id, "5d089148bcd2ea74");
    tear_down(&f);
}

static void
a_sweep_collapses_into_one_with_its_targets_counted(void **state)
{
    struct fixture f;
    uint64_t n;

    (void)state;
    set_up(&f, &usual, "", "");
    for (uint32_t dst = 0; dst < 50; dst++) {
        hit(&f, dst, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 50);
    for (uint32_t dst = 50; dst < 2000; dst++) {
        hit(&f, 60, 1, dst, 445, FLOW_OUTCOME_ATTEMPT);
    }
    assert_int_equal(f.told.n, 51);
    assert_told(&f, 50, VIOLATION_KIND_COLLAPSED, 1);
    assert_true(f.told.list[50].all_dsts);
    assert_int_equal(f.told.list[50].n_targets, 51);
    hit(&f, 4000, 1, 7, 445, FLOW_OUTCOME_ATTEMPT);
    assert_told(&f, 51, VIOLATION_KIND_UPDATE, 1951);
    n = f.told.list[51].n_targets;
    assert_true(n > 1800 && n < 2200);
    tear_down(&f);
}

static void
a_port_sweep_collapses_too(void **state)
{
    struct violation_options options = usual;
    struct fixture f;

    (void)state;
    options.collapse_targets = 3;
    set_up(&f, &options, "", "");
    for (uint16_t port = 1; port < 20; port++) {
        hit(&f, port, 1, 1, port, FLOW_OUTCOME_REFUSED);
    }
    assert_int_equal(f.told.n, 4);
    assert_told(&f, 3, VIOLATION_KIND_COLLAPSED, 1);
    assert_true(f.told.list[3].all_ports);
    assert_int_equal(f.told.list[3].port, 0);
    tear_down(&f);
}

static void
a_quiet_violation_is_closed_after_a_day(void **state)
{
    struct violation_counters counters;
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 100, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    violation_advance(f.tracker, (struct wall_time){86499 * SECOND_NS});
    assert_int_equal(f.told.n, 1);
    violation_advance(f.tracker, (struct wall_time){86500 * SECOND_NS});
    assert_int_equal(f.told.n, 2);
    assert_told(&f, 1, VIOLATION_KIND_CLOSED, 1);
    violation_counters(f.tracker, &counters);
    assert_int_equal(counters.tracked, 0);
    tear_down(&f);
}

static void
what_does_not_fit_is_told_and_counted(void **state)
{
    struct violation_options options = usual;
    struct violation_counters counters;
    struct fixture f;

    (void)state;
    options.max_active = 3; /* One violation and its two groups. */
    set_up(&f, &options, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 1, 2, 1, 22, FLOW_OUTCOME_ATTEMPT);
    hit(&f, 2, 2, 1, 22, FLOW_OUTCOME_ATTEMPT);
    assert_int_equal(f.told.n, 3);
    violation_counters(f.tracker, &counters);
    assert_int_equal(counters.hits, 3);
    assert_int_equal(counters.told, 3);
    assert_int_equal(counters.tracked, 3);
    assert_int_equal(counters.overflow, 2);
    tear_down(&f);
}

static void
a_policy_lives_as_long_as_its_violations(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &usual, "", "");
    hit(&f, 0, 1, 1, 22, FLOW_OUTCOME_ATTEMPT);
    policy_unref(f.policy);
    f.policy = NULL;
    violation_advance(f.tracker, (struct wall_time){90000 * SECOND_NS});
    assert_int_equal(f.told.list[1].kind, VIOLATION_KIND_CLOSED);
    tear_down(&f);
}

static void
the_score_is_the_sum_of_its_terms(void **state)
{
    struct violation_score score =
        violation_score(LEVEL_HIGH, FLOW_OUTCOME_ESTABLISHED, LEVEL_CRITICAL,
                        false, false, true);

    (void)state;
    assert_int_equal(score.total, 75);
    assert_int_equal(score.level, LEVEL_HIGH);
    assert_int_equal(violation_score(LEVEL_LOW, FLOW_OUTCOME_REFUSED, LEVEL_LOW,
                                     false, false, false)
                         .total,
                     1);
    assert_int_equal(violation_score(LEVEL_CRITICAL, FLOW_OUTCOME_DATA,
                                     LEVEL_CRITICAL, true, true, false)
                         .total,
                     100);
}

/* The vectors beside the policy language, where they are present. */

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
    const char *shared = getenv("SEGMON_SHARED");
    struct arena arena = {0};
    struct problems problems;
    const struct yaml_node *root;
    char path[512];
    size_t size;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/vectors/policy/alerts.yaml",
             shared ? shared : SOURCE_DIR "/../shared");
    file = fopen(path, "r");
    if (!file) {
        print_message("skipped: no alerting vectors at %s\n", path);
        skip();
    }
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
        cmocka_unit_test(a_violation_is_told_again_after_realert),
        cmocka_unit_test(a_flow_that_gets_worse_is_told_again_and_counted_once),
        cmocka_unit_test(
            a_flow_that_goes_on_is_told_after_realert_and_keeps_its_violation),
        cmocka_unit_test(
            what_goes_on_is_not_told_over_and_over_where_the_table_is_full),
        cmocka_unit_test(a_flow_stays_with_the_violation_that_counted_it),
        cmocka_unit_test(
            attempts_that_are_all_refused_in_the_end_leave_a_refused_violation),
        cmocka_unit_test(
            a_flow_that_gets_worse_counts_once_towards_a_threshold),
        cmocka_unit_test(a_rule_may_have_its_own_realert),
        cmocka_unit_test(a_worse_outcome_is_told_at_once_and_data_adds_nothing),
        cmocka_unit_test(identity_is_the_documented_digest),
        cmocka_unit_test(a_sweep_collapses_into_one_with_its_targets_counted),
        cmocka_unit_test(a_port_sweep_collapses_too),
        cmocka_unit_test(a_quiet_violation_is_closed_after_a_day),
        cmocka_unit_test(what_does_not_fit_is_told_and_counted),
        cmocka_unit_test(a_policy_lives_as_long_as_its_violations),
        cmocka_unit_test(the_score_is_the_sum_of_its_terms),
        cmocka_unit_test(every_alerting_vector_is_told_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* analysis.h: what is found in policies written for it, and, over random ones,
 * against the judge asked every question that could matter. */

#include "tests/support/sanitized.h"
#include "tests/support/test.h"

#include "rules/analysis/analysis.h"
#include "rules/judge/judge.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TEXT = 20000,
    MAX_RULES = 14,
    RULE_TEXT = 320,
    N_DRAFTS = IS_SANITIZED ? 60 : 240,
    N_ADDRS = 12,
    N_SERVICES = 12,
    N_APPS = 9,
    N_PLACES = 2 * N_ADDRS, /* Each also as the target of a broadcast. */
    N_QUESTIONS = N_PLACES * N_PLACES * N_SERVICES * N_APPS
};

#define HEAD                                                                   \
    "version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\n"                  \
    "  b: {networks: [10.2.0.0/16]}\n"

static struct policy *
load(const char *text, struct problems *problems)
{
    struct policy *policy;

    problems_init(problems);
    policy = policy_load_bytes("p.yaml", text, strlen(text), NULL, problems);
    if (!policy) {
        problems_print(problems, stderr);
    }
    assert_non_null(policy);
    problems_done(problems);
    problems_init(problems);
    return policy;
}

static void
analyze(const char *text, struct problems *problems)
{
    struct policy *policy = load(text, problems);

    policy_analyze(policy, problems);
    policy_unref(policy);
}

static bool
found(const struct problems *problems, const char *code, const char *rule)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct problem *problem = &problems->list[i];

        if (strcmp(problem->code, code) == 0 && problem->rule &&
            strcmp(problem->rule, rule) == 0) {
            return true;
        }
    }
    return false;
}

/* All that is found in 'rules', as "CODE rule CODE rule". */
static void
assert_found(const char *rules, const char *wanted)
{
    char text[4096], got[512] = "";
    struct problems problems;
    size_t n = 0;

    snprintf(text, sizeof text, HEAD "%s", rules);
    analyze(text, &problems);
    for (size_t i = 0; i < problems.n; i++) {
        const struct problem *problem = &problems.list[i];

        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s %s", n ? " " : "",
                              problem->code,
                              problem->rule ? problem->rule : "-");
    }
    assert_string_equal(got, wanted);
    problems_done(&problems);
}

static void
a_hidden_rule_names_who_hides_it(void **state)
{
    struct problems problems;
    const struct problem *problem;

    (void)state;
    analyze(HEAD "rules:\n"
                 "  - {id: few, from: a, to: b, service: [tcp/1-9, udp/any], "
                 "action: allow}\n"
                 "  - {id: many, from: a, to: b, service: "
                 "[tcp/10, tcp/20, tcp/30, tcp/40], action: allow}\n"
                 "  - {id: cut, from: a, to: b, service: "
                 "[tcp/1-9, tcp/10, tcp/20, tcp/30, tcp/40], action: allow}\n"
                 "  - {id: last, from: a, to: internet, action: allow}\n",
            &problems);
    assert_true(problems.n >= 1);
    problem = &problems.list[0];
    assert_string_equal(problem->code, "W-SHADOWED");
    assert_string_equal(problem->rule, "cut");
    assert_int_equal(problem->line, 8);
    assert_int_equal(problem->n_blockers, 2);
    assert_string_equal(problem->blockers[0], "many");
    assert_string_equal(problem->blockers[1], "few");
    assert_false(problem->different_action);
    problems_done(&problems);
}

static void
one_blocker_that_decides_otherwise_is_named_too(void **state)
{
    struct problems problems;
    const struct problem *problem;

    (void)state;
    analyze(HEAD "rules:\n"
                 "  - {id: odd, from: a, to: b, service: tcp/7, action: deny}\n"
                 "  - {id: all, from: a, to: b, action: allow}\n"
                 "  - {id: r, from: a, to: b, service: tcp/any, "
                 "action: allow}\n",
            &problems);
    problem = &problems.list[0];
    assert_string_equal(problem->code, "W-SHADOWED");
    assert_string_equal(problem->rule, "r");
    assert_int_equal(problem->n_blockers, 2);
    assert_string_equal(problem->blockers[0], "all");
    assert_string_equal(problem->blockers[1], "odd");
    assert_true(problem->different_action);
    problems_done(&problems);
}

static void
what_may_not_hold_hides_nothing(void **state)
{
    static const char *const conditions[] = {
        "when: {sni: \"*.example\"}",
        "when: {host: \"*.example\"}",
        "when: {vlan: 7}",
        "when: {interface: eth0}",
        "when: {sensor: s1}",
        "when: {risk: tls_obsolete_version}",
        "when: {schedule: night}",
        "src_port: 1-100",
        "starts: 2026-01-01",
        "expires: 2026-01-01",
        "mode: staged",
        "mode: disabled"};

    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        char rules[600];

        snprintf(rules, sizeof rules,
                 "schedules: {night: {hours: [\"22:00-06:00\"]}}\n"
                 "rules:\n"
                 "  - {id: maybe, from: a, to: b, %s, action: deny}\n"
                 "  - {id: r, from: a, to: b, service: ssh, action: allow}\n"
                 "  - {id: s, from: a, to: b, service: ssh, %s, action: "
                 "deny}\n",
                 conditions[i],
                 strstr(conditions[i], "disabled") ? "src_port: 9"
                                                   : conditions[i]);
        assert_found(rules, "W-SHADOWED s"); /* By 'r', not by 'maybe'. */
    }
}

static void
what_cannot_match_is_told_apart_from_what_is_hidden(void **state)
{
    (void)state;
    assert_found("rules:\n"
                 "  - {id: g, from: a, to: b, action: allow}\n"
                 "  - {id: r, from: a, to: b, to_addr: 192.0.2.0/24, "
                 "action: allow}\n"
                 "  - {id: s, from: a, to: b, when: {ip_version: 6}, "
                 "action: allow}\n",
                 "W-UNMATCHABLE r W-UNMATCHABLE s");
}

static void
an_exception_behind_a_guardrail_is_without_effect(void **state)
{
    (void)state;
    assert_found("guardrails:\n"
                 "  - {id: g, from: a, to: b, action: deny}\n"
                 "rules:\n"
                 "  - {id: x, from: a, to: b, service: ssh, action: allow, "
                 "expires: 2030-01-01,\n"
                 "     exception: {ticket: T-1, owner: o, reason: r}}\n",
                 "W-SHADOWED x W-EXC-BLOCKED x");
}

static void
a_segment_whose_addresses_others_claim_is_empty(void **state)
{
    struct problems problems;

    (void)state;
    analyze("version: 1\nsegments:\n"
            "  a: {networks: [10.0.0.0/24]}\n"
            "  b: {networks: [10.0.0.0/25]}\n"
            "  c: {networks: [10.0.0.128/25]}\n"
            "  d: {networks: [10.0.0.0/23, 10.9.0.0/16], "
            "exclude: [10.9.0.0/16]}\n"
            "  e: {networks: [10.8.0.0/16], exclude: [10.8.0.0/16]}\n",
            &problems);
    assert_int_equal(problems.n, 2);
    assert_string_equal(problems.list[0].code, "W-SEG-EMPTY");
    assert_int_equal(problems.list[0].line, 3);
    assert_int_equal(problems.list[1].line, 7);
    problems_done(&problems);
}

static void
categories_and_tls_versions_have_cells(void **state)
{
    (void)state;
    assert_found("rules:\n"
                 "  - {id: r, from: a, to: b, app_category: [Web, VPN], "
                 "action: alert}\n"
                 "  - {id: s, from: a, to: b, app_category: Web, app: TLS, "
                 "action: alert}\n"
                 "  - {id: t, from: a, to: b, when: {tls_version: [\"1.0\", "
                 "\"1.1\"]}, action: alert}\n"
                 "  - {id: u, from: a, to: b, when: {tls_version: \"1.1\"}, "
                 "action: deny}\n",
                 "W-SHADOWED s W-SHADOWED u");
}

/* One random policy: rules as text, so that one can be left out. */
struct draft {
    char head[1024];
    char rules[MAX_RULES][RULE_TEXT];
    unsigned n_rules;
    bool opaque;   /* Some rules have conditions without cells. */
    bool requires; /* Some rule may decide in two ways; one is asked for. */
};

static uint32_t seed, n_policies = N_DRAFTS;

static uint32_t
draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static const char *
pick(const char *const *words)
{
    uint32_t n = 0;

    while (words[n]) {
        n++;
    }
    return words[draw(n)];
}

static void
draft_rule(struct draft *draft, unsigned number)
{
    static const char *const sides[] = {
        "a", "b", "d", "any", "internal", "[a, b]", "group", "internet", NULL};
    static const char *const services[] = {
        "tcp/80", "tcp/50-150",         "tcp/any",
        "udp/53", "[tcp/80, udp/any]",  "tcp/1-80",
        "icmp/8", "[any, ip/gre]",      "icmp/any",
        "sctp/5", "[icmp/8, icmp/3:1]", NULL};
    static const char *const apps[] = {"TLS",     "SSH",        "[TLS, none]",
                                       "unknown", "TLS.Google", "Google",
                                       "none",    NULL};
    static const char *const actions[] = {"allow", "deny", "allow", "deny",
                                          "alert", "log",  NULL};
    static const char *const opaque[] = {
        "src_port: 1-100",     "when: {sni: \"*.example\"}", "when: {vlan: 1}",
        "expires: 2026-03-01", "starts: 2026-03-20",         NULL};
    char *text = draft->rules[number];
    const char *action = pick(actions), *from = pick(sides), *to = pick(sides);
    size_t n = (size_t)snprintf(text, RULE_TEXT,
                                "  - {id: r%u, from: %s, to: %s, action: %s",
                                number, from, to, action);

#define ADD(...) n += (size_t)snprintf(text + n, RULE_TEXT - n, __VA_ARGS__)
    if (draw(3)) {
        ADD(", service: %s", pick(services));
    }
    if (draw(3) == 0) {
        ADD(", app: %s", pick(apps));
    }
    if (draw(5) == 0) {
        ADD(", both_ways: true");
    }
    if (from[0] != 'd' && draw(6) == 0) {
        ADD(", from_except: d");
    }
    if (to[0] != 'd' && draw(6) == 0) {
        ADD(", to_except: d");
    }
    if (action[0] != 'l' && draw(6) == 0) {
        ADD(", mode: staged");
    }
    if (draw(4) == 0) {
        ADD(", from_addr: 10.%u.0.0/%u", 1 + draw(2), 16 + draw(2));
    }
    if (draw(4) == 0) {
        ADD(", to_addr: [10.%u.0.0/17, 8.0.0.0/8]", 1 + draw(2));
    }
    if (action[0] == 'a' && action[2] == 'l' && draw(4) == 0) {
        ADD(", require: {one_way: true}");
        draft->requires = true;
    }
    if (draft->opaque && draw(3) == 0) {
        ADD(", %s", pick(opaque));
    } else if (draw(8) == 0) {
        ADD(", when: {ip_version: %u}", draw(2) ? 4U : 6U);
    }
    ADD("}\n");
#undef ADD
    assert_true(n < RULE_TEXT);
}

static void
draft_policy(struct draft *draft)
{
    static const char *const decisions[] = {"allow", "deny", "observe", NULL};

    draft->opaque = draw(2);
    draft->requires = false;
    draft->n_rules = 2 + draw(MAX_RULES - 2);
    snprintf(draft->head, sizeof draft->head,
             "version: 1\ndefaults: {inter: %s, link_scope: %s}\nsegments:\n"
             "  a: {networks: [10.1.0.0/16, \"2001:db8:1::/48\"], intra: %s}\n"
             "  b: {networks: [10.2.0.0/16]}\n"
             "  d: {networks: [10.1.128.0/17]}\n"
             "groups: {group: [a, d]}\n"
             "pairs: [{id: p, from: a, to: b, default: %s}]\n",
             pick(decisions), pick(decisions), pick(decisions),
             pick(decisions));
    for (unsigned i = 0; i < draft->n_rules; i++) {
        draft_rule(draft, i);
    }
}

/* The policy without the rules of which 'left_out' has a bit. */
static struct policy *
draft_load(const struct draft *draft, uint32_t left_out)
{
    char text[MAX_TEXT];
    struct problems problems;
    size_t n = (size_t)snprintf(text, sizeof text, "%srules:\n", draft->head);

    for (unsigned i = 0; i < draft->n_rules; i++) {
        if (!(left_out >> i & 1)) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                  draft->rules[i]);
        }
    }
    return load(text, &problems);
}

/* Every question that a rule of a draft could tell from another. */
static void
question_at(const struct policy *policy, unsigned number, struct question *q)
{
    static const char *const addrs[N_ADDRS] = {
        "10.1.1.1",      "10.1.200.1",    "10.2.1.1",    "10.2.200.1",
        "8.8.8.8",       "9.9.9.9",       "169.254.1.1", "10.9.1.1",
        "2001:db8:1::1", "2001:db8:9::1", "fe80::1",     "fd00::1"};
    static const struct {
        uint8_t protocol;
        uint16_t port; /* Or ICMP type and code. */
    } services[N_SERVICES] = {
        {6, 0},   {6, 1},      {6, 60},     {6, 80},         {6, 100}, {17, 53},
        {17, 54}, {1, 8 << 8}, {1, 3 << 8}, {1, 3 << 8 | 1}, {132, 5}, {47, 0}};
    static const char *const apps[N_APPS][2] = {
        {"", ""},       {"", ""},          {"", ""},
        {"TLS", ""},    {"", "SSH"},       {"TLS", "Google"},
        {"", "Google"}, {"SSH", "Google"}, {"TLS", "SSH"}};
    const struct policy_place place = {.interface = "", .sensor = ""};
    unsigned app = number % N_APPS, service = number / N_APPS % N_SERVICES;
    unsigned src = number / N_APPS / N_SERVICES % N_PLACES;
    unsigned dst = number / N_APPS / N_SERVICES / N_PLACES;

    *q = (struct question){
        .protocol = services[service].protocol,
        .dst_port = services[service].port,
        .icmp_type = (uint8_t)(services[service].port >> 8),
        .icmp_code = (uint8_t)services[service].port,
        .interface = "",
        .sensor = "",
        .sni = "",
        .host = "",
        .start = {INT64_C(1773144000) * SECOND_NS},
        .app = app == 0   ? QUESTION_APP_NONE
               : app == 1 ? QUESTION_APP_UNKNOWN
                          : QUESTION_APP_KNOWN,
        .master_symbol = policy_app_symbol(policy, apps[app][0]),
        .name_symbol = policy_app_symbol(policy, apps[app][1])};
    assert_true(addr_parse(addrs[src % N_ADDRS], &q->src));
    assert_true(addr_parse(addrs[dst % N_ADDRS], &q->dst));
    q->ip_version = addr_is_ipv4(&q->src) ? 4 : 6;
    q->src_segment = src < N_ADDRS ? policy_locate(policy, &q->src, &place)
                                   : SEGMENT_BROADCAST;
    q->dst_segment = dst < N_ADDRS ? policy_locate(policy, &q->dst, &place)
                                   : SEGMENT_BROADCAST;
}

static bool
same_family(const struct question *q)
{
    return addr_is_ipv4(&q->src) == addr_is_ipv4(&q->dst);
}

/* Opaque conditions as they come; together the questions have them all. */
static void
vary(struct question *q, unsigned number)
{
    q->src_port = number & 1 ? 50 : 5000;
    q->vlan = number >> 1 & 1;
    q->sni = number >> 2 & 1 ? "www.example" : "";
    q->start.ns += ((int64_t)(number % 3) - 1) * 20 * 86400 * SECOND_NS;
}

struct answers {
    bool decided[MAX_RULES]; /* Some question was decided or tagged by it. */
    uint8_t decision[N_QUESTIONS], staged[N_QUESTIONS];
};

static void
ask_all(const struct policy *policy, bool opaque, struct answers *answers)
{
    memset(answers->decided, 0, sizeof answers->decided);
    for (unsigned i = 0; i < N_QUESTIONS; i++) {
        struct question question;
        struct verdict verdict;

        question_at(policy, i, &question);
        if (opaque) {
            vary(&question, draw(1000));
        }
        if (!same_family(&question)) {
            continue;
        }
        judge(policy, &question, &verdict);
        answers->decision[i] = (uint8_t)verdict.decision;
        answers->staged[i] = (uint8_t)verdict.staged_decision;
        if (verdict.rule >= 0 && verdict.rule < MAX_RULES) {
            answers->decided[verdict.rule] = true;
        }
        if (verdict.staged_rule >= 0 && verdict.staged_rule < MAX_RULES) {
            answers->decided[verdict.staged_rule] = true;
        }
        for (size_t t = 0; t < verdict.n_tags; t++) {
            answers->decided[verdict.tags[t]] = true;
        }
    }
}

/* Decided the same, in every question, without these rules. */
static bool
are_needless(const struct draft *draft, uint32_t rules,
             const struct answers *before)
{
    static struct answers after;
    struct policy *policy = draft_load(draft, rules);
    uint32_t kept = seed;

    seed = 1;
    ask_all(policy, draft->opaque, &after);
    seed = kept;
    policy_unref(policy);
    return memcmp(before->decision, after.decision, sizeof after.decision) ==
               0 &&
           memcmp(before->staged, after.staged, sizeof after.staged) == 0;
}

struct tally {
    unsigned dead, redundant, rules;
};

/* So that a failure can be tried by hand. */
static void
complain(const struct draft *draft, unsigned rule, const char *what)
{
    print_error("%srules:\n", draft->head);
    for (unsigned i = 0; i < draft->n_rules; i++) {
        print_error("%s", draft->rules[i]);
    }
    fail_msg("r%u %s", rule, what);
}

static uint32_t
dead_rules(const struct draft *draft, const struct problems *problems)
{
    uint32_t dead = 0;

    for (unsigned i = 0; i < draft->n_rules; i++) {
        char id[16];

        snprintf(id, sizeof id, "r%u", i);
        if (found(problems, "W-SHADOWED", id) ||
            found(problems, "W-UNMATCHABLE", id)) {
            dead |= UINT32_C(1) << i;
        }
    }
    return dead;
}

static void
check_rule(const struct draft *draft, unsigned rule,
           const struct problems *problems, const struct answers *answers,
           struct tally *tally)
{
    const char *text = draft->rules[rule];
    bool judged = !strstr(text, "action: log") && !strstr(text, "require:") &&
                  !strstr(text, "mode: staged");
    uint32_t without = dead_rules(draft, problems) | UINT32_C(1) << rule;
    bool dead, redundant;
    char id[16];

    snprintf(id, sizeof id, "r%u", rule);
    dead = dead_rules(draft, problems) >> rule & 1;
    redundant = found(problems, "W-REDUNDANT", id);
    tally->rules++;
    tally->dead += dead;
    tally->redundant += redundant;
    if (dead && answers->decided[rule]) {
        complain(draft, rule, "is said never to match, and does");
    }
    if (!dead && !draft->opaque && !answers->decided[rule]) {
        complain(draft, rule, "never matches, and is not said to");
    }
    if (redundant && !are_needless(draft, without, answers)) {
        complain(draft, rule, "is said to change nothing, and does");
    }
    if (!redundant && !dead && judged && !draft->opaque && !draft->requires &&
        are_needless(draft, without, answers)) {
        complain(draft, rule, "changes nothing, and is not said to");
    }
}

static void
findings_are_those_of_asking_everything(void **state)
{
    static struct answers answers;
    static struct draft draft;
    struct tally tally = {0, 0, 0};

    (void)state;
    for (uint32_t round = 0; round < n_policies; round++) {
        struct problems problems;
        struct policy *policy;

        seed = round * 7919 + 3;
        draft_policy(&draft);
        policy = draft_load(&draft, 0);
        problems_init(&problems);
        policy_analyze(policy, &problems);
        seed = 1;
        ask_all(policy, draft.opaque, &answers);
        for (unsigned i = 0; i < draft.n_rules; i++) {
            check_rule(&draft, i, &problems, &answers, &tally);
        }
        policy_unref(policy);
        problems_done(&problems);
    }
    print_message("%u rules, %u never match, %u change nothing\n", tally.rules,
                  tally.dead, tally.redundant);
    assert_true(tally.dead > N_DRAFTS / 3 && tally.redundant > N_DRAFTS / 6);
}

int
main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hidden_rule_names_who_hides_it),
        cmocka_unit_test(one_blocker_that_decides_otherwise_is_named_too),
        cmocka_unit_test(what_may_not_hold_hides_nothing),
        cmocka_unit_test(what_cannot_match_is_told_apart_from_what_is_hidden),
        cmocka_unit_test(an_exception_behind_a_guardrail_is_without_effect),
        cmocka_unit_test(a_segment_whose_addresses_others_claim_is_empty),
        cmocka_unit_test(categories_and_tls_versions_have_cells),
        cmocka_unit_test(findings_are_those_of_asking_everything),
    };

    if (argc == 2) { /* More of the random policies, by hand. */
        n_policies = (uint32_t)strtoul(argv[1], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

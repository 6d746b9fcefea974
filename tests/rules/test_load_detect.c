/* load_detect.c: the 'detect' section of a policy. */

#include "tests/support/test.h"

#include "rules/detect/detect.h"
#include "rules/policy_impl.h"
#include "rules/print/policy_print.h"
#include "rules/problems.h"

#include <stdio.h>
#include <string.h>

static struct policy *
load(const char *rest, struct problems *problems)
{
    char text[1000];

    snprintf(text, sizeof text,
             "version: 1\npolicy: {name: p, revision: \"1\"}\n"
             "segments: {a: {networks: [10.0.0.0/8]}}\n"
             "addresses: {scanners: [10.9.9.9]}\n%s",
             rest);
    problems_init(problems);
    return policy_load_bytes("p.yaml", text, strlen(text), NULL, problems);
}

static struct policy *
load_good(const char *rest)
{
    struct problems problems;
    struct policy *policy = load(rest, &problems);

    if (problems.n_errors) {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    assert_non_null(policy);
    return policy;
}

static void
assert_refused(const char *rest, unsigned line, unsigned column,
               const char *code, const char *words)
{
    struct problems problems;
    const struct problem *problem;

    assert_null(load(rest, &problems));
    assert_int_equal(problems.n_errors, 1);
    problem = &problems.list[0];
    assert_string_equal(problem->code, code);
    assert_non_null(strstr(problem->message, words));
    assert_int_equal(problem->line, line);
    assert_int_equal(problem->column, column);
    problems_done(&problems);
}

static void
assert_same_hash(const char *a, const char *b, bool same)
{
    struct policy *x = load_good(a), *y = load_good(b);

    assert_int_equal(strcmp(policy_sha256(x), policy_sha256(y)) == 0, same);
    policy_unref(x);
    policy_unref(y);
}

static void
a_detector_is_a_rule_that_never_decides(void **state)
{
    struct policy *policy = load_good(
        "detect:\n"
        "  scan: {severity: low, realert: 2h, controls: [\"CIS-8.1:13.3\"],\n"
        "         threshold: {count: 3, window: 1h}}\n"
        "  tunnel: true\n");
    int32_t scan = policy_detector_rule(policy, DETECTOR_SCAN);
    int32_t tunnel = policy_detector_rule(policy, DETECTOR_TUNNEL);
    const struct policy_rule *rule;

    (void)state;
    assert_int_equal(policy_n_rules(policy), N_DEFAULTS + 2);
    assert_int_equal(policy_n_deciding(policy), N_DEFAULTS);
    assert_in_range(scan, N_DEFAULTS, N_DEFAULTS + 1);
    assert_in_range(tunnel, N_DEFAULTS, N_DEFAULTS + 1);
    rule = policy_rule(policy, (uint32_t)scan);
    assert_string_equal(rule->id, "detect:scan");
    assert_int_equal(rule->tier, TIER_DETECTOR);
    assert_int_equal(rule->severity, LEVEL_LOW);
    assert_int_equal(rule->realert_ns, 7200 * SECOND_NS);
    assert_int_equal(rule->threshold.count, 3);
    assert_string_equal(rule->controls[0], "CIS-8.1:13.3");
    assert_string_equal(rule->attack[0], "T1046");
    assert_string_equal(rule->attack[1], "T1018");
    assert_null(rule->attack[2]);
    assert_int_equal(policy_rule(policy, (uint32_t)tunnel)->severity,
                     LEVEL_MEDIUM);
    assert_int_equal(policy_detector_rule(policy, DETECTOR_CLEARTEXT), -1);
    policy_unref(policy);
}

static void
thresholds_have_defaults_and_units(void **state)
{
    struct policy *policy = load_good(
        "detect: {scan: {hosts: 7, window: 90s}, exfiltration:\n"
        "         {bytes_1h: 3MB, bytes_24h: 12000}, new_talker: true}\n");
    int64_t limit[N_DETECT_LIMITS];

    (void)state;
    memcpy(limit, policy->detect.limit, sizeof limit);
    assert_int_equal(limit[LIMIT_SCAN_HOSTS], 7);
    assert_int_equal(limit[LIMIT_SCAN_PORTS], 15);
    assert_int_equal(limit[LIMIT_SCAN_WINDOW], 90 * SECOND_NS);
    assert_int_equal(limit[LIMIT_CONFORMANCE_WINDOW], 300 * SECOND_NS);
    assert_int_equal(limit[LIMIT_EXFILTRATION_BYTES_1H], 3000000);
    assert_int_equal(limit[LIMIT_EXFILTRATION_BYTES_24H], 12000);
    assert_int_equal(limit[LIMIT_NEW_TALKER_WARMUP], 604800 * SECOND_NS);
    policy_unref(policy);
}

static void
mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    assert_refused("detect: {scam: true}\n", 5, 10, "E-UNKNOWN-KEY",
                   "did you mean 'scan'");
    assert_refused("detect: {scan: {host: 3}}\n", 5, 17, "E-UNKNOWN-KEY",
                   "did you mean 'hosts'");
    assert_refused("detect: {scan: {silent: 1h}}\n", 5, 25, "E-UNKNOWN-KEY",
                   "'scan' has no threshold 'silent'");
    assert_refused("detect: {scan: {hosts: many}}\n", 5, 24, "E-TYPE",
                   "'many' is not a whole number");
    assert_refused("detect: {scan: {window: 5 min}}\n", 5, 25, "E-TYPE",
                   "is not a duration");
    assert_refused("detect: {scan: maybe}\n", 5, 16, "E-TYPE",
                   "'maybe' is not one of false or true");
    assert_refused("detect: {scan: [1]}\n", 5, 16, "E-TYPE",
                   "true, false or a mapping");
    assert_refused("detect: {weak_crypto: {tls_min: 1.4}}\n", 5, 33, "E-TYPE",
                   "1.2 or 1.3");
    assert_refused("detect: {tunnel: {bytes: 1MiB}}\n", 5, 26, "E-TYPE",
                   "is not a number of bytes");
    assert_refused("detect: {tunnel: {bytes: 99999999TB}}\n", 5, 26, "E-TYPE",
                   "is not a number of bytes");
    assert_refused("detect: {scan: {except: scaners}}\n", 5, 25, "E-REF",
                   "did you mean 'scanners'");
    assert_refused("detect: {scan: {severity: hihg}}\n", 5, 27, "E-TYPE",
                   "did you mean 'high'");
}

static unsigned
warning_line(const struct problems *problems, const char *code)
{
    for (size_t i = 0; i < problems->n; i++) {
        if (strcmp(problems->list[i].code, code) == 0) {
            return problems->list[i].line;
        }
    }
    return 0;
}

static void
a_rogue_needs_an_authority(void **state)
{
    static const char detect[] = "detect: {rogue_server: true}\n";
    struct problems problems;
    char text[100];

    (void)state;
    policy_unref(load(detect, &problems));
    assert_int_equal(problems.n, 2); /* 'scanners' is not used, either. */
    assert_int_equal(warning_line(&problems, "W-NO-AUTHORITY"), 5);
    problems_done(&problems);
    snprintf(text, sizeof text, "%sauthorities: {ntp: scanners}\n", detect);
    policy_unref(load(text, &problems));
    assert_int_equal(warning_line(&problems, "W-NO-AUTHORITY"), 0);
    problems_done(&problems);
}

static void
thresholds_are_part_of_the_fingerprint(void **state)
{
    static const char usual[] = "detect: {scan: true}\n";

    (void)state;
    assert_same_hash(usual, "detect: {scan: {hosts: 25, ports: 15}}\n", true);
    assert_same_hash(usual, "detect: {scan: {hosts: 26}}\n", false);
    assert_same_hash(usual, "detect: {scan: {severity: info}}\n", false);
    assert_same_hash(usual, "detect: {scan: {realert: 3h}}\n", false);
    assert_same_hash(usual, "detect: {scan: {except: 10.0.0.1}}\n", false);
    assert_same_hash(usual, "detect: {scan: true, tunnel: true}\n", false);
    assert_same_hash(usual, "", false);
}

struct text {
    char bytes[8000];
    size_t n;
};

static bool
append(void *context, const char *bytes, size_t n)
{
    struct text *text = context;

    assert_true(n < sizeof text->bytes - text->n);
    memcpy(text->bytes + text->n, bytes, n);
    text->n += n;
    return true;
}

static void
what_is_printed_reads_the_same(void **state)
{
    struct policy *policy = load_good(
        "detect:\n"
        "  scan: {hosts: 3, window: 7s, except: [scanners, 10.1.0.0/24],\n"
        "         controls: [x], severity: critical, realert: 9m,\n"
        "         threshold: {count: 2, window: 5m, by: dst}}\n"
        "  weak_crypto: {tls_min: \"1.1\"}\n"
        "  exfiltration: {bytes_1h: 7TB, ratio: 0}\n"
        "  tunnel: false\n");
    struct text text = {.n = 0};
    struct policy *again;

    (void)state;
    assert_true(policy_print(policy, append, &text));
    again = policy_load_bytes("again.yaml", text.bytes, text.n, NULL, NULL);
    assert_non_null(again);
    assert_string_equal(policy_sha256(policy), policy_sha256(again));
    assert_memory_equal(policy->detect.limit, again->detect.limit,
                        sizeof policy->detect.limit);
    assert_int_equal(again->detect.on, policy->detect.on);
    policy_unref(again);
    policy_unref(policy);
}

static void
a_detector_that_is_off_may_still_be_named(void **state)
{
    struct policy *policy =
        load_good("detect: {scan: false}\n"
                  "alerting: {suppress: [{id: s, rule: \"detect:scan\",\n"
                  "  until: 2030-01-01, owner: me, reason: ours}]}\n");

    (void)state;
    assert_int_equal(policy_detector_rule(policy, DETECTOR_SCAN), -1);
    assert_int_equal(policy_rule(policy, N_DEFAULTS)->mode, MODE_DISABLED);
    policy_unref(policy);
}

static void
every_home_of_an_application_is_a_service(void **state)
{
    struct policy *policy = load_good("detect: {tunnel: true}\n");
    size_t n;
    const struct detect_app *apps = detect_apps(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const char *word = apps[i].home;

        assert_int_equal(policy->detect.homes[i].n == 0, !apps[i].home[0]);
        while (*word) {
            char one[40], hint[SERVICE_MAX_HINT];
            size_t length = strcspn(word, " ");
            struct service_term term;

            snprintf(one, sizeof one, "%.*s", (int)length, word);
            word += length + (word[length] == ' ');
            assert_true(service_builtin(one) ||
                        service_term_parse(one, &term, hint));
        }
    }
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_detector_is_a_rule_that_never_decides),
        cmocka_unit_test(thresholds_have_defaults_and_units),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(a_rogue_needs_an_authority),
        cmocka_unit_test(thresholds_are_part_of_the_fingerprint),
        cmocka_unit_test(what_is_printed_reads_the_same),
        cmocka_unit_test(a_detector_that_is_off_may_still_be_named),
        cmocka_unit_test(every_home_of_an_application_is_a_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

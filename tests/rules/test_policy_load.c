/* policy.h: loading, including, fingerprints. */

#include "tests/support/test.h"

#include "rules/load/policy_load.h"
#include "rules/policy.h"
#include "rules/problems.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "version: 1\nsegments: {a: {networks: [10.0.0.0/8]}}\n"

static struct policy *
load(const char *text, struct problems *problems)
{
    problems_init(problems);
    return policy_load_bytes("p.yaml", text, strlen(text), NULL, problems);
}

static void
assert_problem(const struct problems *problems, size_t i, const char *code,
               unsigned line, unsigned column, const char *said)
{
    assert_true(i < problems->n);
    assert_string_equal(problems->list[i].code, code);
    assert_int_equal(problems->list[i].line, line);
    assert_int_equal(problems->list[i].column, column);
    assert_non_null(strstr(problems->list[i].message, said));
}

static void
every_mistake_is_reported_in_one_run(void **state)
{
    struct problems problems;

    (void)state;
    assert_null(load(HEAD "rules:\n"
                          "  - {id: r, from: b, to: a, actoin: deny}\n"
                          "  - {id: r, from: a, to: a, action: dney}\n"
                          "  - {id: s, from: a, to: a, action: deny,\n"
                          "     service: [443/tcp, htps]}\n",
                     &problems));
    assert_int_equal(problems.n_errors, 6);
    assert_problem(&problems, 0, "E-UNKNOWN-KEY", 4, 29, "'action'");
    assert_problem(&problems, 1, "E-REF", 4, 19, "'b'");
    assert_problem(&problems, 2, "E-RULE-ID", 5, 10, "p.yaml:4");
    assert_problem(&problems, 3, "E-ACTION", 5, 37, "'deny'");
    assert_problem(&problems, 4, "E-SERVICE", 7, 16, "tcp/443");
    assert_problem(&problems, 5, "E-REF", 7, 25, "'https'");
    assert_string_equal(problems.list[0].source_line,
                        "  - {id: r, from: b, to: a, actoin: deny}");
    problems_done(&problems);
}

static void
assert_refused(const char *text, const char *code, const char *said)
{
    struct problems problems;

    assert_null(load(text, &problems));
    assert_string_equal(problems.list[0].code, code);
    assert_non_null(strstr(problems.list[0].message, said));
    problems_done(&problems);
}

static void
an_exception_lets_something_through(void **state)
{
    static const char *const actions[] = {"allow", "alert", "deny", "log"};
    struct problems problems;
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        snprintf(text, sizeof text,
                 HEAD "rules:\n  - {id: r, from: a, to: a, action: %s, "
                      "expires: 2099-01-01,\n"
                      "     exception: {ticket: t, owner: o, reason: r}}\n",
                 actions[i]);
        if (i < 2) {
            policy_unref(load(text, &problems));
            assert_int_equal(problems.n_errors, 0);
            problems_done(&problems);
        } else {
            assert_refused(text, "E-EXCEPTION", "lets nothing through");
        }
    }
}

/* A condition somebody began to write must not hold for everything. */
static void
a_condition_that_says_nothing_is_refused(void **state)
{
    static const char *const conditions[] = {
        "service: []",      "service: ~",
        "src_port: []",     "app: ~",
        "app_category: []", "from_addr: []",
        "to_addr: ~",       "expires: ~",
        "starts: ~",        "when: {vlan: []}",
        "when: {sni: ~}",   "when: {schedule: ~}",
        "when: {risk: []}", "require: {tls_min: ~}",
        "when: {}",         "require: {}",
        "require: ~"};
    char text[300], key[32];

    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        const char *last = strrchr(conditions[i], '{');

        last = last && last[1] != '}' ? last + 1 : conditions[i];
        snprintf(key, sizeof key, "'%.*s'", (int)strcspn(last, ":"), last);
        snprintf(text, sizeof text,
                 HEAD
                 "rules:\n  - {id: r, from: a, to: a, action: allow, %s}\n",
                 conditions[i]);
        assert_refused(text, "E-EMPTY", key);
    }
    assert_refused("version: 1\nservices: {s: []}\n", "E-EMPTY", "a service");
    assert_refused("version: 1\napplications: {s: []}\n", "E-EMPTY", "a list");
    assert_refused("version: 1\nsegments: {a: {networks: [10.0.0.0/8], "
                   "interfaces: []}}\n",
                   "E-EMPTY", "'interfaces'");
    assert_refused("version: 1\nschedules: {s: {hours: []}}\n", "E-EMPTY",
                   "'hours'");
}

/* One mistake is told once: the misspelt key is the one that is missing. */
static void
a_misspelt_key_is_not_missing_as_well(void **state)
{
    struct problems problems;

    (void)state;
    assert_null(load("version: 1\nsegments:\n"
                     "  a: {network: [10.1.0.0/16]}\n"
                     "  b: {colour: red}\n",
                     &problems));
    assert_int_equal(problems.n_errors, 3);
    assert_problem(&problems, 0, "E-UNKNOWN-KEY", 3, 7, "'networks'");
    assert_problem(&problems, 1, "E-UNKNOWN-KEY", 4, 7, "'colour'");
    assert_problem(&problems, 2, "E-SEG-NETS", 4, 6, "'networks'");
    problems_done(&problems);
    assert_null(load(HEAD "rules:\n"
                          "  - {idd: r, from: a, to: a, action: allow,\n"
                          "     expire: 2099-01-01,\n"
                          "     exception: {tickt: t, owner: o, reason: r}}\n"
                          "pairs: [{ids: p, from: a, to: a, default: deny}]\n",
                     &problems));
    assert_int_equal(problems.n_errors, 4);
    assert_problem(&problems, 0, "E-UNKNOWN-KEY", 4, 6, "'id'");
    assert_problem(&problems, 1, "E-UNKNOWN-KEY", 5, 6, "'expires'");
    assert_problem(&problems, 2, "E-UNKNOWN-KEY", 6, 18, "'ticket'");
    assert_problem(&problems, 3, "E-UNKNOWN-KEY", 7, 10, "'id'");
    problems_done(&problems);
}

static void
a_policy_says_its_version(void **state)
{
    (void)state;
    assert_refused("segments: {}\n", "E-VERSION", "'version'");
    assert_refused("version: 2\n", "E-VERSION", "'2'");
    assert_refused("version: 1.0\n", "E-VERSION", "'1.0'");
}

static void
what_must_be_said_is_not_blank(void **state)
{
    (void)state;
    assert_refused(HEAD "rules: [{id: r, from: a, to: a, action: allow, "
                        "expires: 2099-01-01,\n"
                        "  exception: {ticket: '', owner: o, reason: r}}]\n",
                   "E-EXCEPTION", "'ticket'");
    assert_refused("version: 1\nalerting: {suppress: [{id: s, rule: "
                   "'default:inter',\n"
                   "  until: 2099-01-01, owner: o, reason: ''}]}\n",
                   "E-MISSING", "'reason'");
}

static void
words_with_a_meaning_are_no_names(void **state)
{
    (void)state;
    assert_refused("version: 1\nservices: {any: [tcp/1]}\n", "E-NAME", "'any'");
    assert_refused("version: 1\napplications: {none: [TLS]}\n", "E-NAME",
                   "'none'");
    assert_refused("version: 1\napplications: {unknown: [TLS]}\n", "E-NAME",
                   "'unknown'");
}

static void
an_id_is_that_of_one_suppression(void **state)
{
    struct problems problems;

    (void)state;
    assert_null(load("version: 1\nalerting:\n  suppress:\n"
                     "  - {id: s, src: 10.0.0.1, until: 2099-01-01, owner: o, "
                     "reason: r}\n"
                     "  - {id: s, src: 10.0.0.2, until: 2099-01-01, owner: o, "
                     "reason: r}\n",
                     &problems));
    assert_int_equal(problems.n_errors, 1);
    assert_problem(&problems, 0, "E-NAME", 5, 10, "line 4");
    problems_done(&problems);
}

/* x1: [x0, x0], x2: [x1, x1], ... and a chain of them. */
static void
application_sets_are_bounded(void **state)
{
    static char text[20000];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "version: 1\napplications:\n  x0: [TLS]\n");

    (void)state;
    for (int i = 1; i < 40; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "  x%d: [x%d, x%d]\n",
                              i, i - 1, i - 1);
    }
    assert_refused(text, "E-LIMIT", "more than 65536 applications");
    n = (size_t)snprintf(text, sizeof text, "version: 1\napplications:\n");
    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "  x%d: [x%d]\n", i,
                              i + 1);
    }
    snprintf(text + n, sizeof text - n, "  x100: [TLS]\n");
    assert_refused(text, "E-LIMIT", "more than 64 deep");
    assert_refused("version: 1\napplications: {x: [y], y: [TLS, x]}\n",
                   "E-CYCLE", "'x'");
}

static void
limits_are_of_something_and_thresholds_last(void **state)
{
    (void)state;
    assert_refused(HEAD "rules: [{id: r, from: a, to: a, action: deny, "
                        "threshold: {count: 0, window: 1m}}]\n",
                   "E-TYPE", "at least one hit");
    assert_refused(HEAD "rules: [{id: r, from: a, to: a, action: deny, "
                        "threshold: {count: 1, window: 0}}]\n",
                   "E-TYPE", "no time");
    assert_refused("version: 1\nalerting: {collapse: 0}\n", "E-TYPE",
                   "at least one");
    assert_refused("version: 1\nalerting: {max_active: 0}\n", "E-TYPE",
                   "at least one");
}

static void
digest_of(const char *text, char sha256[65])
{
    struct problems problems;
    struct policy *policy = load(text, &problems);

    assert_non_null(policy);
    snprintf(sha256, 65, "%s", policy_sha256(policy));
    policy_unref(policy);
    problems_done(&problems);
}

static void
the_canonical_digest_ignores_form_and_not_meaning(void **state)
{
    char one[65], other[65];

    (void)state;
    digest_of("version: 1\n"
              "segments: {a: {networks: [10.0.0.0/8, 192.0.2.0/24]},\n"
              "           b: {networks: [198.51.100.0/24]}}\n"
              "groups: {g: [a, b]}\n"
              "rules: [{id: r, from: g, to: a, service: https, action: allow}]",
              one);
    digest_of("version: 1  # the same in other words\n"
              "rules: [{action: allow, id: r, from: [b, a], to: a,\n"
              "         service: tcp/443}]\n"
              "segments: {b: {networks: [198.51.100.0/24]},\n"
              "           a: {networks: [192.0.2.0/24, 10.0.0.0/8]}}\n",
              other);
    assert_string_equal(one, other);
    digest_of("version: 1\n"
              "segments: {b: {networks: [198.51.100.0/24]},\n"
              "           a: {networks: [192.0.2.0/24, 10.0.0.0/8]}}\n"
              "rules: [{id: r, from: [b, a], to: a, service: tcp/444,\n"
              "         action: allow}]\n",
              other);
    assert_string_not_equal(one, other);
}

static void
the_source_digest_is_that_of_the_bytes(void **state)
{
    struct problems problems;
    struct policy *policy = load("version: 1\n", &problems);

    (void)state;
    assert_non_null(policy); /* printf 'version: 1\n' | sha256sum */
    assert_string_equal(
        policy_source_sha256(policy),
        "09bfcc6a14b83e2192b8673677725c84883ee9cd0c70e45c9ec09daa8f2b2847");
    policy_unref(policy);
    problems_done(&problems);
}

static void
only_vlans_that_matter_tell_flows_apart(void **state)
{
    struct problems problems;
    struct policy *policy =
        load("version: 1\nsegments: {a: {networks: [10.0.0.0/8], "
             "vlans: [20-21]}}\nrules: [{id: r, from: any, to: any, "
             "when: {vlan: 30}, action: deny}]\n",
             &problems);

    (void)state;
    assert_non_null(policy);
    assert_int_equal(policy_vlan_context(policy, 21), 21);
    assert_int_equal(policy_vlan_context(policy, 30), 30);
    assert_int_equal(policy_vlan_context(policy, 22), 0);
    assert_int_equal(policy_vlan_context(policy, 0), 0);
    policy_unref(policy);
    problems_done(&problems);
}

/* A folder with files of its own, gone with the test. */
struct folder {
    char path[64], main[128];
};

static void
write_file(const struct folder *folder, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void
folder_init(struct folder *folder, const char *main_text)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/segmon-policy-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->main, sizeof folder->main, "%s/main.yaml", folder->path);
    write_file(folder, "main.yaml", main_text);
}

static void
folder_done(const struct folder *folder)
{
    static const char *const names[] = {"main.yaml", "10.yaml", "20.yaml",
                                        "link.yaml"};
    char path[256];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    rmdir(folder->path);
}

static void
included_rules_come_before_those_of_the_main_file(void **state)
{
    struct problems problems;
    struct folder folder;
    struct policy *policy;

    (void)state;
    folder_init(&folder,
                HEAD "include: \"[0-9]*.yaml\"\n"
                     "rules: [{id: m, from: a, to: b, action: deny}]\n");
    write_file(&folder, "20.yaml",
               "version: 1\nrules: [{id: i2, from: a, to: b, action: deny}]\n");
    write_file(&folder, "10.yaml",
               "version: 1\nsegments: {b: {networks: [192.0.2.0/24]}}\n"
               "rules: [{id: i1, from: a, to: b, action: deny}]\n");
    problems_init(&problems);
    policy = policy_load(folder.main, NULL, &problems);
    assert_non_null(policy);
    assert_string_equal(policy_rule(policy, 0)->id, "i1");
    assert_string_equal(policy_rule(policy, 1)->id, "i2");
    assert_string_equal(policy_rule(policy, 2)->id, "m");
    policy_unref(policy);
    problems_done(&problems);
    folder_done(&folder);
}

static void
assert_include_refused(const char *include, const char *code)
{
    struct problems problems;
    struct folder folder;
    char text[200], link[256];

    snprintf(text, sizeof text, "version: 1\ninclude: [%s]\n", include);
    folder_init(&folder, text);
    write_file(&folder, "10.yaml", "version: 1\ninclude: main.yaml\n");
    write_file(&folder, "20.yaml", "version: 1\ndefaults: {inter: allow}\n");
    snprintf(link, sizeof link, "%s/link.yaml", folder.path);
    assert_int_equal(symlink("/etc/hostname", link), 0);
    problems_init(&problems);
    assert_null(policy_load(folder.main, NULL, &problems));
    assert_string_equal(problems.list[0].code, code);
    problems_done(&problems);
    folder_done(&folder);
}

static void
includes_stay_inside_their_folder(void **state)
{
    (void)state;
    assert_include_refused("/etc/hostname", "E-INCLUDE");
    assert_include_refused("../x.yaml", "E-INCLUDE");
    assert_include_refused("a/../../x.yaml", "E-INCLUDE");
    assert_include_refused("link.yaml", "E-INCLUDE");
    assert_include_refused("missing.yaml", "E-INCLUDE");
    assert_include_refused("10.yaml", "E-CYCLE");
    assert_include_refused("20.yaml", "E-INCLUDE");
}

static void
pipes_are_refused_without_waiting_for_a_writer(void **state)
{
    struct problems problems;
    struct folder folder;
    char pipe[256];

    (void)state;
    folder_init(&folder, "version: 1\ninclude: 10.yaml\n");
    snprintf(pipe, sizeof pipe, "%s/10.yaml", folder.path);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    problems_init(&problems);
    assert_null(policy_load(pipe, NULL, &problems));
    assert_problem(&problems, 0, "E-FILE", 0, 0, "not a regular file");
    problems_done(&problems);
    problems_init(&problems);
    assert_null(policy_load(folder.main, NULL, &problems));
    assert_problem(&problems, 0, "E-FILE", 2, 10, "not a regular file");
    problems_done(&problems);
    folder_done(&folder);
}

static void
an_include_too_long_for_a_path_is_not_skipped(void **state)
{
    struct problems problems;
    struct folder folder;
    char text[2 * PATH_MAX];

    (void)state;
    snprintf(text, sizeof text, "version: 1\ninclude: %0*d\n", PATH_MAX, 1);
    folder_init(&folder, text);
    problems_init(&problems);
    assert_null(policy_load(folder.main, NULL, &problems));
    assert_problem(&problems, 0, "E-INCLUDE", 2, 10, "longer than any");
    problems_done(&problems);
    folder_done(&folder);
}

static void
the_name_of_the_folder_is_no_glob(void **state)
{
    struct problems problems;
    struct folder folder;
    struct policy *policy;
    char odd[sizeof folder.path];

    (void)state;
    folder_init(&folder, HEAD "include: \"1*.yaml\"\n");
    assert_true(strlen(folder.path) <= 50);
    snprintf(odd, sizeof odd, "%.50s[1] *?\\", folder.path);
    assert_int_equal(rename(folder.path, odd), 0);
    memcpy(folder.path, odd, sizeof odd);
    snprintf(folder.main, sizeof folder.main, "%s/main.yaml", folder.path);
    write_file(&folder, "10.yaml",
               "version: 1\nrules: [{id: i, from: a, to: a, action: deny}]\n");
    problems_init(&problems);
    policy = policy_load(folder.main, NULL, &problems);
    assert_non_null(policy);
    assert_string_equal(policy_rule(policy, 0)->id, "i");
    policy_unref(policy);
    problems_done(&problems);
    folder_done(&folder);
}

/* 'main.yaml' includes the first of 'n' files and, if they are 'nested', each
 * the next, else all of them. */
static size_t
errors_of_includes(unsigned n, bool nested, const char **code)
{
    struct problems problems;
    struct folder folder;
    struct policy *policy;
    size_t n_errors;
    char path[256];

    folder_init(&folder, nested ? "version: 1\ninclude: i0.yaml\n"
                                : "version: 1\ninclude: \"i*.yaml\"\n");
    for (unsigned i = 0; i < n; i++) {
        char name[24], text[64];

        snprintf(name, sizeof name, "i%u.yaml", i);
        snprintf(text, sizeof text, "version: 1\ninclude: i%u.yaml\n", i + 1);
        write_file(&folder, name, nested && i + 1 < n ? text : "version: 1\n");
    }
    problems_init(&problems);
    policy = policy_load(folder.main, NULL, &problems);
    n_errors = problems.n_errors;
    *code = problems.n ? problems.list[0].code : "";
    assert_true((policy != NULL) == (n_errors == 0));
    policy_unref(policy);
    problems_done(&problems);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/i%u.yaml", folder.path, i);
        unlink(path);
    }
    folder_done(&folder);
    return n_errors;
}

static void
includes_stop_at_their_limits(void **state)
{
    const char *code;

    (void)state;
    assert_int_equal(errors_of_includes(LOAD_MAX_DEPTH, true, &code), 0);
    assert_int_equal(errors_of_includes(LOAD_MAX_DEPTH + 1, true, &code), 1);
    assert_string_equal(code, "E-LIMIT");
    assert_int_equal(errors_of_includes(LOAD_MAX_FILES - 1, false, &code), 0);
    assert_int_equal(errors_of_includes(LOAD_MAX_FILES, false, &code), 1);
    assert_string_equal(code, "E-LIMIT");
}

static void
dates_are_linted_against_today(void **state)
{
    const struct wall_time april = {INT64_C(1775044800) * 1000000000};
    struct problems problems;
    struct policy *policy =
        load("version: 1\npolicy: {name: p, review_by: 2026-03-01}\n"
             "segments: {a: {networks: [10.0.0.0/8]}}\n"
             "rules:\n"
             "  - {id: old, from: a, to: internet, action: allow, "
             "expires: 2026-03-01}\n"
             "  - {id: soon, from: a, to: internet, action: allow, "
             "expires: 2026-04-20}\n",
             &problems);

    (void)state;
    assert_non_null(policy);
    policy_lint(policy, april, &problems);
    assert_problem(&problems, 0, "W-EXPIRED", 5, 5, "'old'");
    assert_problem(&problems, 1, "W-EXPIRING", 6, 5, "'soon'");
    assert_problem(&problems, 2, "W-REVIEW", 2, 30, "reviewed");
    policy_unref(policy);
    problems_done(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_reported_in_one_run),
        cmocka_unit_test(a_condition_that_says_nothing_is_refused),
        cmocka_unit_test(a_misspelt_key_is_not_missing_as_well),
        cmocka_unit_test(a_policy_says_its_version),
        cmocka_unit_test(what_must_be_said_is_not_blank),
        cmocka_unit_test(words_with_a_meaning_are_no_names),
        cmocka_unit_test(an_id_is_that_of_one_suppression),
        cmocka_unit_test(application_sets_are_bounded),
        cmocka_unit_test(limits_are_of_something_and_thresholds_last),
        cmocka_unit_test(the_canonical_digest_ignores_form_and_not_meaning),
        cmocka_unit_test(the_source_digest_is_that_of_the_bytes),
        cmocka_unit_test(only_vlans_that_matter_tell_flows_apart),
        cmocka_unit_test(included_rules_come_before_those_of_the_main_file),
        cmocka_unit_test(includes_stay_inside_their_folder),
        cmocka_unit_test(pipes_are_refused_without_waiting_for_a_writer),
        cmocka_unit_test(an_include_too_long_for_a_path_is_not_skipped),
        cmocka_unit_test(the_name_of_the_folder_is_no_glob),
        cmocka_unit_test(includes_stop_at_their_limits),
        cmocka_unit_test(dates_are_linted_against_today),
        cmocka_unit_test(an_exception_lets_something_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* policy_print.h: what is printed reads back as the same policy. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/policy_impl.h"
#include "rules/print/policy_print.h"
#include "rules/problems.h"
#include "tests/rules/random_policy.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PRINTED = 1 << 20,
    N_POLICIES = 300
};

static struct application_engine *engine;

struct printed {
    size_t n;
    char bytes[MAX_PRINTED];
};

static bool
keep(void *context, const char *bytes, size_t n)
{
    struct printed *printed = context;

    if (n > MAX_PRINTED - printed->n) {
        return false;
    }
    memcpy(printed->bytes + printed->n, bytes, n);
    printed->n += n;
    return true;
}

/* Its print is what its digest is of, reads back, and prints the same. */
static void
assert_reads_back(const struct policy *policy)
{
    static struct printed first, second;
    struct policy *again;
    char sha256[65];

    first.n = second.n = 0;
    assert_true(policy_print(policy, keep, &first));
    hash_hex(first.bytes, first.n, sha256);
    assert_string_equal(sha256, policy_sha256(policy));
    again = sound_policy(first.bytes, first.n, engine);
    assert_string_equal(policy_sha256(again), policy_sha256(policy));
    assert_true(policy_print(again, keep, &second));
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.bytes, second.bytes, first.n);
    assert_int_equal(policy_n_rules(again), policy_n_rules(policy));
    assert_int_equal(policy_n_segments(again), policy_n_segments(policy));
    policy_unref(again);
}

static size_t
read_back_all(const char *pattern)
{
    glob_t found;
    size_t n;

    if (glob(pattern, 0, NULL, &found) != 0) {
        return 0;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct problems problems;
        struct policy *policy;

        problems_init(&problems);
        policy = policy_load(found.gl_pathv[i], engine, &problems);
        assert_non_null(policy);
        assert_reads_back(policy);
        policy_unref(policy);
        problems_done(&problems);
    }
    n = found.gl_pathc;
    globfree(&found);
    return n;
}

static void
shipped_policies_read_back(void **state)
{
    const char *shared = getenv("SEGMON_SHARED");
    char pattern[500];

    (void)state;
    assert_true(read_back_all(SOURCE_DIR "/rules/examples/*.yaml") >= 2);
    assert_true(read_back_all(SOURCE_DIR "/tests/rules/policies/*.yaml") > 10);
    snprintf(pattern, sizeof pattern, "%s/vectors/policy/policies/*.yaml",
             shared ? shared : SOURCE_DIR "/../shared");
    print_message("%zu policies of the vectors\n", read_back_all(pattern));
}

static void
random_policies_read_back(void **state)
{
    static char text[RANDOM_MAX_TEXT];
    static struct random_policy model;

    (void)state;
    for (uint32_t round = 0; round < N_POLICIES; round++) {
        struct choices choices = choices_from_seed(round);
        struct policy *policy;

        random_policy_draw(&choices, &model);
        policy = sound_policy(text, random_policy_write(&model, text), engine);
        assert_reads_back(policy);
        policy_unref(policy);
    }
}

static void
texts_come_back_whatever_is_in_them(void **state)
{
    static const char *const texts[] = {
        "\\\"quoted\\\" and \\\\",
        "line\\nbreak\\ttab\\r",
        "\\x01\\x7f\\e",
        "\\x80\\x85\\xa0",
        "\\u2028\\u2029\\ufeff",
        "\\uffff\\ufffe",
        "\\U0001F512 \\xe9 \\u4e2d",
        " spaces ",
        "- # : {} [] & * ! | > %",
        "no",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[400], title[200];
        struct policy *policy, *again;
        static struct printed printed;
        int n = snprintf(text, sizeof text,
                         "version: 1\nrules: [{id: \"null\", from: any, to: "
                         "any, action: deny, title: \"%s\"}]\n",
                         texts[i]);

        policy = sound_policy(text, (size_t)n, engine);
        assert_reads_back(policy);
        printed.n = 0;
        assert_true(policy_print(policy, keep, &printed));
        again = sound_policy(printed.bytes, printed.n, engine);
        snprintf(title, sizeof title, "%s", policy_rule(policy, 0)->title);
        assert_string_equal(policy_rule(again, 0)->title, title);
        policy_unref(policy);
        policy_unref(again);
    }
}

/* Such sets are kept as ranges, with IPv4 cut out. */
static void
sets_around_ipv4_read_back(void **state)
{
    static const char *const sets[] = {
        "\"::/0\"",
        "\"::/64\"",
        "\"::/79\"",
        "\"::/80\"",
        "\"::8000:0:0/81\"",
        "\"::fffe:0:0/96\"",
        "\"::fffe:8000:0/97\"",
        "\"::1:0:0:0/80\"",
        "0.0.0.0/0",
        "[\"::/0\", 0.0.0.0/0]",
        "[\"::fffe:8000:0/97\", \"::1:0:0:0/80\"]",
        "[\"::/80\", \"::1:0:0:0/80\"]",
        "[\"::8000:0:0/81\", \"::1:0:0:0/80\", 10.0.0.0/8]"};

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char text[300];
        int n = snprintf(text, sizeof text,
                         "version: 1\nrules: [{id: r, from: any, to: any, "
                         "from_addr: %s, action: deny}]\n",
                         sets[i]);
        struct policy *policy = sound_policy(text, (size_t)n, engine);

        assert_reads_back(policy);
        policy_unref(policy);
    }
}

static const char shop[] =
    "version: 1\n"
    "policy: {name: shop, revision: \"7\"}\n"
    "segments: {web: {networks: [10.1.0.0/16]},\n"
    "  db: {networks: [10.2.0.0/16], criticality: high}}\n"
    "schedules: {office: {days: [mon-fri], hours: [\"08:00-18:00\"]}}\n"
    "rules:\n"
    "  - {id: sql, from: web, to: db, service: postgresql, action: allow,\n"
    "     when: {schedule: office}, require: {tls_min: \"1.2\"},\n"
    "     expires: 2026-12-31, title: The shop's data}\n";
static const char shop_printed[] = "version: 1\n"
                                   "policy:\n"
                                   "  name: \"shop\"\n"
                                   "  revision: \"7\"\n"
                                   "defaults:\n"
                                   "  inter: deny\n"
                                   "  intra: allow\n"
                                   "  unknown: deny\n"
                                   "  multicast: observe\n"
                                   "  link_scope: allow\n"
                                   "  midstream: lenient\n"
                                   "  app_confidence: dpi\n"
                                   "  severity: medium\n"
                                   "segments:\n"
                                   "  db:\n"
                                   "    networks: [10.2.0.0/16]\n"
                                   "    criticality: high\n"
                                   "  web:\n"
                                   "    networks: [10.1.0.0/16]\n"
                                   "    criticality: medium\n"
                                   "schedules:\n"
                                   "  schedule-1: {days: [mon, tue, wed, thu, "
                                   "fri], hours: [\"08:00-18:00\"], tz: "
                                   "\"+00:00\"}\n"
                                   "rules:\n"
                                   "  - id: sql\n"
                                   "    from: [web]\n"
                                   "    to: [db]\n"
                                   "    service: [tcp/5432]\n"
                                   "    when:\n"
                                   "      schedule: [schedule-1]\n"
                                   "    require:\n"
                                   "      tls_min: \"1.2\"\n"
                                   "    action: allow\n"
                                   "    mode: enforce\n"
                                   "    expires: \"2026-12-31\"\n"
                                   "    severity: medium\n"
                                   "    title: \"The shop's data\"\n"
                                   "alerting:\n"
                                   "  realert: 3600s\n"
                                   "  max_active: 100000\n"
                                   "  collapse: 50\n";

static void
it_reads_well(void **state)
{
    static struct printed printed;
    struct policy *policy = sound_policy(shop, sizeof shop - 1, engine);

    (void)state;
    printed.n = 0;
    assert_true(policy_print(policy, keep, &printed));
    assert_true(printed.n < MAX_PRINTED);
    printed.bytes[printed.n] = '\0';
    assert_string_equal(printed.bytes, shop_printed);
    policy_unref(policy);
}

static bool
refuse(void *context, const char *bytes, size_t n)
{
    size_t *left = context;

    (void)bytes;
    *left -= *left < n ? *left : n;
    return *left > 0;
}

static void
a_sink_that_fails_is_told(void **state)
{
    static const char text[] =
        "version: 1\nrules: [{id: r, from: any, to: any, action: deny}]\n";
    struct policy *policy = sound_policy(text, sizeof text - 1, engine);

    (void)state;
    for (size_t bytes = 1; bytes < 300; bytes += 7) {
        size_t left = bytes;

        assert_false(policy_print(policy, refuse, &left));
    }
    policy_unref(policy);
}

static int
set_up(void **state)
{
    struct error error;

    (void)state;
    engine = application_engine_new(NULL, &error);
    return engine ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    application_engine_free(engine);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_policies_read_back),
        cmocka_unit_test(random_policies_read_back),
        cmocka_unit_test(texts_come_back_whatever_is_in_them),
        cmocka_unit_test(sets_around_ipv4_read_back),
        cmocka_unit_test(it_reads_well),
        cmocka_unit_test(a_sink_that_fails_is_told),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

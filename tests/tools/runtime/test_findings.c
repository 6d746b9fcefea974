/* findings.h: equal results are one, and go with the last flow that has them.
 */

#include "tests/support/test.h"

#include "flows/flow_memory.h"
#include "tools/runtime/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_NAMES = 3000
};

/* As ndpi_details.c makes them: one allocation. */
static struct application_details *
details_of(const char *host)
{
    size_t size = strlen(host) + 1;
    struct application_details *details = malloc(sizeof *details + size + 1);
    char *empty;

    assert_non_null(details);
    empty = (char *)(details + 1) + size;
    *details = (struct application_details){.host = (char *)(details + 1),
                                            .alpn = empty,
                                            .ja3_client = empty,
                                            .ja3_server = empty,
                                            .ja4_client = empty,
                                            .certificate_issuer = empty,
                                            .certificate_subject = empty,
                                            .certificate_sha1 = empty,
                                            .user_agent = empty,
                                            .http_url = empty};
    memcpy(details->host, host, size);
    *empty = '\0';
    return details;
}

static finding_id
find(struct findings *findings, uint16_t master, const char *host)
{
    finding_id id = findings_start(findings, NULL);
    struct application found = {.state = APPLICATION_KNOWN,
                                .master = master,
                                .details = host ? details_of(host) : NULL};

    assert_int_not_equal(id, 0);
    return findings_finish(findings, id, &found);
}

static void
equal_results_are_one(void **state)
{
    struct flow_memory memory = {.used = 0};
    struct findings findings;
    finding_id plain, named;

    (void)state;
    assert_true(findings_init(&findings, &memory));
    plain = find(&findings, 7, NULL);
    named = find(&findings, 7, "www.example");
    assert_int_not_equal(plain, named);
    assert_int_equal(find(&findings, 7, NULL), plain);
    assert_int_equal(find(&findings, 7, "www.example"), named);
    assert_int_not_equal(find(&findings, 5, "www.example"), named);
    assert_int_not_equal(find(&findings, 7, "w3.example"), named);
    assert_int_equal(findings.n, 4);
    assert_string_equal(findings_application(&findings, named)->details->host,
                        "www.example");
    findings_release(&findings, named);
    assert_int_equal(findings_application(&findings, named)->master, 7);
    findings_release(&findings, named);
    assert_int_equal(findings.n, 3);
    findings_release(&findings, plain);
    findings_done(&findings);
}

static void
no_finding_is_no_application(void **state)
{
    struct flow_memory memory = {.used = 0};
    struct findings findings;

    (void)state;
    assert_true(findings_init(&findings, &memory));
    assert_int_equal(findings_application(&findings, 0)->state,
                     APPLICATION_NONE);
    findings_release(&findings, 0);
    findings_done(&findings);
    assert_int_equal(memory.used, 0);
}

static void
memory_comes_back_after_a_peak(void **state)
{
    static finding_id ids[2 * N_NAMES];
    struct flow_memory memory = {.used = 0};
    struct findings findings;
    size_t peak;

    (void)state;
    assert_true(findings_init(&findings, &memory));
    for (unsigned i = 0; i < 2 * N_NAMES; i++) {
        char host[32];

        snprintf(host, sizeof host, "host-%u.example", i % N_NAMES);
        ids[i] = find(&findings, 7, host);
        assert_int_equal(ids[i], ids[i % N_NAMES]);
    }
    assert_int_equal(findings.n, N_NAMES);
    peak = memory.used;
    for (unsigned i = 0; i < 2 * N_NAMES; i++) {
        findings_release(&findings, ids[i]);
    }
    assert_int_equal(findings.n, 0);
    assert_in_range(memory.used, 1, peak / 20);
    findings_done(&findings);
    assert_int_equal(memory.used, 0);
}

static void
without_memory_details_are_left_out_and_then_everything(void **state)
{
    struct flow_memory memory = {.limit = 60000};
    struct findings findings;
    unsigned n = 0;

    (void)state;
    assert_true(findings_init(&findings, &memory));
    while (!findings.details_lost) {
        char host[32];

        snprintf(host, sizeof host, "host-%u.example", n++);
        find(&findings, 7, host);
        assert_true(n < N_NAMES);
    }
    assert_in_range(memory.used, 1, memory.limit);
    for (finding_id id = 1; id; n++) { /* What is left is for names. */
        id = findings_start(&findings, NULL);
        assert_true(n < N_NAMES);
    }
    assert_in_range(memory.used, 1, memory.limit);
    findings_done(&findings);
    assert_int_equal(memory.used, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_results_are_one),
        cmocka_unit_test(no_finding_is_no_application),
        cmocka_unit_test(memory_comes_back_after_a_peak),
        cmocka_unit_test(
            without_memory_details_are_left_out_and_then_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/support/test.h"

#include "tools/doctor/diagnosis.h"

#include <stdio.h>
#include <string.h>

static struct diagnosis diagnosis;

static int
setup(void **state)
{
    (void)state;
    diagnosis_init(&diagnosis);
    return 0;
}

static void
codes_are_told_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DIAGNOSIS_N_CODES; i++) {
        const struct diagnosis_kind *kind = diagnosis_kind_of(i);

        assert_int_equal(strncmp(kind->code, "D-", 2), 0);
        assert_true(kind->severity > DIAGNOSIS_OK);
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(kind->code, diagnosis_kind_of(j)->code);
        }
    }
}

static void
the_worst_comes_first(void **state)
{
    (void)state;
    diagnosis_add(&diagnosis, DIAGNOSIS_LINK_RXVLAN, "eth1", "a");
    assert_int_equal(diagnosis.worst, DIAGNOSIS_INFO);
    diagnosis_add(&diagnosis, DIAGNOSIS_LINK_GRO, "eth1", "b");
    diagnosis_add(&diagnosis, DIAGNOSIS_TRAFFIC_NONE, "eth2", "c");
    diagnosis_add(&diagnosis, DIAGNOSIS_LINK_GRO, "eth0", "d");
    diagnosis_sort(&diagnosis);
    assert_int_equal(diagnosis.worst, DIAGNOSIS_CRITICAL);
    assert_string_equal(diagnosis.findings[0].what, "c");
    assert_string_equal(diagnosis.findings[1].what, "d");
    assert_string_equal(diagnosis.findings[2].what, "b");
    assert_string_equal(diagnosis.findings[3].what, "a");
}

static void
findings_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DIAGNOSIS_MAX; i++) {
        diagnosis_add(&diagnosis, DIAGNOSIS_LINK_GRO, "eth1", "%u", i);
    }
    assert_int_equal(diagnosis.left_out, 0);
    diagnosis_fix(diagnosis_add(&diagnosis, DIAGNOSIS_LINK_DOWN, "eth1", "x"),
                  "y");
    assert_int_equal(diagnosis.n_findings, DIAGNOSIS_MAX);
    assert_int_equal(diagnosis.left_out, 1);
    assert_int_equal(diagnosis.worst, DIAGNOSIS_CRITICAL);
}

static void
what_was_not_examined_is_counted_beyond_its_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= DIAGNOSIS_MAX_UNEXAMINED; i++) {
        diagnosis_skip(&diagnosis, DIAGNOSIS_LINK, "eth1", "no");
    }
    assert_int_equal(diagnosis.n_unexamined, DIAGNOSIS_MAX_UNEXAMINED);
    assert_int_equal(diagnosis.left_out, 1);
    assert_true(diagnosis.is_incomplete);
}

static void
evidence_beyond_the_limit_is_left_out(void **state)
{
    struct diagnosis_finding *finding =
        diagnosis_add(&diagnosis, DIAGNOSIS_LINK_GRO, "eth1", "x");

    (void)state;
    for (unsigned i = 0; i < DIAGNOSIS_MAX_EVIDENCE + 2; i++) {
        diagnosis_number(finding, "n", i);
        diagnosis_text(finding, "t", "text");
    }
    assert_int_equal(finding->n_evidence, DIAGNOSIS_MAX_EVIDENCE);
}

static void
ignored_findings_do_not_count(void **state)
{
    (void)state;
    assert_true(diagnosis_ignore(&diagnosis, "D-LINK-GRO,D-LINK-LRO"));
    diagnosis_number(diagnosis_add(&diagnosis, DIAGNOSIS_LINK_GRO, "eth1", "x"),
                     "n", 1);
    assert_int_equal(diagnosis.n_findings, 0);
    assert_int_equal(diagnosis.n_ignored, 1);
    assert_int_equal(diagnosis.worst, DIAGNOSIS_OK);
}

static void
only_whole_codes_can_be_ignored(void **state)
{
    static const char *const wrong[] = {
        "", ",", "D-LINK", "D-LINK-GRO,", "D-LINK-GRO ", "d-link-gro"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(diagnosis_ignore(&diagnosis, wrong[i]));
    }
}

static void
words_are_one_word_to_a_shell(void **state)
{
    static const char *const words[] = {"eth1",  "br-0.7", "",  "a b",  "a'b",
                                        "$(id)", "-",      "`", "a\nb", "''''"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char word[DIAGNOSIS_WORD_SIZE], command[DIAGNOSIS_WORD_SIZE + 32];
        char read[64] = "";
        FILE *shell;
        size_t n;

        snprintf(command, sizeof command, "printf '[%%s]' %s",
                 diagnosis_word(words[i], word));
        shell = popen(command, "r");
        assert_non_null(shell);
        n = fread(read, 1, sizeof read - 1, shell);
        assert_int_equal(pclose(shell), 0);
        assert_int_equal(n, strlen(words[i]) + 2);
        assert_memory_equal(read + 1, words[i], strlen(words[i]));
    }
}

static void
words_too_long_are_still_closed(void **state)
{
    char text[2 * DIAGNOSIS_WORD_SIZE], word[DIAGNOSIS_WORD_SIZE];

    (void)state;
    memset(text, '\'', sizeof text);
    text[sizeof text - 1] = '\0';
    diagnosis_word(text, word);
    assert_true(strlen(word) < sizeof word);
    assert_int_equal(word[strlen(word) - 1], '\'');
}

static void
shares_are_of_something(void **state)
{
    (void)state;
    assert_false(diagnosis_is_share(0, 0, 0));
    assert_true(diagnosis_is_share(1, 100, 1));
    assert_false(diagnosis_is_share(1, 101, 1));
    assert_true(diagnosis_is_share(UINT64_C(1) << 40, UINT64_C(1) << 41, 50));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(codes_are_told_apart, setup),
        cmocka_unit_test_setup(the_worst_comes_first, setup),
        cmocka_unit_test_setup(findings_beyond_the_limit_are_counted, setup),
        cmocka_unit_test_setup(
            what_was_not_examined_is_counted_beyond_its_limit, setup),
        cmocka_unit_test_setup(evidence_beyond_the_limit_is_left_out, setup),
        cmocka_unit_test_setup(ignored_findings_do_not_count, setup),
        cmocka_unit_test_setup(only_whole_codes_can_be_ignored, setup),
        cmocka_unit_test_setup(words_are_one_word_to_a_shell, setup),
        cmocka_unit_test_setup(words_too_long_are_still_closed, setup),
        cmocka_unit_test_setup(shares_are_of_something, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

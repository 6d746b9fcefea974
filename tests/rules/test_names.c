/* names.h */

#include "tests/support/test.h"

#include "rules/names.h"

#include <string.h>

static const char *
suggestion(const char *word, const char *const *candidates)
{
    struct name_suggestion suggestion;

    name_suggestion_init(&suggestion, word);
    for (; *candidates; candidates++) {
        name_suggestion_offer(&suggestion, *candidates);
    }
    return suggestion.best;
}

static void
names_and_rule_ids_have_their_letters(void **state)
{
    (void)state;
    assert_true(name_is_valid("a"));
    assert_true(name_is_valid("ot-cell_2"));
    assert_false(name_is_valid(""));
    assert_false(name_is_valid("2a"));
    assert_false(name_is_valid("A"));
    assert_false(name_is_valid("a.b"));
    assert_true(name_is_rule_id("7.web-in"));
    assert_false(name_is_rule_id(".web"));
    assert_false(name_is_rule_id("Web"));
}

static void
a_name_of_48_letters_is_the_longest(void **state)
{
    char name[NAME_MAX_LENGTH + 2];

    (void)state;
    memset(name, 'a', sizeof name);
    name[NAME_MAX_LENGTH] = '\0';
    assert_true(name_is_valid(name));
    name[NAME_MAX_LENGTH] = 'a';
    name[NAME_MAX_LENGTH + 1] = '\0';
    assert_false(name_is_valid(name));
}

static void
the_nearest_name_is_suggested(void **state)
{
    const char *const words[] = {"http", "https", "ssh", "BitTorrent", NULL};

    (void)state;
    assert_string_equal(suggestion("htps", words), "https");
    assert_string_equal(suggestion("httpss", words), "https");
    assert_string_equal(suggestion("bittorent", words), "BitTorrent");
    assert_string_equal(suggestion("shs", words), "ssh");
    assert_null(suggestion("kerberos", words));
    assert_null(suggestion("", words));
}

static void
globs_match_runs_and_single_characters(void **state)
{
    (void)state;
    assert_true(glob_match("eth*", "eth0"));
    assert_true(glob_match("*a*b", "xaxbxb"));
    assert_true(glob_match("hq-?", "hq-1"));
    assert_false(glob_match("hq-?", "hq-"));
    assert_false(glob_match("eth*", "veth0"));
    assert_true(glob_match("*", ""));
}

static void
globs_overlap_when_one_text_matches_both(void **state)
{
    (void)state;
    assert_true(glob_overlap("eth*", "*0"));
    assert_true(glob_overlap("a*c", "ab*"));
    assert_true(glob_overlap("hq", "h?"));
    assert_false(glob_overlap("eth*", "wlan*"));
    assert_false(glob_overlap("hq", "hq1"));
    assert_true(glob_overlap("*", "x"));
}

static void
one_star_is_one_label_and_two_are_more(void **state)
{
    (void)state;
    assert_true(host_pattern_match("*.good.example", "a.good.example"));
    assert_false(host_pattern_match("*.good.example", "a.b.good.example"));
    assert_false(host_pattern_match("*.good.example", "good.example"));
    assert_true(host_pattern_match("**.deep.example", "a.b.deep.example"));
    assert_false(host_pattern_match("**.deep.example", "deep.example"));
    assert_true(host_pattern_match("exact.example", "EXACT.example."));
    assert_true(host_pattern_match("**.b.**", "x.b.b.y"));
    assert_true(host_pattern_match("**", "x"));
    assert_false(host_pattern_match("**", ""));
    assert_true(host_pattern_match("a.**.c", "a.b.c.c"));
    assert_false(host_pattern_match("a.**.c", "a.c"));
    assert_false(host_pattern_match("*.example", "a..example"));
}

static void
stars_stand_alone_in_their_label(void **state)
{
    (void)state;
    assert_true(host_pattern_is_valid("*.a"));
    assert_true(host_pattern_is_valid("**.a"));
    assert_false(host_pattern_is_valid("web*.a"));
    assert_false(host_pattern_is_valid("***.a"));
    assert_false(host_pattern_is_valid("a..b"));
    assert_false(host_pattern_is_valid(""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_rule_ids_have_their_letters),
        cmocka_unit_test(a_name_of_48_letters_is_the_longest),
        cmocka_unit_test(the_nearest_name_is_suggested),
        cmocka_unit_test(globs_match_runs_and_single_characters),
        cmocka_unit_test(globs_overlap_when_one_text_matches_both),
        cmocka_unit_test(one_star_is_one_label_and_two_are_more),
        cmocka_unit_test(stars_stand_alone_in_their_label),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

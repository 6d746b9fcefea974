/* The tables of policy_keys.h. */

#include "rules/load/policy_keys.h"

#include <assert.h>

#define KEY_ROW(NAME, TEXT, TYPE, REQUIRED, MEANING)                           \
    {TEXT, TYPE, REQUIRED, MEANING},
static const struct policy_key keys_top[] = {KEYS_TOP(KEY_ROW)};
static_assert(IN_TOP_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_policy[] = {KEYS_POLICY(KEY_ROW)};
static_assert(IN_POLICY_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_defaults[] = {KEYS_DEFAULTS(KEY_ROW)};
static_assert(IN_DEFAULTS_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_segment[] = {KEYS_SEGMENT(KEY_ROW)};
static_assert(IN_SEGMENT_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_group[] = {KEYS_GROUP(KEY_ROW)};
static_assert(IN_GROUP_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_schedule[] = {KEYS_SCHEDULE(KEY_ROW)};
static_assert(IN_SCHEDULE_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_rule[] = {KEYS_RULE(KEY_ROW)};
static_assert(IN_RULE_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_when[] = {KEYS_WHEN(KEY_ROW)};
static_assert(IN_WHEN_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_require[] = {KEYS_REQUIRE(KEY_ROW)};
static_assert(IN_REQUIRE_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_exception[] = {KEYS_EXCEPTION(KEY_ROW)};
static_assert(IN_EXCEPTION_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_threshold[] = {KEYS_THRESHOLD(KEY_ROW)};
static_assert(IN_THRESHOLD_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_pair[] = {KEYS_PAIR(KEY_ROW)};
static_assert(IN_PAIR_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_authorities[] = {KEYS_AUTHORITIES(KEY_ROW)};
static_assert(IN_AUTHORITIES_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_detect[] = {KEYS_DETECT(KEY_ROW)};
static_assert(IN_DETECT_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_detector[] = {KEYS_DETECTOR(KEY_ROW)};
static_assert(IN_DETECTOR_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_alerting[] = {KEYS_ALERTING(KEY_ROW)};
static_assert(IN_ALERTING_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_suppress[] = {KEYS_SUPPRESS(KEY_ROW)};
static_assert(IN_SUPPRESS_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_test[] = {KEYS_TEST(KEY_ROW)};
static_assert(IN_TEST_N <= KEYS_MAX, "KEYS_MAX is too small");
static const struct policy_key keys_expect[] = {KEYS_EXPECT(KEY_ROW)};
static_assert(IN_EXPECT_N <= KEYS_MAX, "KEYS_MAX is too small");

static const struct {
    const struct policy_key *keys;
    size_t n;
    const char *name;
} sections[] = {
    {keys_top, IN_TOP_N, "the top level"},
    {keys_policy, IN_POLICY_N, "policy"},
    {keys_defaults, IN_DEFAULTS_N, "defaults"},
    {keys_segment, IN_SEGMENT_N, "a segment"},
    {keys_group, IN_GROUP_N, "a group"},
    {keys_schedule, IN_SCHEDULE_N, "a schedule"},
    {keys_rule, IN_RULE_N, "a rule"},
    {keys_when, IN_WHEN_N, "when"},
    {keys_require, IN_REQUIRE_N, "require"},
    {keys_exception, IN_EXCEPTION_N, "exception"},
    {keys_threshold, IN_THRESHOLD_N, "threshold"},
    {keys_pair, IN_PAIR_N, "a pair"},
    {keys_authorities, IN_AUTHORITIES_N, "authorities"},
    {keys_detect, IN_DETECT_N, "detect"},
    {keys_detector, IN_DETECTOR_N, "a detector"},
    {keys_alerting, IN_ALERTING_N, "alerting"},
    {keys_suppress, IN_SUPPRESS_N, "suppress"},
    {keys_test, IN_TEST_N, "a test"},
    {keys_expect, IN_EXPECT_N, "expect"},
};
static_assert(sizeof sections / sizeof sections[0] == N_SECTIONS,
              "a section is missing");

const struct policy_key *
policy_keys(enum key_section section, size_t *n)
{
    *n = sections[section].n;
    return sections[section].keys;
}

const char *
policy_section_name(enum key_section section)
{
    return sections[section].name;
}

/* Most rules and segments keep their places from one version of a policy to the
 * next, or nearly, so they are looked for from there on; what was found is kept
 * for the other violations of the same rule. */

#include "rules/violation_follow.h"

#include <string.h>

/* Of the rule or segment of that number. */
typedef const char *name_function(const struct policy *, size_t number);

static int32_t rule_of(struct violation_follow *, const struct policy *from,
                       int32_t rule);
static int32_t segment_of(const struct violation_follow *,
                          const struct policy *from, segment_id);
static int32_t find(const struct policy *, name_function *, size_t n,
                    const char *name, size_t near);
static const char *rule_name(const struct policy *, size_t number);
static const char *segment_name(const struct policy *, size_t number);

void
violation_follow_set(struct violation_follow *follow,
                     const struct policy *policy)
{
    violation_follow_done(follow);
    *follow = (struct violation_follow){.policy = policy_hold(policy)};
}

void
violation_follow_done(struct violation_follow *follow)
{
    policy_unref(follow->policy);
    follow->policy = NULL;
}

bool
violation_follow_story(struct violation_follow *follow,
                       struct violation_story *story)
{
    struct violation *violation = &story->violation;
    const struct policy *from = story->policy, *to = follow->policy;
    int32_t rule, src, dst;

    if (!from || from == to) {
        return true;
    }
    if (strcmp(policy_name(from), policy_name(to)) != 0) {
        return false;
    }
    rule = rule_of(follow, from, violation->rule);
    src = segment_of(follow, from, violation->src_segment);
    dst = segment_of(follow, from, violation->dst_segment);
    if ((rule < 0 && violation->rule >= 0) || src < 0 || dst < 0) {
        return false;
    }
    violation->rule = rule;
    violation->src_segment = (segment_id)src;
    violation->dst_segment = (segment_id)dst;
    violation->policy = to;
    violation_story_set_policy(story, to);
    return true;
}

static int32_t
rule_of(struct violation_follow *follow, const struct policy *from,
        int32_t rule)
{
    struct violation_followed *memo;

    if (rule < 0) {
        return rule;
    }
    memo = &follow->memo[rule % VIOLATION_FOLLOW_MEMO];
    if (memo->from != from || memo->rule != rule) {
        *memo = (struct violation_followed){
            from, rule,
            find(follow->policy, rule_name, policy_n_rules(follow->policy),
                 rule_name(from, (size_t)rule), (size_t)rule)};
    }
    return memo->is;
}

static int32_t
segment_of(const struct violation_follow *follow, const struct policy *from,
           segment_id segment)
{
    return find(follow->policy, segment_name, policy_n_segments(follow->policy),
                segment_name(from, segment), segment);
}

/* The one of 'n' that has the name, from 'near' on both ways; -1 if none has.
 */
static int32_t
find(const struct policy *policy, name_function *name_of, size_t n,
     const char *name, size_t near)
{
    for (size_t i = 0; i < n || i <= near; i++) {
        if (near + i < n && strcmp(name_of(policy, near + i), name) == 0) {
            return (int32_t)(near + i);
        }
        if (i <= near && near - i < n &&
            strcmp(name_of(policy, near - i), name) == 0) {
            return (int32_t)(near - i);
        }
    }
    return -1;
}

static const char *
rule_name(const struct policy *policy, size_t number)
{
    return policy_rule(policy, (uint32_t)number)->id;
}

static const char *
segment_name(const struct policy *policy, size_t number)
{
    return policy_segment(policy, (segment_id)number)->name;
}

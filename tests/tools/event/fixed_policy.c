/* A policy as the encoders see it, with every text there is.
 *
 * Encoding only reads a policy, through these functions; so its tests need no
 * loader, and can have a policy that no file could describe: one with every
 * optional text, and a verdict flag of every kind. */

#include "tests/tools/event/fixed_policy.h"

#include "rules/detect/detect.h"
#include "rules/judge/judge.h"
#include "rules/violation.h"

static const char *const attack[] = {"T1021.001", "T0886", "T9999", NULL};
static const char *const controls[] = {"IEC-62443-3-3:SR-5.1", NULL};
static const char *const tags[] = {"cde", "b\"ad\n\xff", NULL};

static const struct policy_rule rules[] = {
    {.id = "web-in",
     .title = "Web servers from the internet",
     .tier = TIER_RULE,
     .action = DECISION_DENY,
     .severity = LEVEL_HIGH,
     .attack = attack,
     .controls = controls,
     .tags = tags,
     .conduit = "users-dmz",
     .justification = "Ticket 4711",
     .owner = "web team"},
    {.id = "default:inter",
     .title = "",
     .tier = TIER_DEFAULT,
     .action = DECISION_DENY,
     .severity = LEVEL_MEDIUM,
     .conduit = "",
     .justification = "",
     .owner = ""},
};

#define BUILTIN(text, is_external)                                             \
    {                                                                          \
        .name = (text), .criticality = LEVEL_LOW, .external = (is_external),   \
        .builtin = true                                                        \
    }

static const struct policy_segment segments[] = {
    [SEGMENT_INTERNET] = BUILTIN("internet", true),
    [SEGMENT_UNKNOWN] = BUILTIN("unknown", false),
    [SEGMENT_MULTICAST] = BUILTIN("multicast", false),
    [SEGMENT_BROADCAST] = BUILTIN("broadcast", false),
    [SEGMENT_LINK_LOCAL] = BUILTIN("link-local", false),
    [SEGMENT_RESERVED] = BUILTIN("reserved", false),
    [SEGMENT_N_BUILTIN] = {.name = "corp-users", .criticality = LEVEL_LOW},
    [SEGMENT_N_BUILTIN + 1] = {.name = "cde-db", .criticality = LEVEL_CRITICAL},
};

/* Only their addresses are used. */
static char policies[2];

const struct policy *
fixed_policy(void)
{
    return (const struct policy *)(void *)&policies[0];
}

const struct policy *
fixed_policy_again(void)
{
    return (const struct policy *)(void *)&policies[1];
}

struct policy *
policy_hold(const struct policy *policy)
{
    return (struct policy *)(void *)&policies[policy != fixed_policy()];
}

void
policy_unref(struct policy *policy)
{
    (void)policy;
}

const char *
policy_name(const struct policy *policy)
{
    (void)policy;
    return "example-enterprise";
}

const char *
policy_revision(const struct policy *policy)
{
    (void)policy;
    return "2026-03-02.1";
}

const char *
policy_sha256(const struct policy *policy)
{
    (void)policy;
    return "9f2c5a7b11de00112233445566778899"
           "9f2c5a7b11de00112233445566778899";
}

const char *
policy_source_sha256(const struct policy *policy)
{
    return policy_sha256(policy);
}

size_t
policy_n_segments(const struct policy *policy)
{
    (void)policy;
    return sizeof segments / sizeof *segments;
}

const struct policy_segment *
policy_segment(const struct policy *policy, segment_id segment)
{
    (void)policy;
    return &segments[segment];
}

size_t
policy_n_rules(const struct policy *policy)
{
    (void)policy;
    return sizeof rules / sizeof *rules;
}

const struct policy_rule *
policy_rule(const struct policy *policy, uint32_t rule)
{
    (void)policy;
    return &rules[rule];
}

const char *
policy_suppressed(const struct policy *policy, uint32_t rule,
                  const struct addr *src, const struct addr *dst,
                  struct wall_time when)
{
    (void)policy;
    (void)src;
    (void)dst;
    (void)when;
    return rule == 0 ? "known scanner" : NULL;
}

const char *
detector_name(enum detector detector)
{
    static const char *const names[] = {
#define DETECTOR_KEY(NAME, KEY, SEVERITY, TECHNIQUES, TITLE)                   \
    [DETECTOR_##NAME] = (KEY),
        DETECTORS(DETECTOR_KEY)
#undef DETECTOR_KEY
    };

    return names[detector];
}

const char *
level_name(enum policy_level level)
{
    static const char *const names[] = {"info", "low", "medium", "high",
                                        "critical"};

    return names[level];
}

const char *
tier_name(enum policy_tier tier)
{
    static const char *const names[] = {"guardrail", "rule", "pair", "default"};

    return names[tier];
}

const char *
verdict_reason_name(enum verdict_reason reason)
{
    static const char *const names[] = {
#define REASON_NAME(NAME, TEXT) [VERDICT_REASON_##NAME] = (TEXT),
        VERDICT_REASONS(REASON_NAME)
#undef REASON_NAME
    };

    return names[reason];
}

void
verdict_each_flag(const struct policy *policy, const struct verdict *verdict,
                  void (*each)(void *context, const char *flag), void *context)
{
    (void)policy;
    if (verdict->near_miss >= 0) {
        each(context, "near-miss:web-in:app");
    }
    if (verdict->reverse_of >= 0) {
        each(context, "reverse-of:web-in");
    }
}

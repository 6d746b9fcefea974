/* Hits on a tracker, and what it told of them. */

#ifndef TESTS_RULES_VIOLATIONS_H
#define TESTS_RULES_VIOLATIONS_H

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "rules/violation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TOLD = 64
};

struct told {
    struct violation list[MAX_TOLD];
    size_t n;
};

struct fixture {
    struct policy *policy;
    struct violation_tracker *tracker;
    struct told told;
    int64_t now;
    bool again, goes_on; /* What hit() says of its flow. */
    uint64_t flow_id;    /* That of its flow; 0: a new one every second. */
};

static inline void
note(void *context, const struct violation *violation)
{
    struct told *told = context;

    assert_true(told->n < MAX_TOLD);
    told->list[told->n++] = *violation;
}

static inline void
set_up(struct fixture *f, const struct violation_options *options,
       const char *rule_keys, const char *alerting)
{
    struct error error;
    char text[800];

    snprintf(text, sizeof text,
             "version: 1\npolicy: {name: p, revision: \"1\"}\n"
             "segments: {a: {networks: [10.0.0.0/8]}}\n"
             "rules:\n  - {id: r, from: any, to: any, action: deny%s%s}\n"
             "%s",
             rule_keys[0] ? ", " : "", rule_keys, alerting);
    *f = (struct fixture){.now = 0};
    f->policy = sound_policy(text, strlen(text), NULL);
    f->tracker = violation_tracker_new(options, note, &f->told, &error);
    assert_non_null(f->tracker);
}

static inline void
tear_down(struct fixture *f)
{
    violation_tracker_free(f->tracker);
    policy_unref(f->policy);
}

static inline void
hit(struct fixture *f, int64_t seconds, uint32_t src, uint32_t dst,
    uint16_t port, enum flow_outcome outcome)
{
    const uint8_t src_bytes[4] = {10, 1, (uint8_t)(src >> 8), (uint8_t)src};
    const uint8_t dst_bytes[4] = {10, 2, (uint8_t)(dst >> 8), (uint8_t)dst};
    const struct policy_place place = {.interface = "", .sensor = ""};
    struct question question = {.src = addr_from_ipv4(src_bytes),
                                .dst = addr_from_ipv4(dst_bytes),
                                .dst_port = port,
                                .protocol = 6,
                                .ip_version = 4,
                                .interface = "",
                                .sensor = ""};
    struct flow_record record = {.id = f->flow_id ? f->flow_id
                                                  : (uint64_t)seconds + 1,
                                 .outcome = outcome,
                                 .now = {seconds * SECOND_NS}};
    struct violation_hit facts;
    struct verdict verdict;

    question.src_segment = policy_locate(f->policy, &question.src, &place);
    question.dst_segment = policy_locate(f->policy, &question.dst, &place);
    judge(f->policy, &question, &verdict);
    assert_int_equal(verdict.decision, DECISION_DENY);
    facts = violation_of(f->policy, &verdict, &question, &record);
    facts.again = f->again;
    facts.goes_on = f->goes_on;
    violation_hit(f->tracker, &facts);
}

static const struct violation_options usual = {.max_active = 10000,
                                               .realert_ns = 3600 * SECOND_NS,
                                               .collapse_targets = 50,
                                               .ids = true};

static inline void
assert_told(const struct fixture *f, size_t i, enum violation_kind kind,
            uint64_t count)
{
    assert_true(i < f->told.n);
    assert_int_equal(f->told.list[i].kind, kind);
    assert_int_equal(f->told.list[i].count, count);
}

#endif

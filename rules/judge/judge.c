/* Three rows of bits ANDed give the rules whose segments and service match, in
 * order; each is then asked for the rest of its conditions.  Rules that depend
 * on what is not known yet are candidates until a rule matches for sure; when
 * all candidates decide alike the verdict is settled before it is final.
 *
 * Nothing here allocates, and nothing depends on the number of rules but the
 * length of the rows: 64 rules a word, words without candidates skipped. */

#include "rules/judge/judge.h"

#include "rules/judge/judge_match.h"

#include <assert.h>
#include <stdio.h>

/* The entries that share segments and service with a question, in order. */
struct walk {
    const uint64_t *from, *to, *service;
    size_t n_summary, block, word;
    uint64_t words, bits; /* Left in this block, in this word. */
};

/* One pass over the rules. */
struct outcome {
    bool staged; /* Staged rules count; nobody asks for tags. */
    enum decision decision;
    enum verdict_reason reason;
    int32_t rule;
    uint32_t flags;
    bool final;
    bool missed;   /* Some rule that allows failed by a condition. */
    uint8_t asked; /* enum question_part. */
    int32_t expired;
    bool tags_cut; /* There were more. */
    uint8_t n_tags;
    int32_t tags[VERDICT_MAX_TAGS]; /* The first n_tags are set. */
};

static void evaluate(const struct policy *, const struct question *,
                     bool staged, struct outcome *);
static bool evaluate_entry(const struct policy *, const struct question *,
                           const struct rule_entry *, struct outcome *,
                           unsigned *decisions);
static void add_candidate(struct outcome *, unsigned *decisions, int32_t rule,
                          const struct rule_result *);
static void add_tag(struct outcome *, int32_t rule, enum match);
static bool rule_is_active(const struct rule *, const struct question *);
static void add_default(const struct policy *, const struct question *,
                        struct outcome *, unsigned *decisions);
static bool is_redirect(const struct question *);
static void evaluate_both(const struct policy *, const struct question *,
                          bool staged, struct outcome *);
static void judge_here(const struct policy *, const struct question *,
                       struct verdict *);
static uint32_t translated_flag(const struct policy *, const struct question *);
static void judge_related(struct verdict *);
static void judge_ignored(const struct policy *, struct verdict *);
static void find_near_miss(const struct policy *, const struct question *,
                           struct verdict *);
static void find_reverse(const struct policy *, const struct question *,
                         struct verdict *);
static uint8_t turned_parts(uint8_t parts);
static bool rule_allows(const struct rule *);
static void walk_start(struct walk *, const struct policy *,
                       const struct question *, bool staged);
static bool walk_next(struct walk *, size_t *entry);
static bool walk_next_word(struct walk *);

static_assert((int)VERDICT_REASON_REQUIRE_ONE_WAY -
                      (int)VERDICT_REASON_REQUIRE_APP ==
                  (int)REQUIREMENT_ONE_WAY - (int)REQUIREMENT_APP,
              "reasons and requirements are in one order");

void
judge(const struct policy *policy, const struct question *question,
      struct verdict *verdict)
{
    *verdict = (struct verdict){.rule = VERDICT_NO_RULE,
                                .near_miss = -1,
                                .reverse_of = -1,
                                .expired = -1,
                                .staged_rule = VERDICT_NO_RULE};
    if (question->icmp_related && !is_redirect(question)) {
        judge_related(verdict);
    } else if (question->icmp_orphan) { /* The quoted packet is judged. */
        struct question quoted;

        judge_quoted(policy, question, &quoted);
        verdict->flags |= VERDICT_ICMP_ORPHAN;
        judge_here(policy, &quoted, verdict);
    } else if (question->midstream && policy->midstream == MIDSTREAM_IGNORE) {
        judge_ignored(policy, verdict);
        verdict->flags |= translated_flag(policy, question);
    } else {
        judge_here(policy, question, verdict);
    }
}

void
judge_quoted(const struct policy *policy, const struct question *question,
             struct question *quoted)
{
    struct policy_place place = {.vlan = question->vlan,
                                 .interface = question->interface,
                                 .sensor = question->sensor};

    *quoted = *question;
    quoted->src_segment = policy_locate(policy, &question->src, &place);
    quoted->dst_segment = policy_locate(policy, &question->dst, &place);
}

const char *
verdict_reason_name(enum verdict_reason reason)
{
#define NAME_OF(NAME, TEXT) TEXT,
    static const char *const names[] = {VERDICT_REASONS(NAME_OF)};
#undef NAME_OF

    return names[reason];
}

void
verdict_each_flag(const struct policy *policy, const struct verdict *verdict,
                  void (*each)(void *context, const char *flag), void *context)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } flags[] = {
        {VERDICT_ICMP_ORPHAN, "icmp-orphan"},
        {VERDICT_NO_PAYLOAD, "no-payload"},
        {VERDICT_DIRECTION_AMBIGUOUS, "direction-ambiguous"},
        {VERDICT_TRANSLATED_SRC, "translated-src"},
        {VERDICT_UNVERIFIED_APP, "unverified:app"},
        {VERDICT_UNVERIFIED_TLS_MIN, "unverified:tls_min"},
        {VERDICT_UNVERIFIED_SNI, "unverified:sni"},
        {VERDICT_TAGS_CUT, "tags-cut"},
    };
    char text[VERDICT_MAX_FLAG_TEXT];

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (verdict->flags & flags[i].flag) {
            each(context, flags[i].name);
        }
    }
    if (verdict->near_miss >= 0) {
        snprintf(text, sizeof text, "near-miss:%s:%s",
                 policy_rule(policy, (uint32_t)verdict->near_miss)->id,
                 verdict->near_miss_condition);
        each(context, text);
    }
    if (verdict->reverse_of >= 0) {
        snprintf(text, sizeof text, "reverse-of:%s",
                 policy_rule(policy, (uint32_t)verdict->reverse_of)->id);
        each(context, text);
    }
    if (verdict->expired >= 0) {
        snprintf(text, sizeof text, "expired:%s",
                 policy_rule(policy, (uint32_t)verdict->expired)->id);
        each(context, text);
    }
}

enum decision
judge_default(const struct policy *policy, const struct question *question,
              int32_t *rule)
{
    size_t first = policy->n_own + policy->n_pairs;
    size_t cell =
        question->src_segment * policy->n_segments + question->dst_segment;
    size_t chosen = policy->compiled.default_rule[cell];

    if (chosen >= first) {
        const struct segment *segment =
            &policy->segments[question->src_segment];

        if (is_link_scope_source(&question->src) ||
            is_link_scope_target(&question->dst)) {
            chosen = first + DEFAULT_LINK_SCOPE;
        } else if (question->dst_segment == SEGMENT_MULTICAST ||
                   question->dst_segment == SEGMENT_BROADCAST) {
            chosen = first + DEFAULT_MULTICAST;
        } else if (chosen == first + DEFAULT_INTRA && segment->has_intra) {
            *rule = (int32_t)chosen;
            return segment->intra;
        }
    }
    *rule = (int32_t)chosen;
    return policy->rules[chosen].shown.action;
}

/* What cannot cross a router, whatever the segments (RFC 3927, RFC 4291 2.5.6
 * and 2.7, RFC 5771 section 4). */
bool
is_link_scope_source(const struct addr *addr)
{
    static const struct addr zero;
    const uint8_t *byte = addr->byte;

    if (addr_is_ipv4(addr)) {
        return (byte[12] == 169 && byte[13] == 254) ||
               memcmp(byte + 12, zero.byte, 4) == 0;
    }
    return (byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80) ||
           addr_equal(addr, &zero);
}

bool
is_link_scope_target(const struct addr *addr)
{
    const uint8_t *byte = addr->byte;

    if (addr_is_ipv4(addr)) {
        return (byte[12] == 224 && byte[13] == 0 && byte[14] == 0) ||
               (byte[12] == 169 && byte[13] == 254) ||
               memcmp(byte + 12, "\xff\xff\xff\xff", 4) == 0;
    }
    return (byte[0] == 0xff &&
            ((byte[1] & 0x0f) == 1 || (byte[1] & 0x0f) == 2)) ||
           (byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80);
}

static void
judge_here(const struct policy *policy, const struct question *question,
           struct verdict *verdict)
{
    struct outcome outcome, staged;
    const struct outcome *other = &outcome;

    evaluate_both(policy, question, false, &outcome);
    if (policy->compiled.any_staged) {
        evaluate_both(policy, question, true, &staged);
        other = &staged;
    }
    verdict->decision = outcome.decision;
    verdict->reason = outcome.reason;
    verdict->rule = outcome.rule;
    verdict->final = outcome.final && other->final;
    verdict->asked = outcome.asked | other->asked;
    verdict->flags |= outcome.flags;
    verdict->flags |= translated_flag(policy, question);
    verdict->flags |= outcome.tags_cut ? VERDICT_TAGS_CUT : 0U;
    verdict->n_tags = outcome.n_tags;
    for (size_t i = 0; i < outcome.n_tags; i++) {
        verdict->tags[i] = outcome.tags[i];
    }
    verdict->staged_decision = other->decision;
    verdict->staged_rule = other->rule;
    if (outcome.decision != DECISION_DENY) {
        return;
    }
    verdict->expired = outcome.expired;
    if (outcome.reason == VERDICT_REASON_DEFAULT) {
        if (outcome.missed) {
            find_near_miss(policy, question, verdict);
        }
        find_reverse(policy, question, verdict);
    }
}

/* Both orientations where the direction is a guess: only what both deny is
 * denied, since a reversed flow is the commonest false alarm. */
static void
evaluate_both(const struct policy *policy, const struct question *question,
              bool staged, struct outcome *outcome)
{
    struct outcome other;
    struct question turned;

    evaluate(policy, question, staged, outcome);
    if (outcome->decision != DECISION_DENY ||
        (!question->icmp_orphan &&
         (!question->midstream || policy->midstream != MIDSTREAM_LENIENT))) {
        return;
    }
    turned = *question;
    turned.src = question->dst;
    turned.dst = question->src;
    turned.src_segment = question->dst_segment;
    turned.dst_segment = question->src_segment;
    turned.src_port = question->dst_port;
    turned.dst_port = question->src_port;
    evaluate(policy, &turned, staged, &other);
    if (other.decision != DECISION_DENY) {
        *outcome = other;
        outcome->flags |= VERDICT_DIRECTION_AMBIGUOUS;
    }
    outcome->asked = QUESTION_REST; /* The source port, as a service. */
}

static void
evaluate(const struct policy *policy, const struct question *question,
         bool staged, struct outcome *outcome)
{
    unsigned decisions = 0;
    bool decided = false;
    struct walk walk;
    size_t entry;

    outcome->staged = staged;
    outcome->rule = VERDICT_NO_RULE;
    outcome->reason = VERDICT_REASON_PENDING;
    outcome->final = true;
    outcome->missed = false;
    outcome->asked = 0;
    outcome->expired = -1;
    outcome->flags = 0;
    outcome->tags_cut = false;
    outcome->n_tags = 0;
    walk_start(&walk, policy, question, staged);
    while (!decided && walk_next(&walk, &entry)) {
        outcome->asked |= policy->compiled.entries[entry].asks;
        decided =
            evaluate_entry(policy, question, &policy->compiled.entries[entry],
                           outcome, &decisions);
    }
    if (!decided) {
        add_default(policy, question, outcome, &decisions);
    }
    if (decisions & (decisions - 1)) {
        outcome->decision = DECISION_PENDING;
        outcome->reason = VERDICT_REASON_PENDING;
        outcome->rule = VERDICT_NO_RULE;
    } else {
        outcome->decision = (enum decision)__builtin_ctz(decisions);
    }
    if (outcome->rule == VERDICT_NO_RULE) {
        outcome->final = false;
        outcome->flags = 0;
    }
}

/* Returns true if the entry matches for sure and ends the walk. */
static bool
evaluate_entry(const struct policy *policy, const struct question *question,
               const struct rule_entry *entry, struct outcome *outcome,
               unsigned *decisions)
{
    const struct rule *rule = entry->rule;
    int32_t number = (int32_t)(rule - policy->rules);
    struct rule_result result;
    bool benefit;
    enum match match = rule_match(policy, entry, question, &benefit);

    if (match == MATCH_NO) {
        outcome->missed |= rule_allows(rule);
        return false;
    }
    result = rule_result(policy, rule, question);
    if (!rule_is_active(rule, question)) {
        if (question->start.ns >= rule->shown.expires.ns &&
            match == MATCH_YES && rule_allows(rule) &&
            result.decisions != 1U << DECISION_DENY && outcome->expired < 0) {
            outcome->expired = number;
        }
        return false;
    }
    if (rule->shown.log) {
        if (!outcome->staged) {
            add_tag(outcome, number, match);
        }
        return false;
    }
    result.flags |= benefit ? VERDICT_NO_PAYLOAD : 0U;
    add_candidate(outcome, decisions, number, &result);
    return match == MATCH_YES;
}

/* The first candidate names the rule; a second one makes it an open matter. */
static void
add_candidate(struct outcome *outcome, unsigned *decisions, int32_t rule,
              const struct rule_result *result)
{
    if (!*decisions) {
        outcome->rule = rule;
        outcome->reason = result->reason;
        outcome->flags = result->flags;
        if (result->reason == VERDICT_REASON_SETTLED) {
            outcome->final = false; /* Which requirement fails is open. */
        }
    } else if (outcome->rule != rule || outcome->reason != result->reason) {
        outcome->rule = VERDICT_NO_RULE;
        outcome->reason = VERDICT_REASON_SETTLED;
    }
    *decisions |= result->decisions;
}

static void
add_tag(struct outcome *outcome, int32_t rule, enum match match)
{
    if (match == MATCH_MAYBE) {
        outcome->final = false;
    } else if (outcome->n_tags < VERDICT_MAX_TAGS) {
        outcome->tags[outcome->n_tags++] = rule;
    } else {
        outcome->tags_cut = true;
    }
}

static bool
rule_is_active(const struct rule *rule, const struct question *question)
{
    return question->start.ns >= rule->shown.starts.ns &&
           question->start.ns < rule->shown.expires.ns;
}

static void
add_default(const struct policy *policy, const struct question *question,
            struct outcome *outcome, unsigned *decisions)
{
    int32_t rule;
    enum decision decision = judge_default(policy, question, &rule);
    struct rule_result result = {.decisions = (uint8_t)(1U << decision),
                                 .reason = VERDICT_REASON_DEFAULT};

    add_candidate(outcome, decisions, rule, &result);
}

/* A redirect quotes a flow and is about something else: never related. */
static bool
is_redirect(const struct question *question)
{
    return (question->protocol == 1 && question->icmp_type == 5) ||
           (question->protocol == 58 && question->icmp_type == 137);
}

static uint32_t
translated_flag(const struct policy *policy, const struct question *question)
{
    return policy->segments[question->src_segment].shown.translated
               ? VERDICT_TRANSLATED_SRC
               : 0U;
}

static void
judge_related(struct verdict *verdict)
{
    verdict->decision = verdict->staged_decision = DECISION_RELATED;
    verdict->reason = VERDICT_REASON_ICMP_ERROR;
    verdict->final = true;
}

static void
judge_ignored(const struct policy *policy, struct verdict *verdict)
{
    size_t rule = policy->n_own + policy->n_pairs + DEFAULT_MIDSTREAM;

    verdict->decision = verdict->staged_decision = DECISION_OBSERVE;
    verdict->reason = VERDICT_REASON_MIDSTREAM;
    verdict->rule = verdict->staged_rule = (int32_t)rule;
    verdict->final = true;
}

/* The two things that help most with a denial nobody wrote: the rule it missed
 * by one condition, and the rule that allows the other direction. */
static void
find_near_miss(const struct policy *policy, const struct question *question,
               struct verdict *verdict)
{
    struct walk walk;
    size_t number;

    walk_start(&walk, policy, question, false);
    while (verdict->near_miss < 0 && walk_next(&walk, &number)) {
        const struct rule_entry *entry = &policy->compiled.entries[number];

        if (!entry->rule->conditions || !rule_allows(entry->rule) ||
            !rule_is_active(entry->rule, question)) {
            continue;
        }
        verdict->near_miss_condition =
            rule_only_failure(policy, entry, question);
        if (verdict->near_miss_condition) {
            verdict->near_miss = (int32_t)(entry->rule - policy->rules);
        }
    }
}

static void
find_reverse(const struct policy *policy, const struct question *question,
             struct verdict *verdict)
{
    struct question turned = *question;
    struct outcome reverse;

    turned.src = question->dst;
    turned.dst = question->src;
    turned.src_segment = question->dst_segment;
    turned.dst_segment = question->src_segment;
    evaluate(policy, &turned, false, &reverse);
    verdict->asked |= turned_parts(reverse.asked);
    if (reverse.rule >= 0 && (reverse.decision == DECISION_ALLOW ||
                              reverse.decision == DECISION_ALERT)) {
        verdict->reverse_of = reverse.rule;
    }
}

static uint8_t
turned_parts(uint8_t parts)
{
    return (uint8_t)((parts & QUESTION_REST) |
                     (parts & QUESTION_SRC ? QUESTION_DST : 0) |
                     (parts & QUESTION_DST ? QUESTION_SRC : 0));
}

static bool
rule_allows(const struct rule *rule)
{
    return !rule->shown.log && (rule->shown.action == DECISION_ALLOW ||
                                rule->shown.action == DECISION_ALERT);
}

static void
walk_start(struct walk *walk, const struct policy *policy,
           const struct question *question, bool staged)
{
    const struct compiled *compiled = &policy->compiled;
    const struct rows *from = staged ? &compiled->from_staged : &compiled->from;
    size_t row = judge_service_row(policy, question);
    size_t length = from->n_summary + from->n_words;

    *walk =
        (struct walk){.from = from->words + question->src_segment * length,
                      .to = compiled->to.words + question->dst_segment * length,
                      .service = compiled->service.words + row * length,
                      .n_summary = from->n_summary};
}

uint32_t
judge_service_row(const struct policy *policy, const struct question *question)
{
    enum service_space space = service_space_of(question->protocol);
    uint16_t position =
        service_position(space, question->protocol, question->dst_port,
                         question->icmp_type, question->icmp_code);
    const struct service_index *index = &policy->compiled.index[space];

    return index->pages[index->page_of[position >> 8]][position & 0xff];
}

unsigned
judge_entry_rows(const struct policy *policy, const struct question *question,
                 size_t entry)
{
    struct walk walk;
    size_t at;
    unsigned bit = entry % 64;

    walk_start(&walk, policy, question, true);
    at = walk.n_summary + entry / 64;
    return (walk.from[at] >> bit & 1 ? ENTRY_FROM : 0U) |
           (walk.to[at] >> bit & 1 ? ENTRY_TO : 0U) |
           (walk.service[at] >> bit & 1 ? ENTRY_SERVICE : 0U);
}

static bool
walk_next(struct walk *walk, size_t *entry)
{
    while (!walk->bits) {
        if (!walk_next_word(walk)) {
            return false;
        }
    }
    *entry = walk->word * 64 + (size_t)__builtin_ctzll(walk->bits);
    walk->bits &= walk->bits - 1;
    return true;
}

static bool
walk_next_word(struct walk *walk)
{
    size_t at;

    while (!walk->words) {
        if (walk->block == walk->n_summary) {
            return false;
        }
        walk->words = walk->from[walk->block] & walk->to[walk->block] &
                      walk->service[walk->block];
        walk->block++;
    }
    walk->word = (walk->block - 1) * 64 + (size_t)__builtin_ctzll(walk->words);
    walk->words &= walk->words - 1;
    at = walk->n_summary + walk->word;
    walk->bits = walk->from[at] & walk->to[at] & walk->service[at];
    return true;
}

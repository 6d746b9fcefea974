/* A direct-mapped cache.
 *
 * Every verdict says what it rests on besides the class of its question
 * (verdict->asked).  Judging a question reads the same things in the same order
 * as judging another of its class, until something differs that both have read;
 * so a verdict that rests on nothing else is that of the whole class.  One that
 * rests on an address is that of the class with that address's own class
 * (addr_sets.h): the slot then says what to add to the key, and so on for what
 * is found there. */

#include "rules/judge/judge_memo.h"

#include "capture/xxh3.h"
#include "rules/judge/judge_match.h"

#include <assert.h>
#include <stdlib.h>

/* All that judge() can depend on, but for QUESTION_REST. */
struct class
{
    uint32_t service; /* Row. */
    segment_id src_segment, dst_segment;
    uint16_t facts; /* Bits; see class_init(). */
    uint16_t master, name, category;
    uint16_t guess_master, guess_name, tls_version;
    uint16_t given; /* enum question_part: the addresses that are part of it, */
    uint64_t risks;
    uint64_t src, dst; /* by their classes; the others zero. */
};

static_assert(sizeof(struct class) == 48, "no padding");

struct slot {
    struct class class;
    bool used;
    struct verdict verdict;
};

struct judge_memo {
    struct judge_memo_counters counters;
    struct slot slots[JUDGE_MEMO_SLOTS];
};

static void class_init(struct class *, const struct policy *,
                       const struct question *);
static unsigned link_scopes(const struct addr *);
static void give(struct class *, const struct policy *, const struct question *,
                 uint8_t parts);
static struct slot *slot_of(struct judge_memo *, const struct class *);
static bool holds(const struct slot *, const struct class *);

struct judge_memo *
judge_memo_new(void)
{
    return calloc(1, sizeof(struct judge_memo));
}

void
judge_memo_free(struct judge_memo *memo)
{
    free(memo);
}

void
judge_memo_clear(struct judge_memo *memo)
{
    for (size_t i = 0; i < JUDGE_MEMO_SLOTS; i++) {
        memo->slots[i].used = false;
    }
}

void
judge_memo_ask(struct judge_memo *memo, const struct policy *policy,
               const struct question *question, struct verdict *verdict)
{
    struct class class;
    struct slot *slot;

    memo->counters.asked++;
    if (question->icmp_related || question->icmp_orphan) {
        judge(policy, question, verdict);
        return;
    }
    class_init(&class, policy, question);
    slot = slot_of(memo, &class);
    while (holds(slot, &class)) {
        uint8_t asked = slot->verdict.asked;

        if (asked & QUESTION_REST) {
            judge(policy, question, verdict);
            return;
        }
        if (!(asked & ~class.given)) {
            *verdict = slot->verdict;
            memo->counters.known++;
            return;
        }
        give(&class, policy, question, asked);
        slot = slot_of(memo, &class);
    }
    judge(policy, question, verdict);
    *slot = (struct slot){.class = class, .used = true, .verdict = *verdict};
    if (!(verdict->asked & QUESTION_REST) && verdict->asked & ~class.given) {
        give(&class, policy, question, verdict->asked);
        *slot_of(memo, &class) =
            (struct slot){.class = class, .used = true, .verdict = *verdict};
    }
}

void
judge_memo_get_counters(const struct judge_memo *memo,
                        struct judge_memo_counters *counters)
{
    *counters = memo->counters;
}

/* Where no rule decides, a link's own addresses do, either way round. */
static void
class_init(struct class *class, const struct policy *policy,
           const struct question *question)
{
    unsigned facts =
        (unsigned)question->app | (unsigned)question->midstream << 2 |
        (unsigned)question->replied << 3 |
        (unsigned)question->guess_known << 4 | (unsigned)question->is_tls << 5 |
        link_scopes(&question->src) << 6 | link_scopes(&question->dst) << 8 |
        (unsigned)question->ip_version << 10;

    *class = (struct class){
        .service = judge_service_row(policy, question),
        .src_segment = question->src_segment,
        .dst_segment = question->dst_segment,
        .facts = (uint16_t)facts,
        .master = question->master_symbol,
        .name = question->name_symbol,
        .category = question->category_symbol,
        .guess_master = question->guess_master_symbol,
        .guess_name = question->guess_name_symbol,
        .tls_version = question->tls_version,
        .risks = question->risks,
    };
}

/* Two bits; most addresses are not even near. */
static unsigned
link_scopes(const struct addr *addr)
{
    uint8_t first = addr->byte[addr_is_ipv4(addr) ? 12 : 0];

    if (first > 0 && first < 224 && first != 169) {
        return 0;
    }
    return (unsigned)is_link_scope_source(addr) |
           (unsigned)is_link_scope_target(addr) << 1;
}

static void
give(struct class *class, const struct policy *policy,
     const struct question *question, uint8_t parts)
{
    const struct addr_classes *addrs = &policy->compiled.addrs;

    class->given |= parts;
    if (parts & QUESTION_SRC) {
        class->src = addr_classes_find(addrs, &question->src);
    }
    if (parts & QUESTION_DST) {
        class->dst = addr_classes_find(addrs, &question->dst);
    }
}

static struct slot *
slot_of(struct judge_memo *memo, const struct class *class)
{
    return &memo->slots[XXH3_64bits(class, sizeof *class) % JUDGE_MEMO_SLOTS];
}

static bool
holds(const struct slot *slot, const struct class *class)
{
    return slot->used && memcmp(&slot->class, class, sizeof *class) == 0;
}

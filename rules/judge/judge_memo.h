/* Verdicts that were given before.
 *
 * Most questions differ from others in ways that no rule looks at: which host
 * of a segment, which source port, when.  What rules do look at, but for a few
 * conditions, is a question's class: segments, service, what is known of the
 * application.  A memo keeps the verdicts of classes, and, where rules name
 * addresses, of classes with those sets of them that hold the two ends; other
 * questions are judged each time.  The answer is always judge()'s.
 *
 * Belongs to one thread and is about one policy at a time.  JUDGE_MEMO_SLOTS
 * verdicts are kept, some 180 KiB; a new one takes the place of another. */

#ifndef RULES_JUDGE_JUDGE_MEMO_H
#define RULES_JUDGE_JUDGE_MEMO_H

#include "rules/judge/judge.h"

struct judge_memo; /* Opaque. */

enum {
    JUDGE_MEMO_SLOTS = 1024
};

struct judge_memo *judge_memo_new(void); /* NULL when out of memory. */
void judge_memo_free(struct judge_memo *);

/* Forgets everything: another policy is asked from now on. */
void judge_memo_clear(struct judge_memo *);

/* As judge(). */
void judge_memo_ask(struct judge_memo *, const struct policy *,
                    const struct question *, struct verdict *);

struct judge_memo_counters {
    uint64_t asked;
    uint64_t known; /* Answered without judge(). */
};
void judge_memo_get_counters(const struct judge_memo *,
                             struct judge_memo_counters *);

#endif

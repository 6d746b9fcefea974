/* One rule against one question.  For judge.c. */

#ifndef RULES_JUDGE_MATCH_H
#define RULES_JUDGE_MATCH_H

#include "rules/policy_impl.h"

enum match {
    MATCH_NO,
    MATCH_MAYBE, /* Depends on the application, which is not known yet. */
    MATCH_YES
};

/* What holds of the rule's conditions beyond segments and service.  Sets
 * *benefit if one held only because no payload was seen.  Validity in time is
 * not looked at. */
enum match rule_match(const struct policy *, const struct rule_entry *,
                      const struct question *, bool *benefit);

/* One condition alone. */
enum match rule_match_condition(const struct policy *,
                                const struct rule_entry *,
                                const struct question *, enum rule_condition);
const char *rule_condition_name(enum rule_condition); /* "when.sni" */

/* The name of the only condition that fails; NULL if none or several do. */
const char *rule_only_failure(const struct policy *, const struct rule_entry *,
                              const struct question *);

/* judge.c: what an entry of the compiled rows has in common with a question. */
enum {
    ENTRY_FROM = 1,
    ENTRY_TO = 2,
    ENTRY_PAIR = ENTRY_FROM | ENTRY_TO,
    ENTRY_SERVICE = 4
};

unsigned judge_entry_rows(const struct policy *, const struct question *,
                          size_t entry);

/* What a rule that matched decides. */
struct rule_result {
    uint8_t decisions; /* Bits: 1 << enum decision.  Two if still open. */
    enum verdict_reason reason;
    uint32_t flags;
};

struct rule_result rule_result(const struct policy *, const struct rule *,
                               const struct question *);

#endif

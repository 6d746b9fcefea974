/* One rule against one question, and the defaults.  For judge.c, judge_memo.c
 * and the analysis. */

#ifndef RULES_JUDGE_JUDGE_MATCH_H
#define RULES_JUDGE_JUDGE_MATCH_H

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

/* judge.c: the row of the service; all that judging knows of protocol,
 * responder port and ICMP type, but for ICMP errors. */
uint32_t judge_service_row(const struct policy *, const struct question *);

/* What a rule that matched decides. */
struct rule_result {
    uint8_t decisions; /* Bits: 1 << enum decision.  Two if still open. */
    enum verdict_reason reason;
    uint32_t flags;
};

struct rule_result rule_result(const struct policy *, const struct rule *,
                               const struct question *);

/* What decides where no rule does: a pair, then link scope, multicast, and what
 * the matrix cell says. */
enum decision judge_default(const struct policy *, const struct question *,
                            int32_t *rule);

/* An end that keeps a flow on its link, as its source or as its target. */
bool is_link_scope_source(const struct addr *);
bool is_link_scope_target(const struct addr *);

#endif

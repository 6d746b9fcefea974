/* What the files of 'segmon explain' share: one policy, and answers from it. */

#ifndef TOOLS_COMMANDS_EXPLAIN_H
#define TOOLS_COMMANDS_EXPLAIN_H

#include "rules/judge/flow_test.h"
#include "rules/judge/judge_path.h"
#include "rules/judge/location.h"
#include "tools/event/json.h"

enum {
    EXPLAIN_MAX_LINE = 256 << 10, /* Of a file of questions, in bytes. */
    EXPLAIN_MAX_ANSWER = 64 << 20
};

struct explain {
    struct policy *policy;
    struct application_engine *engine;
    struct json json; /* The answer being written. */
};

/* Answers one JSON question a line of 'path' ("-" is standard input) with one
 * JSON answer a line on standard output, in order.  A line that cannot be
 * answered gets {"id", "error"}.  Returns an exit status: COMMAND_USAGE if
 * there was such a line. */
int explain_batch(struct explain *, const char *path);

/* The members every answer has, into an object that is open: decision, rule,
 * reason, src_segment, dst_segment, flags, tags, staged_decision,
 * staged_rule. */
void explain_write_verdict(struct json *, const struct policy *,
                           const struct question *, const struct verdict *);

/* One flow, judged, with everything that led there. */
struct explain_flow {
    const struct policy *policy;
    const struct flow_test *flow;
    struct question question;
    struct verdict verdict;
    struct location source, target;
    struct judge_path path;
    struct judge_step near_miss; /* Of the rule verdict.near_miss. */
    struct judge_step last;      /* Of the last rule that was asked. */
};

/* Returns false, and why, if the flow is no question. */
bool explain_flow_init(struct explain_flow *, const struct explain *,
                       const struct flow_test *, char why[FLOW_TEST_WHY]);

/* What would have to change for another decision, a sentence a call. */
void explain_each_change(const struct explain_flow *,
                         void (*each)(void *context, const char *text),
                         void *context);

/* On standard output: for people, or one JSON object on one line. */
void explain_print(const struct explain_flow *);
void explain_print_json(struct json *, const struct explain_flow *);

#endif

/* What the files of 'segmon explain' share: one policy, and answers from it. */

#ifndef TOOLS_COMMANDS_EXPLAIN_H
#define TOOLS_COMMANDS_EXPLAIN_H

#include "rules/flow_test.h"
#include "tools/output/json.h"

enum {
    EXPLAIN_MAX_LINE = 256 << 10, /* Of a file of questions, in bytes. */
    EXPLAIN_MAX_ANSWER = 4 << 20
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

#endif

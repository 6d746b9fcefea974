/* The violations a replay must show, one a line: what turns a capture and a
 * policy into a test.
 *
 *   # rule         src        dst      service  outcome      [reason]
 *   guest-out      10.30.0.9  servers  tcp/445  refused
 *   default:inter  *          many     tcp/22   *
 *
 * Columns stand apart by blanks and tabs; '#' after a blank begins a comment.
 * A '*' is anything.  An end is an address, a prefix, a segment of the policy,
 * or "many" for a violation that stands for many destinations; a service is a
 * term of the policy language, or "tcp/many".  An outcome is attempt, refused,
 * or established, which includes that data went through.
 *
 * A line is fulfilled by one violation or more; a violation is expected if it
 * fulfils one line or more.  Used by one thread. */

#ifndef TOOLS_COMMANDS_EXPECT_H
#define TOOLS_COMMANDS_EXPECT_H

#include "dissect/addr.h"
#include "rules/services.h"
#include "tools/report/violation_list.h"

#include <stdio.h>

struct problems;

enum {
    EXPECT_MAX_LINES = VIOLATION_LIST_MAX, /* That say something. */
    EXPECT_MAX_LINE = 512,                 /* Bytes. */
    EXPECT_MAX_TOLD = 50 /* Differences of one kind; more are counted. */
};

enum expect_end_kind {
    EXPECT_ANY,
    EXPECT_MANY,
    EXPECT_PREFIX,
    EXPECT_SEGMENT
};

struct expect_end {
    enum expect_end_kind kind;
    struct prefix prefix;
    segment_id segment;
};

struct expect_line {
    unsigned number; /* In the file, from 1. */
    char *text;      /* Owned; the columns, one blank between them. */
    bool any_rule, any_outcome, any_reason;
    int32_t rule;
    struct expect_end src, dst;
    bool any_service, many_ports;
    struct service_term service; /* 'many_ports': only its space. */
    bool established;            /* Else 'outcome'. */
    enum flow_outcome outcome;
    enum verdict_reason reason;
};

struct expect {
    const char *path; /* Borrowed. */
    struct expect_line *lines;
    size_t n, capacity;
    unsigned n_read; /* Lines of the file. */
};

/* Reads 'path'; every mistake in it is added to 'problems'.  To be put away
 * with expect_done() either way. */
bool expect_load(struct expect *, const char *path, const struct policy *,
                 struct problems *problems);
void expect_done(struct expect *);

/* Prints each line that nothing fulfils as "PATH:LINE: missing: ...", and each
 * violation that fulfils none as "PATH:LINE: unexpected: ...", at the line that
 * comes nearest or behind the last one.  Returns how many these are.  The list
 * is settled and of the same policy. */
size_t expect_compare(const struct expect *, const struct violation_list *,
                      const struct policy *, FILE *);

/* Writes a file that expects just these violations. */
void expect_write(const struct violation_list *, const struct policy *, FILE *);

#endif

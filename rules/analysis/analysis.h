/* What a policy's rules do to each other, exactly: which never match, which
 * change nothing, which exception a guardrail hides, which segment is empty.
 *
 * The space of questions is cut into cells between whose members no rule tells
 * apart: classes of endpoints, ranges of services, applications.  Conditions
 * that have no cells (schedules, dates, names, risks, source ports, VLANs,
 * interfaces and sensors) may hold or not, so a rule that has one hides
 * nothing, and is only said to be hidden if it is whatever they are.  So what
 * is found is true, and what depends on such a condition is not found.  Staged
 * rules hide only each other, as in the second result that they are judged in;
 * disabled ones are not there.
 *
 * Works on a loaded policy in memory of its own, which ANALYSIS_MAX_BYTES and
 * ANALYSIS_MAX_STEPS bound.  Any thread. */

#ifndef RULES_ANALYSIS_ANALYSIS_H
#define RULES_ANALYSIS_ANALYSIS_H

#include "rules/policy.h"

enum {
    ANALYSIS_MAX_CELLS = 1 << 22, /* Services by applications. */
    ANALYSIS_MAX_APPS = 4096,     /* That some rule tells apart. */
    ANALYSIS_MAX_BYTES = 256 << 20,
    ANALYSIS_MAX_BLOCKERS = 64 /* Told of one hidden rule. */
};

/* Pairs of endpoint classes looked at, by words of rules: some seconds. */
#define ANALYSIS_MAX_STEPS UINT64_C(4000000000)

/* Adds W-SHADOWED, W-UNMATCHABLE, W-EXC-BLOCKED, W-SEG-EMPTY and, as news
 * only, W-REDUNDANT to 'problems', in order of the rules.  Says W-ANALYSIS if a
 * limit or the lack of memory kept it from looking at the rules. */
void policy_analyze(const struct policy *, struct problems *);

#endif

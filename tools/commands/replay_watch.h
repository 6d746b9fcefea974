/* What a replay looks at while it runs, and says of it at the end: sums for the
 * summary, and, where asked for, what was exercised and which violations there
 * were. */

#ifndef TOOLS_COMMANDS_REPLAY_WATCH_H
#define TOOLS_COMMANDS_REPLAY_WATCH_H

#include "rules/coverage.h"
#include "tools/commands/expect.h"
#include "tools/commands/replay_options.h"
#include "tools/report/tally.h"
#include "tools/report/violation_list.h"

/* One a worker and one of the desk, on their threads; then all are added to the
 * first.  Only the tally bears that the policy changes. */
struct replay_watch {
    const struct policy *policy; /* Borrowed. */
    struct tally tally;
    struct coverage coverage; /* If 'covers'. */
    bool covers;
    struct violation_list violations; /* If 'lists'. */
    bool lists;
};

void replay_watch_init(struct replay_watch *, const struct replay_options *,
                       const struct policy *);
void replay_watch_done(struct replay_watch *);

/* For struct worker_observer and desk_observer; 'context' is a struct
 * replay_watch. */
void replay_watch_flow(void *context, const struct event_flow *);
void replay_watch_violation(void *context, const struct event_violation *);

/* Adds 'other' in. */
void replay_watch_merge(struct replay_watch *,
                        const struct replay_watch *other);

/* Writes what the options ask for, and tells how the violations differ from
 * 'expect' unless that is NULL.  Returns an exit status. */
int replay_watch_report(struct replay_watch *, const struct replay_options *,
                        const struct expect *expect);

#endif

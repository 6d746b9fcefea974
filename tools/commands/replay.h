/* One run of 'segmon replay', from options to exit status.
 *
 * cmd_replay.c sets it up and runs it; replay_policy.c loads the policy, and
 * another one when it is asked to; replay_report.c ends it: the closing status
 * event, the summary, the exit status. */

#ifndef TOOLS_COMMANDS_REPLAY_H
#define TOOLS_COMMANDS_REPLAY_H

#include "capture/file_list.h"
#include "tools/commands/replay_options.h"
#include "tools/commands/replay_watch.h"
#include "tools/output/output.h"
#include "tools/runtime/pipeline.h"

struct replay {
    struct replay_options options;
    struct file_list files;
    struct policy *policy;             /* In force now. */
    struct application_engine *engine; /* Knows the names; of this thread. */
    struct event_source source;
    struct output *output;        /* NULL: no events. */
    struct expect expect;         /* With --expect. */
    struct replay_watch *watches; /* One a worker, one of the desk; in the end,
                                   * all in the first. */
    struct worker_observer *observers;
    struct desk_observer desk_observer;
    struct pipeline_result result;
};

/* Loads the policy, telling what is wrong with it; without one, everything is
 * observed.  Returns an exit status. */
int replay_open_policy(struct replay *);
void replay_close_policy(struct replay *);

/* SIGHUP asks to read the policy again from now on; not where the run is held
 * against one policy. */
void replay_watch_policy(const struct replay *);

/* For pipeline_options; 'context' is a struct replay: the policy read again, if
 * that was asked for and it is sound.  Both outcomes are told; a bad one
 * changes nothing. */
struct policy *replay_next_policy(void *context, struct wall_time now);

/* A status event from the calling thread; 'now' becomes its time. */
void replay_send_status(struct replay *, const struct event_status *,
                        struct wall_time now);

/* Sends the closing status event, waits for the outputs, prints the summary,
 * and returns the exit status. */
int replay_report(struct replay *);

/* Gives up after a failure: what was told already stands. */
void replay_close_output(struct replay *);

/* Tells an error on standard error; returns 'status'. */
int replay_fail(const struct error *, int status);

#endif

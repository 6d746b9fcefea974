/* One run of 'segmon replay', from options to exit status.
 *
 * cmd_replay.c sets it up and runs it; replay_report.c ends it: the closing
 * status event, the summary, the exit status. */

#ifndef TOOLS_COMMANDS_REPLAY_H
#define TOOLS_COMMANDS_REPLAY_H

#include "capture/file_list.h"
#include "tools/commands/replay_options.h"
#include "tools/commands/replay_watch.h"
#include "tools/commands/session.h"
#include "tools/runtime/pipeline.h"

struct replay {
    struct session session;
    struct replay_options options;
    struct file_list files;
    struct expect expect;         /* With --expect. */
    struct replay_watch *watches; /* One a worker, one of the desk; in the end,
                                   * all in the first. */
    struct worker_observer *observers;
    struct desk_observer desk_observer;
    struct pipeline_result result;
};

/* Sends the closing status event, waits for the outputs, prints the summary,
 * and returns the exit status. */
int replay_report(struct replay *);

#endif

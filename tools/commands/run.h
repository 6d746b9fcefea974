/* A live run: what its thread has at hand.  Private to cmd_run.c, which begins
 * and ends it, and run_tell.c, which tells of it. */

#ifndef TOOLS_COMMANDS_RUN_H
#define TOOLS_COMMANDS_RUN_H

#include "tools/commands/run_metrics.h"
#include "tools/commands/run_options.h"
#include "tools/commands/run_service.h"
#include "tools/commands/run_sight.h"
#include "tools/commands/run_state.h"
#include "tools/commands/run_watch.h"
#include "tools/commands/session.h"
#include "tools/runtime/live.h"
#include "tools/runtime/pairs.h"

struct run {
    struct session session;
    struct run_options options;
    struct live *live;
    struct live_report report;
    struct pairs pairs; /* As of the last status that told them. */
    struct run_watch watch;
    struct run_service service;
    struct run_sight sight;
    struct run_state state;
    struct run_metrics metrics;
    struct policy *next; /* Not in force yet; a reference. */
    struct mono_time now, begin, heartbeat;
};

#endif

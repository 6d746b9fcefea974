/* What a live run tells while it goes on: status events, the state in Redis,
 * metrics, and people. */

#ifndef TOOLS_COMMANDS_RUN_TELL_H
#define TOOLS_COMMANDS_RUN_TELL_H

#include "tools/event/event.h"
#include "tools/output/output.h"

#include <stdbool.h>
#include <stddef.h>

struct run;

/* The first status event, with how memory is shared out, if there is a budget.
 */
void run_tell_start(struct run *);

/* To be called a few times a second, with a new report: tells what has changed,
 * and whoever asks for metrics. */
void run_tell_changes(struct run *);

/* What may blind the sensor; 'is_last': capture has ended. */
void run_tell_look(struct run *, bool is_last);

void run_tell_heartbeat(struct run *);

/* For those who watch in Redis; no event. */
void run_tell_state(struct run *, enum event_status_cause);

/* For people, who asked by SIGUSR1. */
void run_tell_dump(struct run *);

/* How it is, without pairs and outputs. */
struct event_status run_tell_status(struct run *, enum event_status_cause);

size_t run_tell_outputs(const struct run *,
                        struct event_output outputs[OUTPUT_MAX_SINKS]);

#endif

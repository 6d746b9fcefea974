/* Which run of a sensor this is: the epoch in the ids of its events.
 *
 * It is the second in which the run began, so that people can put runs in
 * order. But runs may follow each other within a second, and a clock may be set
 * back, or start anew with every boot: then two runs would give different
 * events one id, and whoever keeps only one event of an id would lose some.  So
 * a folder remembers the last epoch, and the next one is above it.
 *
 * One process uses a folder.  No memory; called once, before there are events.
 */

#ifndef TOOLS_COMMANDS_RUN_EPOCH_H
#define TOOLS_COMMANDS_RUN_EPOCH_H

#include "capture/clock.h"

#include <stdint.h>

/* Where the spool is; made if it is not there.  What cannot be read there, or
 * written, is no error: then it is only the second.  "" is no folder. */
uint32_t run_epoch_take(const char *directory, struct wall_time now);

#endif

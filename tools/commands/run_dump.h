/* A status event for people, in the log. */

#ifndef TOOLS_COMMANDS_RUN_DUMP_H
#define TOOLS_COMMANDS_RUN_DUMP_H

struct json;

/* 'body' is what event_status_encode() returns.  Tells every member of its
 * status, a line for each part: "capture: frames 7, bytes 420, ...". */
void run_dump(const struct json *body);

#endif

/* An event as one line for people.  Pure; any thread. */

#ifndef TOOLS_WATCH_EVENT_LINE_H
#define TOOLS_WATCH_EVENT_LINE_H

#include "tools/watch/event_view.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    EVENT_LINE_SIZE = 1024 /* With its end; a longer one is cut. */
};

/* Writes, without a newline, for example:
 *
 *   TIME flow allowed users:10.1.0.1:4711 -> web:10.2.0.1:443 tcp TLS r1 data
 *       1822 B
 *   TIME violation/new high users:10.1.0.1:4711 -> ...
 *   TIME status/interval 1538 frames, 198 flows, 3 violations: NOTE
 *
 * What is missing is "-", what cannot be shown is escaped.  Returns the length.
 */
size_t event_line_write(char text[EVENT_LINE_SIZE], const struct event_view *,
                        bool with_sensor);

#endif

/* How an event looks on its way.
 *
 * As NDJSON: its line.  As syslog: a message of RFC 5424 whose text is the
 * event, in a frame that begins with its length (RFC 6587 section 3.4.1), so
 * that no byte in it can end it.  Time stamp, host name (the sensor), message
 * id (the kind) and severity are the event's own. */

#ifndef TOOLS_FORWARD_FORWARD_LINE_H
#define TOOLS_FORWARD_FORWARD_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct json;

enum forward_format {
    FORWARD_NDJSON,
    FORWARD_SYSLOG
};

enum {
    FORWARD_DEFAULT_FACILITY = 16, /* local0 */
    FORWARD_MAX_FACILITY = 23
};

/* Appends it to 'out', whose bounds and 'failed' apply. */
void forward_line_add(struct json *out, enum forward_format, unsigned facility,
                      const char *event, size_t size);

/* Names as in RFC 5424 section 6.2.1 and syslog(3), such as "local0"; false if
 * it is none. */
bool forward_facility_parse(const char *name, unsigned *facility);

#endif

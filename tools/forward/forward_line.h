/* How an event looks on its way.
 *
 * Its text is the event itself, or what it is in another schema (convert.h).
 * As NDJSON: its line.  As syslog: a message of RFC 5424 whose text is the
 * event, in a frame that begins with its length (RFC 6587 section 3.4.1), so
 * that no byte in it can end it.  Time stamp, host name (the sensor), message
 * id (the kind) and severity are the event's own.
 *
 * One thread's.  Memory: a buffer of 8 times EVENT_MAX_BYTES at most. */

#ifndef TOOLS_FORWARD_FORWARD_LINE_H
#define TOOLS_FORWARD_FORWARD_LINE_H

#include "tools/event/json.h"
#include "tools/forward/convert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum forward_format {
    FORWARD_NDJSON,
    FORWARD_SYSLOG
};

enum {
    FORWARD_DEFAULT_FACILITY = 16, /* local0 */
    FORWARD_MAX_FACILITY = 23
};

struct forward_line {
    enum forward_format format;
    unsigned facility;
    enum convert_schema schema;
    struct json converted; /* The latest. */

    /* Events that were passed on as they are: not fit for the schema, or of a
     * kind that it has no record for. */
    uint64_t unfit, no_record;
};

void forward_line_init(struct forward_line *, enum forward_format,
                       unsigned facility, enum convert_schema);
void forward_line_done(struct forward_line *);

/* Appends an event to 'out', whose bounds and 'failed' apply. */
void forward_line_add(struct forward_line *, struct json *out,
                      const char *event, size_t size);

/* Names as in RFC 5424 section 6.2.1 and syslog(3), such as "local0"; false if
 * it is none. */
bool forward_facility_parse(const char *name, unsigned *facility);

#endif

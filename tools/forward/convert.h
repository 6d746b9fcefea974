/* Events in the schemas of others.
 *
 * A native event is ECS-shaped (segmon-events(5)).  Tables (convert_ocsf.c,
 * convert_asim.c) say which of its fields is which of another schema's, and
 * how its value changes.  What a table has no place for, or a value it cannot
 * take, is kept as it is, under 'unmapped' of OCSF or AdditionalFields of ASIM.
 *
 * An event that has not what its record needs, that is no JSON, or would be
 * longer than EVENT_MAX_BYTES is not converted: the caller passes it on as it
 * is, so that nothing is lost that somebody else would understand.
 *
 * No state, any thread.  Memory: for the time of a call the event as a tree,
 * of EVENT_MAX_BYTES of text at most; what is longer is not looked at. */

#ifndef TOOLS_FORWARD_CONVERT_H
#define TOOLS_FORWARD_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

struct json;

enum convert_schema {
    CONVERT_ECS,  /* As it is. */
    CONVERT_OCSF, /* Version 1.7.0, profile security_control: classes 4001,
                   * 2004 and, of status events, 0. */
    CONVERT_ASIM  /* NetworkSession 0.2.7; nothing of status events. */
};

enum convert_result {
    CONVERT_DONE,
    CONVERT_NO_RECORD, /* The schema has none for this kind of event. */
    CONVERT_FAILED
};

/* Appends the event to 'out'; not a byte unless the result is CONVERT_DONE.
 * 'out' may be 'failed' afterwards, if its own bound was passed. */
enum convert_result convert_event(enum convert_schema, struct json *out,
                                  const char *event, size_t size);

/* "ecs", "ocsf", "asim"; false if it is none. */
bool convert_schema_parse(const char *name, enum convert_schema *);

#endif

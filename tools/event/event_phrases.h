/* Pieces of events that are always the same: what a rule, a segment, the policy
 * itself or the name of an application looks like in an event.  Each is written
 * once, kept as it came out, and copied from then on.
 *
 * The pieces are of one policy, which is held; those of another replace them.
 * Applications have the names that the first engine gave them.  Memory:
 * EVENT_PHRASES_MAX_BYTES of text and a few bytes for each rule, segment and
 * name; what finds no room is written anew each time.  Used by one thread. */

#ifndef TOOLS_EVENT_EVENT_PHRASES_H
#define TOOLS_EVENT_EVENT_PHRASES_H

#include "rules/policy.h"
#include "tools/event/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_PHRASES_MAX_BYTES = 1 << 20,
    EVENT_PHRASES_MAX_NAMES = 1024 /* Of each kind; nDPI has 300. */
};

/* Pieces are numbered, those of a rule or segment by its index, those of an
 * application or category by its id. */
enum event_phrase_kind {
    EVENT_PHRASE_POLICY, /* Number 0. */
    EVENT_PHRASE_SEGMENT,
    EVENT_PHRASE_RULE,
    EVENT_PHRASE_RULE_THREAT,
    EVENT_PHRASE_RULE_NOTES,
    EVENT_PHRASE_PROTOCOL, /* ECS has both in lower case. */
    EVENT_PHRASE_APPLICATION,
    EVENT_PHRASE_MASTER, /* As nDPI has them. */
    EVENT_PHRASE_NAME,
    EVENT_PHRASE_CATEGORY,
    EVENT_PHRASE_N_KINDS
};

struct event_phrase {
    uint32_t end;  /* In 'text'; 0 if it is not known. */
    uint32_t size; /* May be 0: nothing is written. */
};

struct event_phrases {
    struct policy *policy; /* NULL before the first. */
    struct event_phrase *kinds[EVENT_PHRASE_N_KINDS]; /* NULL until used, */
    size_t n[EVENT_PHRASE_N_KINDS];                   /* and 0. */
    struct json text;
};

void event_phrases_init(struct event_phrases *);
void event_phrases_done(struct event_phrases *);

/* From now on of 'policy'; of none if it is NULL. */
void event_phrases_follow(struct event_phrases *, const struct policy *policy);

/* Writes a piece that is known; false if it is not. */
bool event_phrases_copy(const struct event_phrases *, struct json *,
                        enum event_phrase_kind, uint32_t number);

/* Keeps what was written to 'json' since its size was 'start': whole members,
 * or nothing. */
void event_phrases_keep(struct event_phrases *, const struct json *,
                        size_t start, enum event_phrase_kind, uint32_t number);

#endif

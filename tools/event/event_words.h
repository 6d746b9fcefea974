/* The words of enumerations that every event has, quoted; see json.h for how
 * they are put.  Indexed by the enumeration. */

#ifndef TOOLS_EVENT_EVENT_WORDS_H
#define TOOLS_EVENT_EVENT_WORDS_H

#include "tools/event/json.h"

extern const struct json_word event_verdict_words[];  /* enum decision. */
extern const struct json_word event_reason_words[];   /* enum verdict_reason. */
extern const struct json_word event_end_words[];      /* enum flow_end. */
extern const struct json_word event_evidence_words[]; /* enum flow_evidence. */
extern const struct json_word event_outcome_words[];  /* enum flow_outcome. */
extern const struct json_word event_record_words[]; /* enum flow_record_kind. */
extern const struct json_word event_violation_words[]; /* violation_kind. */

#endif

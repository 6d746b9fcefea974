/* See event_words.h. */

#include "tools/event/event_words.h"

#include "flows/flow_record.h"
#include "rules/judge/judge.h"
#include "tools/event/event.h"

const struct json_word event_verdict_words[] = {
#define VERDICT_WORD(NAME, TEXT) [DECISION_##NAME] = JSON_WORD(TEXT),
    EVENT_VERDICTS(VERDICT_WORD)
#undef VERDICT_WORD
};

const struct json_word event_reason_words[] = {
#define REASON_WORD(NAME, TEXT) [VERDICT_REASON_##NAME] = JSON_WORD(TEXT),
    VERDICT_REASONS(REASON_WORD)
#undef REASON_WORD
};

const struct json_word event_end_words[] = {
#define END_WORD(NAME, TEXT) [FLOW_END_##NAME] = JSON_WORD(TEXT),
    FLOW_ENDS(END_WORD)
#undef END_WORD
};

const struct json_word event_evidence_words[] = {
#define EVIDENCE_WORD(NAME, TEXT) [FLOW_EVIDENCE_##NAME] = JSON_WORD(TEXT),
    FLOW_EVIDENCE(EVIDENCE_WORD)
#undef EVIDENCE_WORD
};

const struct json_word event_outcome_words[] = {
#define OUTCOME_WORD(NAME, TEXT) [FLOW_OUTCOME_##NAME] = JSON_WORD(TEXT),
    FLOW_OUTCOMES(OUTCOME_WORD)
#undef OUTCOME_WORD
};

const struct json_word event_record_words[] = {
    [FLOW_RECORD_BEGIN] = JSON_WORD("begin"),
    [FLOW_RECORD_UPDATE] = JSON_WORD("update"),
    [FLOW_RECORD_END] = JSON_WORD("end"),
};

const struct json_word event_violation_words[] = {
#define VIOLATION_WORD(NAME, TEXT) [VIOLATION_KIND_##NAME] = JSON_WORD(TEXT),
    VIOLATION_KINDS(VIOLATION_WORD)
#undef VIOLATION_WORD
};

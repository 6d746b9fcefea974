/* Names of what a record says; see flow_record.h. */

#include "flows/flow_record.h"

#define NAME_OF(NAME, TEXT) TEXT,

const char *
flow_end_name(enum flow_end end)
{
    static const char *const names[] = {FLOW_ENDS(NAME_OF)};

    return names[end];
}

const char *
flow_evidence_name(enum flow_evidence evidence)
{
    static const char *const names[] = {FLOW_EVIDENCE(NAME_OF)};

    return names[evidence];
}

const char *
flow_outcome_name(enum flow_outcome outcome)
{
    static const char *const names[] = {FLOW_OUTCOMES(NAME_OF)};

    return names[outcome];
}
unsigned
flow_outcome_rank(enum flow_outcome outcome)
{
    static const uint8_t ranks[FLOW_N_OUTCOMES] = {
        [FLOW_OUTCOME_REFUSED] = 1,
        [FLOW_OUTCOME_ATTEMPT] = 2,
        [FLOW_OUTCOME_ESTABLISHED] = 3,
        [FLOW_OUTCOME_DATA] = 4,
    };

    return ranks[outcome];
}

/* One question to the policy, one verdict; see judge.h. */

#include "rules/judge.h"

const char *
verdict_reason_name(enum verdict_reason reason)
{
#define NAME_OF(NAME, TEXT) TEXT,
    static const char *const names[] = {VERDICT_REASONS(NAME_OF)};
#undef NAME_OF

    return names[reason];
}

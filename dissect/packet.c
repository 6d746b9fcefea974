/* Names of what dissection finds; see packet.h. */

#include "dissect/packet.h"

const char *
dissect_result_label(enum dissect_result result)
{
#define LABEL_OF(NAME, LABEL, HELP) [DISSECT_##NAME] = LABEL,
    static const char *const labels[] = {DISSECT_RESULTS(LABEL_OF)};
#undef LABEL_OF

    return labels[result];
}

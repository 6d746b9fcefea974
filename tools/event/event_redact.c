/* Events without the names of hosts.
 *
 * A flow is judged by all that is known of it; only its record has less.  What
 * may hold a name of a host is left out whole, be it only for one in a hundred:
 * URLs, user agents and the names in certificates, too. */

#include "tools/event/event_parts.h"

#include <stdatomic.h>

const struct event_flow *
event_redact(const struct event_encoder *encoder, const struct event_flow *flow,
             struct event_redacted *less)
{
    if (!flow || !flow->application || !flow->application->details ||
        !encoder->redacts ||
        !atomic_load_explicit(encoder->redacts, memory_order_relaxed)) {
        return flow;
    }
    *less = (struct event_redacted){.flow = *flow,
                                    .application = *flow->application,
                                    .details = *flow->application->details};
    less->flow.application = &less->application;
    less->application.details = &less->details;
    less->details.host = NULL;
    less->details.http_url = NULL;
    less->details.user_agent = NULL;
    less->details.certificate_issuer = NULL;
    less->details.certificate_subject = NULL;
    return &less->flow;
}

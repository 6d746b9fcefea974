/* Events that between them use every property of the schema, and events that
 * use as few as possible.  Always the same bytes for the same nDPI. */

#ifndef TESTS_TOOLS_EVENT_EVENT_SAMPLES_H
#define TESTS_TOOLS_EVENT_EVENT_SAMPLES_H

#include "tools/event/event.h"

struct event_samples {
    struct application_engine *engine;
    struct event_source source;
    struct event_encoder *encoder;
};

/* Called once an event, with its body in 'json'. */
typedef void event_sample_handler(void *context, const char *name,
                                  enum event_kind kind,
                                  const struct json *json);

bool event_samples_init(struct event_samples *);
void event_samples_done(struct event_samples *);
void event_samples_each(struct event_samples *, event_sample_handler *,
                        void *context);

#endif

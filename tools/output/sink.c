/* What all sinks share; see sink.h. */

#include "tools/output/sink.h"

#include "tools/redis/redis_uri.h"

#include <stdio.h>
#include <string.h>

struct sink *
sink_open(const char *target, const struct sink_options *options,
          struct error *error)
{
    if (redis_uri_is_one(target)) {
        return sink_redis_open(target, options, error);
    }
    return sink_file_open(target, options, error);
}

void
sink_init(struct sink *sink, const struct sink_class *class, const char *name)
{
    memset(sink, 0, sizeof *sink);
    sink->class = class;
    sink->kinds = EVENT_ALL_KINDS;
    snprintf(sink->name, sizeof sink->name, "%s", name);
    atomic_init(&sink->up, true);
    pthread_mutex_init(&sink->mutex, NULL);
}

void
sink_done(struct sink *sink)
{
    pthread_mutex_destroy(&sink->mutex);
}

void
sink_fail(struct sink *sink, const struct error *error)
{
    pthread_mutex_lock(&sink->mutex);
    if (sink->error.code == ERROR_NONE) {
        sink->error = *error;
    }
    pthread_mutex_unlock(&sink->mutex);
}

void
sink_status(struct sink *sink, struct event_output *status)
{
    snprintf(status->name, sizeof status->name, "%s", sink->name);
    for (unsigned i = 0; i < EVENT_N_KINDS; i++) {
        status->kind[i].acked = counter_read(&sink->acked[i]);
        status->kind[i].dropped = counter_read(&sink->dropped[i]);
        status->kind[i].lost[EVENT_LOSS_NOT_WRITTEN] = status->kind[i].dropped;
    }
    status->up = atomic_load(&sink->up);
    pthread_mutex_lock(&sink->mutex);
    status->error = sink->error;
    pthread_mutex_unlock(&sink->mutex);
    if (sink->class->get_status) {
        sink->class->get_status(sink, status);
    }
}

/* What became of events, as metrics; see metrics.h. */

#include "tools/runtime/metrics_impl.h"

#include <string.h>

static void write_events(struct metrics_text *, const struct event_status *,
                         uint64_t of(const struct event_counters *));
static void write_results(struct metrics_text *, const struct event_status *,
                          size_t i, enum event_kind);
static uint64_t emitted(const struct event_counters *);
static uint64_t refused(const struct event_counters *);
static uint64_t waiting(const struct event_counters *);
static void label_output(struct metrics_text *, const struct event_status *,
                         size_t i, enum event_kind);
static void label_target(struct metrics_text *, const struct event_status *,
                         size_t i);

void
metrics_write_outputs(struct metrics_text *text,
                      const struct event_status *status)
{
    metrics_family(text, "segmon_output_up", METRICS_GAUGE,
                   "Whether the output works");
    for (size_t i = 0; i < status->n_outputs; i++) {
        label_target(text, status, i);
        metrics_value(text, status->outputs[i].up);
    }
    metrics_family(text, "segmon_output_emitted_total", METRICS_COUNTER,
                   "Events made for the output");
    write_events(text, status, emitted);
    metrics_family(text, "segmon_output_events_total", METRICS_COUNTER,
                   "What became of these: acked or dropped");
    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            write_results(text, status, i, (enum event_kind)kind);
        }
    }
    metrics_family(text, "segmon_output_refused_total", METRICS_COUNTER,
                   "Of those dropped, by a queue that was full");
    write_events(text, status, refused);
    metrics_family(text, "segmon_output_waiting", METRICS_GAUGE,
                   "Events that are neither acknowledged nor dropped yet");
    write_events(text, status, waiting);
}

static void
write_events(struct metrics_text *text, const struct event_status *status,
             uint64_t of(const struct event_counters *))
{
    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            label_output(text, status, i, (enum event_kind)kind);
            metrics_value(text, of(&status->outputs[i].kind[kind]));
        }
    }
}

static uint64_t
emitted(const struct event_counters *counters)
{
    return counters->emitted;
}

static uint64_t
refused(const struct event_counters *counters)
{
    return counters->refused;
}

static uint64_t
waiting(const struct event_counters *counters)
{
    return counters->spooled;
}

static void
write_results(struct metrics_text *text, const struct event_status *status,
              size_t i, enum event_kind kind)
{
    const struct event_counters *counters = &status->outputs[i].kind[kind];

    label_output(text, status, i, kind);
    metrics_label(text, "result", "acked");
    metrics_value(text, counters->acked);
    label_output(text, status, i, kind);
    metrics_label(text, "result", "dropped");
    metrics_value(text, counters->dropped);
}

static void
label_output(struct metrics_text *text, const struct event_status *status,
             size_t i, enum event_kind kind)
{
    label_target(text, status, i);
    metrics_label(text, "kind", event_kind_name(kind));
}

/* Two samples with the same labels spoil all metrics, so a target that is
 * named twice gets a number. */
static void
label_target(struct metrics_text *text, const struct event_status *status,
             size_t i)
{
    const char *name = status->outputs[i].name;
    unsigned n_before = 0;

    for (size_t other = 0; other < i; other++) {
        n_before += strcmp(status->outputs[other].name, name) == 0;
    }
    metrics_label(text, "output", name);
    if (n_before) {
        metrics_label_number(text, "number", n_before + 1);
    }
}

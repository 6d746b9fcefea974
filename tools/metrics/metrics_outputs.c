/* What became of events, as metrics; see metrics.h. */

#include "tools/metrics/metrics_impl.h"

#include <string.h>

static void write_events(struct metrics_text *, const struct event_status *,
                         uint64_t of(const struct event_counters *));
static void write_results(struct metrics_text *, const struct event_status *,
                          size_t i, enum event_kind);
static void write_losses(struct metrics_text *, const struct event_status *,
                         size_t i, enum event_kind);
static uint64_t emitted(const struct event_counters *);
static uint64_t recovered(const struct event_counters *);
static uint64_t rewound(const struct event_counters *);
static uint64_t refused(const struct event_counters *);
static uint64_t waiting(const struct event_counters *);
static void label_output(struct metrics_text *, const struct event_status *,
                         size_t i, enum event_kind);

void
metrics_write_outputs(struct metrics_text *text,
                      const struct event_status *status)
{
    metrics_family(text, "segmon_output_up", METRICS_GAUGE,
                   "Whether the output works");
    for (size_t i = 0; i < status->n_outputs; i++) {
        metrics_label_output(text, status, i);
        metrics_value(text, status->outputs[i].up);
    }
    metrics_family(text, "segmon_output_emitted_total", METRICS_COUNTER,
                   "Events made for the output");
    write_events(text, status, emitted);
    metrics_family(text, "segmon_output_recovered_total", METRICS_COUNTER,
                   "Events that an earlier run left in the spool");
    write_events(text, status, recovered);
    metrics_family(text, "segmon_output_rewound_total", METRICS_COUNTER,
                   "Events that the server acknowledged and lost, and that "
                   "are sent again");
    write_events(text, status, rewound);
    metrics_family(text, "segmon_output_events_total", METRICS_COUNTER,
                   "What became of all these: acked or dropped");
    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            write_results(text, status, i, (enum event_kind)kind);
        }
    }
    metrics_family(text, "segmon_output_dropped_total", METRICS_COUNTER,
                   "Of these, those dropped, by reason");
    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            write_losses(text, status, i, (enum event_kind)kind);
        }
    }
    metrics_family(text, "segmon_output_refused_total", METRICS_COUNTER,
                   "Of those dropped, by a queue that was full");
    write_events(text, status, refused);
    metrics_family(text, "segmon_output_waiting", METRICS_GAUGE,
                   "Events that are neither acknowledged nor dropped yet");
    write_events(text, status, waiting);
}

void
metrics_label_output(struct metrics_text *text,
                     const struct event_status *status, size_t i)
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
recovered(const struct event_counters *counters)
{
    return counters->recovered;
}

static uint64_t
rewound(const struct event_counters *counters)
{
    return counters->rewound;
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

/* All reasons: what was never told of cannot be seen to grow. */
static void
write_losses(struct metrics_text *text, const struct event_status *status,
             size_t i, enum event_kind kind)
{
    const struct event_counters *counters = &status->outputs[i].kind[kind];

    for (unsigned loss = 0; loss < EVENT_N_LOSSES; loss++) {
        label_output(text, status, i, kind);
        metrics_label(text, "reason", event_loss_name((enum event_loss)loss));
        metrics_value(text, counters->lost[loss]);
    }
}

static void
label_output(struct metrics_text *text, const struct event_status *status,
             size_t i, enum event_kind kind)
{
    metrics_label_output(text, status, i);
    metrics_label(text, "kind", event_kind_name(kind));
}

/* The status of a run in Prometheus' terms; see metrics.h.
 *
 * Lists of counters are written through their X-macros, as in event_status.c,
 * and what a status has beyond them, by hand; a test looks for every number of
 * a status event here.  A family is there even while it has no sample, so that
 * what there is to know can be read from any run. */

#include "tools/metrics/metrics.h"

#include "tools/metrics/metrics_impl.h"
#include "tools/runtime/rule_counts.h"
#include "tools/settings/settings_memory.h"

static void write_program(struct metrics_text *, const struct metrics *);
static void write_memory(struct metrics_text *, const struct settings_memory *);
static void write_flows(struct metrics_text *, const struct event_status *);
static void write_violations(struct metrics_text *, const struct metrics *);
static void write_rules(struct metrics_text *, const struct rule_counts *,
                        const struct counter *of(const struct rule_count *));
static const struct counter *hits(const struct rule_count *);
static const struct counter *told(const struct rule_count *);
static void write_detectors(struct metrics_text *, const struct event_status *);
static void write_applications(struct metrics_text *,
                               const struct application_counters *);
static void write_balance(struct metrics_text *, const struct event_status *);
static int64_t output_balance(const struct event_status *);
static void write_policy(struct metrics_text *, const struct metrics *);

void
metrics_write(struct metrics_text *text, const struct metrics *metrics)
{
    const struct event_status *status = metrics->status;

    write_program(text, metrics);
    write_memory(text, metrics->memory);
    metrics_write_capture(text, metrics);
    write_flows(text, status);
    write_violations(text, metrics);
    write_detectors(text, status);
    write_applications(text, status->application);
    metrics_write_pairs(text, status);
    metrics_write_outputs(text, status);
    metrics_write_spools(text, status);
    write_balance(text, status);
    write_policy(text, metrics);
}

static void
write_program(struct metrics_text *text, const struct metrics *metrics)
{
    const char *ndpi = metrics->status->application_library;

    metrics_family(text, "segmon_build_info", METRICS_GAUGE,
                   "Versions of the program and its libraries; always 1");
    metrics_label(text, "version", metrics->source->version);
    metrics_label(text, "ndpi", ndpi ? ndpi : "");
    metrics_label(text, "pcap", metrics->capture_library);
    metrics_label(text, "sensor", metrics->source->sensor);
    metrics_value(text, 1);
    moment(text, "segmon_start_time_seconds", "When the run began",
           metrics->begin);
    gauge(text, "process_resident_memory_bytes",
          "Memory of the process; 0: unknown", metrics->resident_bytes);
    metrics_family(text, "process_cpu_seconds_total", METRICS_COUNTER,
                   "Processor time of the process");
    metrics_value_time(text, metrics->processor_ns);
    gauge(text, "segmon_workers", "Threads that capture",
          metrics->status->workers);
    gauge(text, "segmon_ready",
          "Whether it captures, and events get away or have room to wait",
          metrics->ready);
}

static void
write_memory(struct metrics_text *text, const struct settings_memory *memory)
{
    metrics_family(text, "segmon_memory_budget_bytes", METRICS_GAUGE,
                   "What each part of the program may use; 0: no limit but "
                   "its own");
#define WRITE_SHARE(member, name)                                              \
    metrics_label(text, "part", name);                                         \
    metrics_value(text, memory->member);
    SETTINGS_SHARES(WRITE_SHARE)
#undef WRITE_SHARE
}

static void
write_flows(struct metrics_text *text, const struct event_status *status)
{
    const struct flow_table_counters *flows = &status->flows;

#define WRITE_COUNTER(name, help)                                              \
    counter(text, "segmon_flow_table_" #name "_total", help, flows->name);
    FLOW_TABLE_COUNTERS(WRITE_COUNTER)
#undef WRITE_COUNTER
    gauge(text, "segmon_flows_active", "Flows alive now", flows->active);
    counter(text, "segmon_flows_collapsed_total",
            "Of the flows that ended, those told together with others",
            status->collapsed);
    counter(text, "segmon_flows_collapsed_records_total",
            "Records that these were told in", status->collapsed_records);
    gauge(text, "segmon_flow_table_bytes", "Memory of the flow tables",
          flows->bytes);
    gauge(text, "segmon_flow_table_capacity", "Flows there is room for",
          status->max_flows);
    gauge(text, "segmon_emergency_mode",
          "Workers whose table is nearly full, so that attempts go first",
          flows->emergency);
    counter(text, "segmon_emergencies_total", "Times that began",
            flows->emergencies);
    metrics_family(text, "segmon_emergency_seconds_total", METRICS_COUNTER,
                   "How long it lasted, over all workers");
    metrics_value_time(text, (int64_t)flows->emergency_ns);
    metrics_family(text, "segmon_flows_total", METRICS_COUNTER,
                   "Records of flows, by why they were made: at their end, or "
                   "of those that go on (active, revised)");
    for (unsigned i = FLOW_END_NONE + 1; i < FLOW_N_ENDS; i++) {
        metrics_label(text, "reason", flow_end_name((enum flow_end)i));
        metrics_value(text, status->ended[i]);
    }
}

static void
write_violations(struct metrics_text *text, const struct metrics *metrics)
{
    const struct violation_counters *counters = &metrics->status->violations;

    metrics_family(text, "segmon_violations_total", METRICS_COUNTER,
                   "Violation events, by the rule that objects; of rules "
                   "beyond those listed, together");
    write_rules(text, metrics->rules, told);
    metrics_family(text, "segmon_violation_hits_total", METRICS_COUNTER,
                   "Flows that violate a rule, told of or not; of rules beyond "
                   "those listed, together");
    write_rules(text, metrics->rules, hits);
    gauge(text, "segmon_violations_tracked",
          "Violations that are not told of again for now", counters->tracked);
    counter(text, "segmon_violation_overflow_total",
            "Hits not tracked one by one, because too many are",
            counters->overflow);
    counter(text, "segmon_violation_flooded_total",
            "Hits told together, because too many sources had them",
            counters->flooded);
    counter(text, "segmon_violation_suppressed_total",
            "Hits that the policy asks not to tell of", counters->suppressed);
}

static void
write_rules(struct metrics_text *text, const struct rule_counts *rules,
            const struct counter *of(const struct rule_count *))
{
    size_t n = atomic_load_explicit(&rules->n, memory_order_acquire);

    for (size_t i = 0; i < n; i++) {
        metrics_label(text, "rule", rules->rule[i].id);
        metrics_value(text, counter_read(of(&rules->rule[i])));
    }
    metrics_label(text, "rule", METRICS_OTHER);
    metrics_value(text, counter_read(of(&rules->other)));
}

static const struct counter *
hits(const struct rule_count *rule)
{
    return &rule->hits;
}

static const struct counter *
told(const struct rule_count *rule)
{
    return &rule->told;
}

static void
write_detectors(struct metrics_text *text, const struct event_status *status)
{
    const struct detector_counters *counters = &status->detectors;

    metrics_family(text, "segmon_detections_total", METRICS_COUNTER,
                   "What the detectors found");
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        metrics_label(text, "detector", detector_name((enum detector)i));
        metrics_value(text, counters->detections[i]);
    }
    counter(text, "segmon_detector_sightings_total",
            "Moments of flows that detectors of many flows were shown",
            counters->sightings);
    gauge(text, "segmon_detector_tracked", "What detectors remember now",
          counters->tracked);
    counter(text, "segmon_detector_overflow_total",
            "What they forgot for want of room", counters->overflow);
    counter(text, "segmon_detector_passed_over_total",
            "Moments they were not shown while a flow table was nearly full",
            status->passed_over);
}

static void
write_applications(struct metrics_text *text,
                   const struct application_counters *inspecting)
{
    static const struct application_counters none;
    const struct application_counters *counters =
        inspecting ? inspecting : &none;

    counter(text, "segmon_application_inspections_total",
            "Flows whose content was shown to nDPI", counters->inspections);
    counter(text, "segmon_application_refused_total",
            "Flows that were not, for want of memory", counters->refused);
    counter(text, "segmon_application_given_up_total",
            "Inspections ended early to stay within their memory",
            counters->given_up);
    counter(text, "segmon_application_limited_total",
            "Inspections that ended because a flow had all packets or bytes "
            "shown that one may",
            counters->limited);
    counter(text, "segmon_application_details_lost_total",
            "Findings whose texts there was no room for",
            counters->details_lost);
    counter(text, "segmon_application_packets_total", "Packets shown to nDPI",
            counters->packets);
    counter(text, "segmon_application_skipped_fragments_total",
            "Fragments, but the first, not shown to it",
            counters->skipped_fragments);
    counter(text, "segmon_application_skipped_protocol_total",
            "Packets of another protocol than their flow's first, not shown to "
            "it",
            counters->skipped_protocol);
    gauge(text, "segmon_application_active", "Inspections going on now",
          counters->active);
    gauge(text, "segmon_application_bytes", "Memory of these", counters->bytes);
    gauge(text, "segmon_application_most_bytes", "The most it has been",
          counters->most_bytes);
}

/* Nothing is lost without being counted: each is 0 at any time. */
static void
write_balance(struct metrics_text *text, const struct event_status *status)
{
    const struct flow_table_counters *flows = &status->flows;
    uint64_t decoded = status->filtered;

    for (unsigned i = 0; i < DISSECT_N_RESULTS; i++) {
        decoded += status->dissected[i];
    }
    metrics_family(text, "segmon_conservation_difference", METRICS_GAUGE,
                   "What came in, less all that became of it: of frames, flows "
                   "and events; other than 0 only by a mistake in the program");
    metrics_label(text, "of", "frames");
    metrics_value_signed(text, (int64_t)(status->frames - decoded));
    metrics_label(text, "of", "flows");
    metrics_value_signed(
        text, (int64_t)(flows->created - flows->ended - flows->active));
    metrics_label(text, "of", "events");
    metrics_value_signed(text, output_balance(status));
}

static int64_t
output_balance(const struct event_status *status)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < status->n_outputs; i++) {
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            const struct event_counters *counters =
                &status->outputs[i].kind[kind];

            sum += counters->emitted + counters->recovered + counters->rewound -
                   counters->acked - counters->spooled - counters->dropped;
        }
    }
    return (int64_t)sum;
}

static void
write_policy(struct metrics_text *text, const struct metrics *metrics)
{
    const struct policy *policy = metrics->status->policy;

    metrics_family(text, "segmon_policy_info", METRICS_GAUGE,
                   "The policy in force; always 1");
    metrics_label(text, "name", policy_name(policy));
    metrics_label(text, "revision", policy_revision(policy));
    metrics_label(text, "sha256", policy_sha256(policy));
    metrics_value(text, 1);
    gauge(text, "segmon_policy_segments", "Segments of the policy",
          policy_n_segments(policy));
    gauge(text, "segmon_policy_rules", "Rules of the policy",
          policy_n_rules(policy));
    metrics_family(text, "segmon_config_reloads_total", METRICS_COUNTER,
                   "Times the policy was read again, by result");
    metrics_label(text, "result", "success");
    metrics_value(text, metrics->reloads.succeeded);
    metrics_label(text, "result", "failure");
    metrics_value(text, metrics->reloads.failed);
    gauge(text, "segmon_config_last_reload_successful",
          "Whether the last time it could be", !metrics->reloads.last_failed);
    moment(text, "segmon_config_last_reload_success_timestamp_seconds",
           "When what is in force was read", metrics->reloads.last_success);
}

/* The state of the program as an event; see event.h.
 *
 * What is listed by an X-macro (results of dissection, counters of the flow
 * table) is written through it, so what somebody adds cannot be forgotten. */

#include "tools/event/event_parts.h"

#include <string.h>

enum {
    /* Half an event: one file more, with every byte of its texts escaped, and
     * what follows the files still fit. */
    FILES_MAX_SIZE = EVENT_MAX_BYTES / 2
};

static void write_change(struct json *json, const struct event_emergency *);
static void write_totals(struct json *json, const struct event_status *status);
static void write_capture(struct json *json, const struct event_status *status);
static void write_dissected(struct json *json,
                            const struct event_status *status);
static void write_flows(struct json *json, const struct event_status *status);
static void write_emergency(struct json *json,
                            const struct flow_table_counters *counters);
static void write_violations(struct json *json,
                             const struct violation_counters *counters);
static void write_detectors(struct json *json,
                            const struct event_status *status);
static void write_engine(struct json *json, const struct event_status *status);
static void write_files(struct json *json, const struct event_status *status);
static void write_file(struct json *json, const struct event_file *file);
static void write_interfaces(struct json *json,
                             const struct event_status *status);
static void write_interface(struct json *json,
                            const struct event_interface *interface);
static void write_policy(struct json *json, const struct policy *policy);

const struct json *
event_status_encode(struct event_encoder *encoder,
                    const struct event_status *status)
{
    struct json *json = &encoder->json;
    static const char *const causes[] = {
#define CAUSE_NAME(NAME, TEXT) [EVENT_STATUS_##NAME] = (TEXT),
        EVENT_STATUS_CAUSES(CAUSE_NAME)
#undef CAUSE_NAME
    };

    event_begin_status(encoder, status->policy, causes[status->cause]);
    json_u64(json, "workers", status->workers);
    if (status->emergency) {
        write_change(json, status->emergency);
    } else if (status->cause != EVENT_STATUS_POLICY) {
        write_totals(json, status);
    }
    event_write_texts(json, "notes", status->notes);
    json_close(json, '}');
    write_policy(json, status->policy);
    json_close(json, '}');
    json_close(json, '}');
    return json;
}

void
event_begin_status(struct event_encoder *encoder, const struct policy *policy,
                   const char *cause)
{
    struct json *json = &encoder->json;

    event_encoder_begin(encoder, policy);
    json_plain(json, "kind", "metric");
    json_open(json, "category", '[');
    json_plain(json, NULL, "network");
    json_close(json, ']');
    json_open(json, "type", '[');
    json_plain(json, NULL, "info");
    json_close(json, ']');
    json_plain(json, "dataset", "segmon.status");
    json_close(json, '}');
    event_write_observer(encoder);
    json_close(json, '}');
    json_open(json, "segmon", '{');
    json_plain(json, "schema", EVENT_SCHEMA_VERSION);
    json_open(json, "status", '{');
    json_plain(json, "cause", cause);
}

static void
write_change(struct json *json, const struct event_emergency *emergency)
{
    const struct flow_news *news = &emergency->news;

    json_open(json, "emergency", '{');
    json_u64(json, "worker", emergency->worker);
    json_plain(json, "state", news->is_emergency ? "entered" : "left");
    json_plain(json, "why",
               news->why == FLOW_SHORTAGE_FLOWS ? "flows" : "bytes");
    json_time(json, "since", news->since);
    json_u64(json, "active", news->n_flows);
    json_u64(json, "capacity", news->max_flows);
    json_u64(json, "bytes", news->n_bytes);
    if (news->max_bytes) {
        json_u64(json, "max_bytes", news->max_bytes);
    }
    json_close(json, '}');
}

static void
write_totals(struct json *json, const struct event_status *status)
{
    write_capture(json, status);
    write_dissected(json, status);
    write_flows(json, status);
    write_violations(json, &status->violations);
    write_detectors(json, status);
    write_engine(json, status);
    event_write_outputs(json, status);
    write_files(json, status);
    write_interfaces(json, status);
    event_write_blindness(json, status);
    event_write_pairs(json, status);
}

static void
write_capture(struct json *json, const struct event_status *status)
{
    json_open(json, "capture", '{');
    json_u64(json, "frames", status->frames);
    json_u64(json, "bytes", status->bytes);
    json_u64(json, "filtered", status->filtered);
    json_u64(json, "kernel_drops", status->kernel_drops);
    json_u64(json, "device_drops", status->device_drops);
    if (status->first_packet.ns || status->last_packet.ns) {
        json_time(json, "first_packet", status->first_packet);
        json_time(json, "last_packet", status->last_packet);
    }
    json_close(json, '}');
}

static void
write_dissected(struct json *json, const struct event_status *status)
{
    json_open(json, "dissected", '{');
#define WRITE_RESULT(NAME, LABEL, HELP)                                        \
    json_u64(json, LABEL, status->dissected[DISSECT_##NAME]);
    DISSECT_RESULTS(WRITE_RESULT)
#undef WRITE_RESULT
    json_close(json, '}');
}

static void
write_flows(struct json *json, const struct event_status *status)
{
    json_open(json, "flows", '{');
#define WRITE_COUNTER(name, help) json_u64(json, #name, status->flows.name);
    FLOW_TABLE_COUNTERS(WRITE_COUNTER)
#undef WRITE_COUNTER
    json_u64(json, "active", status->flows.active);
    json_u64(json, "bytes", status->flows.bytes);
    json_u64(json, "capacity", status->max_flows);
    json_u64(json, "collapsed", status->collapsed);
    json_u64(json, "collapsed_records", status->collapsed_records);
    write_emergency(json, &status->flows);
    json_open(json, "ended_by", '{');
    for (unsigned i = FLOW_END_NONE + 1; i < FLOW_N_ENDS; i++) {
        json_u64(json, flow_end_name((enum flow_end)i), status->ended[i]);
    }
    json_close(json, '}');
    json_close(json, '}');
}

static void
write_emergency(struct json *json, const struct flow_table_counters *counters)
{
    json_open(json, "emergency", '{');
    json_u64(json, "active", counters->emergency);
    json_u64(json, "entered", counters->emergencies);
    json_u64(json, "duration", counters->emergency_ns);
    json_close(json, '}');
}

static void
write_violations(struct json *json, const struct violation_counters *counters)
{
    json_open(json, "violations", '{');
    json_u64(json, "hits", counters->hits);
    json_u64(json, "told", counters->told);
    json_u64(json, "tracked", counters->tracked);
    json_u64(json, "overflow", counters->overflow);
    json_u64(json, "flooded", counters->flooded);
    json_u64(json, "suppressed", counters->suppressed);
    json_close(json, '}');
}

static void
write_detectors(struct json *json, const struct event_status *status)
{
    const struct detector_counters *counters = &status->detectors;

    json_open(json, "detectors", '{');
    json_u64(json, "sightings", counters->sightings);
    json_u64(json, "tracked", counters->tracked);
    json_u64(json, "overflow", counters->overflow);
    json_u64(json, "passed_over", status->passed_over);
    json_open(json, "detections", '{');
    for (unsigned i = 0; i < N_DETECTORS; i++) {
        json_u64(json, detector_name((enum detector)i),
                 counters->detections[i]);
    }
    json_close(json, '}');
    json_close(json, '}');
}

static void
write_engine(struct json *json, const struct event_status *status)
{
    const struct application_counters *counters = status->application;

    if (!counters) {
        return;
    }
    json_open(json, "application", '{');
    if (status->application_library) {
        json_cstring(json, "library", status->application_library);
    }
    json_u64(json, "inspections", counters->inspections);
    json_u64(json, "active", counters->active);
    json_u64(json, "refused", counters->refused);
    json_u64(json, "given_up", counters->given_up);
    json_u64(json, "limited", counters->limited);
    json_u64(json, "details_lost", counters->details_lost);
    json_u64(json, "bytes", counters->bytes);
    json_u64(json, "most_bytes", counters->most_bytes);
    json_u64(json, "packets", counters->packets);
    json_u64(json, "skipped_fragments", counters->skipped_fragments);
    json_u64(json, "skipped_protocol", counters->skipped_protocol);
    json_close(json, '}');
}

static void
write_files(struct json *json, const struct event_status *status)
{
    if (status->n_files == 0) {
        return;
    }
    json_open(json, "files", '[');
    for (size_t i = 0; i < status->n_files && i < EVENT_MAX_FILES &&
                       json->size < FILES_MAX_SIZE;
         i++) {
        write_file(json, &status->files[i]);
    }
    json_close(json, ']');
    json_u64(json, "n_files", status->n_files);
}

static void
write_file(struct json *json, const struct event_file *file)
{
    json_open(json, NULL, '{');
    event_write_text(json, "path", file->path);
    json_u64(json, "frames", file->frames);
    json_u64(json, "bytes", file->bytes);
    if (file->error) {
        event_write_error(json, file->error);
    }
    json_close(json, '}');
}

static void
write_interfaces(struct json *json, const struct event_status *status)
{
    if (status->n_interfaces == 0) {
        return;
    }
    json_open(json, "interfaces", '[');
    for (size_t i = 0; i < status->n_interfaces; i++) {
        write_interface(json, &status->interfaces[i]);
    }
    json_close(json, ']');
}

static void
write_interface(struct json *json, const struct event_interface *interface)
{
    json_open(json, NULL, '{');
    event_write_text(json, "name", interface->name);
    json_plain(json, "state", source_live_state_name(interface->state));
    event_write_text(json, "reason", interface->reason);
    json_u64(json, "mtu", interface->mtu);
    json_u64(json, "missed", interface->missed);
    json_u64(json, "discarded", interface->discarded);
    json_u64(json, "losses", interface->losses);
    json_open(json, "workers", '[');
    for (unsigned i = 0; i < interface->n_workers; i++) {
        json_open(json, NULL, '{');
        json_u64(json, "received", interface->workers[i].received);
        json_u64(json, "bytes", interface->workers[i].bytes);
        json_u64(json, "kernel_drops", interface->workers[i].kernel_drops);
        json_u64(json, "unread", interface->workers[i].unread);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

/* With what only a status needs: the whole hashes and the sizes. */
static void
write_policy(struct json *json, const struct policy *policy)
{
    json_open(json, "policy", '{');
    event_write_text(json, "name", policy_name(policy));
    event_write_text(json, "revision", policy_revision(policy));
    event_write_text(json, "sha256", policy_sha256(policy));
    event_write_text(json, "source_sha256", policy_source_sha256(policy));
    json_u64(json, "segments", policy_n_segments(policy));
    json_u64(json, "rules", policy_n_rules(policy));
    json_close(json, '}');
}

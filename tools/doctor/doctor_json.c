/* See doctor_json.h. */

#include "tools/doctor/doctor_json.h"

#include "tools/doctor/doctor.h"
#include "tools/event/json.h"

static void write_nic(const struct doctor *, size_t interface, struct json *);
static void write_features(const struct nic *, struct json *);
static void write_traffic(const struct traffic_counts *, struct json *);
static void write_clock(const struct doctor *, struct json *);
static void write_host(const struct host_state *, struct json *);
static void write_server(const struct redis_examined *, struct json *);
static void write_findings(const struct diagnosis *, struct json *);
static void write_finding(const struct diagnosis_finding *, struct json *);
static void write_unexamined(const struct diagnosis *, struct json *);

void
doctor_write_json(const struct doctor *doctor, const char *version, int status,
                  struct json *json)
{
    const struct diagnosis *diagnosis = &doctor->diagnosis;

    json_open(json, NULL, '{');
    json_plain(json, "schema", "1.0");
    json_cstring(json, "version", version);
    json_time(json, "time", doctor->begin.wall);
    json_i64(json, "capture_ns", doctor->took_ns);
    json_plain(json, "worst", diagnosis_severity_name(diagnosis->worst));
    json_bool(json, "complete", !diagnosis->is_incomplete);
    json_i64(json, "status", status);
    json_open(json, "interfaces", '[');
    for (size_t i = 0; i < doctor->n_nics; i++) {
        write_nic(doctor, i, json);
    }
    json_close(json, ']');
    write_clock(doctor, json);
    write_host(&doctor->host, json);
    json_open(json, "redis", '[');
    for (size_t i = 0; i < doctor->options->n_servers; i++) {
        write_server(&doctor->servers[i], json);
    }
    json_close(json, ']');
    write_findings(diagnosis, json);
    write_unexamined(diagnosis, json);
    json_u64(json, "ignored", diagnosis->n_ignored);
    json_u64(json, "left_out", diagnosis->left_out);
    json_close(json, '}');
    json_raw(json, "\n", 1);
}

static void
write_nic(const struct doctor *doctor, size_t interface, struct json *json)
{
    const struct nic *nic = &doctor->nics[interface];

    json_open(json, NULL, '{');
    json_cstring(json, "name", nic->name);
    json_cstring(json, "driver", nic->driver);
    json_bool(json, "up", nic->link.up);
    json_bool(json, "carrier", nic->link.carrier);
    json_bool(json, "promiscuous", nic->link.promiscuous);
    json_u64(json, "mtu", nic->link.mtu);
    if (nic->speed_mbit) {
        json_u64(json, "speed_mbit", nic->speed_mbit);
    }
    if (nic->rx_ring) {
        json_u64(json, "rx_ring", nic->rx_ring);
        json_u64(json, "max_rx_ring", nic->max_rx_ring);
    }
    if (nic->rx_queues) {
        json_u64(json, "rx_queues", nic->rx_queues);
    }
    write_features(nic, json);
    if (doctor->traffic &&
        traffic_of(doctor->traffic, interface)->is_captured) {
        write_traffic(traffic_of(doctor->traffic, interface), json);
    }
    json_close(json, '}');
}

static void
write_features(const struct nic *nic, struct json *json)
{
    json_open(json, "features", '{');
    for (unsigned i = 0; i < NIC_N_FEATURES; i++) {
        if (nic->features[i].is_known) {
            json_bool(json, nic_feature_name(i), nic->features[i].on);
        }
    }
    json_close(json, '}');
}

static void
write_traffic(const struct traffic_counts *counts, struct json *json)
{
    json_open(json, "traffic", '{');
    json_u64(json, "frames", counts->frames);
    json_u64(json, "bytes", counts->bytes);
    json_u64(json, "own", counts->own);
    json_u64(json, "multicast", counts->group);
    json_u64(json, "packets", counts->packets);
    json_u64(json, "copies", counts->copies);
    json_u64(json, "tagged", counts->tagged);
    json_u64(json, "fragments", counts->fragments);
    json_u64(json, "tcp_two_sided", counts->two_sided);
    json_u64(json, "tcp_one_sided", counts->one_sided);
    json_u64(json, "tcp_segments", counts->segments);
    json_u64(json, "tcp_out_of_order", counts->out_of_order);
    json_u64(json, "content_bytes", counts->content_bytes);
    json_u64(json, "missed_bytes", counts->missed_bytes);
    json_u64(json, "longest_frame", counts->longest);
    json_u64(json, "kernel_drops", counts->kernel_drops);
    json_u64(json, "discarded", counts->discarded);
    json_close(json, '}');
}

static void
write_clock(const struct doctor *doctor, struct json *json)
{
    const struct clock_state *clock = &doctor->end;

    json_open(json, "clock", '{');
    if (clock->is_known) {
        json_bool(json, "synchronised", clock->is_synchronised);
        json_i64(json, "error_ns", clock->error_ns);
        json_i64(json, "max_error_ns", clock->max_error_ns);
    }
    json_i64(json, "step_ns", clock_state_step_ns(&doctor->begin, clock));
    json_close(json, '}');
}

static void
write_host(const struct host_state *host, struct json *json)
{
    json_open(json, "host", '{');
    json_cstring(json, "kernel", host->release);
    if (host->memory_bytes != UINT64_MAX) {
        json_u64(json, "available_bytes", host->memory_bytes);
    }
    json_u64(json, "max_open_files", host->max_open_files);
    if (host->output && !host->output_error) {
        json_u64(json, "free_bytes", host->free_bytes);
    }
    json_close(json, '}');
}

static void
write_server(const struct redis_examined *server, struct json *json)
{
    json_open(json, NULL, '{');
    json_cstring(json, "name", server->name);
    json_bool(json, "reached", server->is_reached);
    if (server->ping_ns) {
        json_i64(json, "ping_ns", server->ping_ns);
    }
    if (server->version[0]) {
        json_cstring(json, "version", server->version);
        json_cstring(json, "role", server->role);
        json_cstring(json, "maxmemory_policy", server->policy);
        json_u64(json, "used_bytes", server->used_bytes);
        json_u64(json, "max_bytes", server->max_bytes);
    }
    json_close(json, '}');
}

static void
write_findings(const struct diagnosis *diagnosis, struct json *json)
{
    json_open(json, "findings", '[');
    for (size_t i = 0; i < diagnosis->n_findings; i++) {
        write_finding(&diagnosis->findings[i], json);
    }
    json_close(json, ']');
}

static void
write_finding(const struct diagnosis_finding *finding, struct json *json)
{
    const struct diagnosis_kind *kind = diagnosis_kind_of(finding->code);

    json_open(json, NULL, '{');
    json_plain(json, "code", kind->code);
    json_plain(json, "severity", diagnosis_severity_name(kind->severity));
    json_plain(json, "area", diagnosis_area_name(kind->area));
    json_cstring(json, "subject", finding->subject);
    json_cstring(json, "what", finding->what);
    json_cstring(json, "why", kind->why);
    if (finding->fix[0]) {
        json_cstring(json, "fix", finding->fix);
    }
    json_open(json, "evidence", '{');
    for (size_t i = 0; i < finding->n_evidence; i++) {
        const struct diagnosis_evidence *evidence = &finding->evidence[i];

        if (evidence->is_number) {
            json_u64(json, evidence->name, evidence->number);
        } else {
            json_cstring(json, evidence->name, evidence->text);
        }
    }
    json_close(json, '}');
    json_close(json, '}');
}

static void
write_unexamined(const struct diagnosis *diagnosis, struct json *json)
{
    json_open(json, "unexamined", '[');
    for (size_t i = 0; i < diagnosis->n_unexamined; i++) {
        const struct diagnosis_unexamined *one = &diagnosis->unexamined[i];

        json_open(json, NULL, '{');
        json_plain(json, "area", diagnosis_area_name(one->area));
        json_cstring(json, "subject", one->subject);
        json_cstring(json, "reason", one->reason);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* What was captured and decoded, as metrics; see metrics.h. */

#include "tools/metrics/metrics_impl.h"

static void write_shares(struct metrics_text *, const struct event_status *,
                         uint64_t of(const struct event_share *));
static uint64_t received(const struct event_share *);
static uint64_t bytes(const struct event_share *);
static void write_drops(struct metrics_text *, const struct event_status *);
static void write_drop(struct metrics_text *, const char *interface,
                       unsigned worker, const char *where, uint64_t);
static void write_links(struct metrics_text *, const struct event_status *);
static void write_decoding(struct metrics_text *, const struct event_status *);

void
metrics_write_capture(struct metrics_text *text, const struct metrics *metrics)
{
    const struct event_status *status = metrics->status;

    counter(text, "segmon_frames_total", "Frames read", status->frames);
    counter(text, "segmon_frame_bytes_total",
            "Bytes of these frames, as long as they were on the wire",
            status->bytes);
    counter(text, "segmon_filtered_frames_total",
            "Of these frames, those that the filter left out",
            status->filtered);
    moment(text, "segmon_first_packet_timestamp_seconds",
           "Stamp of the earliest frame; 0 before there is one",
           status->first_packet);
    moment(text, "segmon_last_packet_timestamp_seconds",
           "Stamp of the latest frame; 0 before there is one",
           status->last_packet);
    metrics_family(text, "segmon_packet_lag_seconds", METRICS_GAUGE,
                   "From the latest frame's stamp to now; grows while nothing "
                   "comes");
    metrics_value_time(text, status->last_packet.ns &&
                                     metrics->now.ns > status->last_packet.ns
                                 ? metrics->now.ns - status->last_packet.ns
                                 : 0);
    metrics_family(text, "segmon_capture_packets_total", METRICS_COUNTER,
                   "Frames that a worker received from an interface");
    write_shares(text, status, received);
    metrics_family(text, "segmon_capture_bytes_total", METRICS_COUNTER,
                   "Bytes of these, as long as they were on the wire");
    write_shares(text, status, bytes);
    write_drops(text, status);
    write_links(text, status);
    write_decoding(text, status);
}

static void
write_shares(struct metrics_text *text, const struct event_status *status,
             uint64_t of(const struct event_share *))
{
    for (size_t i = 0; i < status->n_interfaces; i++) {
        const struct event_interface *interface = &status->interfaces[i];

        for (unsigned worker = 0; worker < interface->n_workers; worker++) {
            metrics_label(text, "interface", interface->name);
            metrics_label_number(text, "worker", worker);
            metrics_value(text, of(&interface->workers[worker]));
        }
    }
}

static uint64_t
received(const struct event_share *share)
{
    return share->received;
}

static uint64_t
bytes(const struct event_share *share)
{
    return share->bytes;
}

/* What a device has no room for never gets to a worker. */
static void
write_drops(struct metrics_text *text, const struct event_status *status)
{
    metrics_family(text, "segmon_capture_dropped_total", METRICS_COUNTER,
                   "Frames lost: in the device, in the kernel because a "
                   "worker's buffer was full, or unread in it when capture was "
                   "given up");
    for (size_t i = 0; i < status->n_interfaces; i++) {
        const struct event_interface *interface = &status->interfaces[i];
        const struct event_share *shares = interface->workers;

        metrics_label(text, "interface", interface->name);
        metrics_label(text, "where", "device");
        metrics_value(text, interface->missed);
        for (unsigned w = 0; w < interface->n_workers; w++) {
            write_drop(text, interface->name, w, "kernel",
                       shares[w].kernel_drops);
            write_drop(text, interface->name, w, "unread", shares[w].unread);
        }
    }
}

static void
write_drop(struct metrics_text *text, const char *interface, unsigned worker,
           const char *where, uint64_t n)
{
    metrics_label(text, "interface", interface);
    metrics_label_number(text, "worker", worker);
    metrics_label(text, "where", where);
    metrics_value(text, n);
}

static void
write_links(struct metrics_text *text, const struct event_status *status)
{
    const struct event_interface *interfaces = status->interfaces;

    metrics_family(text, "segmon_capture_link_up", METRICS_GAUGE,
                   "Whether the interface is there, up, and captured from");
    for (size_t i = 0; i < status->n_interfaces; i++) {
        metrics_label(text, "interface", interfaces[i].name);
        metrics_value(text, interfaces[i].state == SOURCE_LIVE_CAPTURING);
    }
    metrics_family(text, "segmon_capture_link_losses_total", METRICS_COUNTER,
                   "Times the interface had to be opened again");
    for (size_t i = 0; i < status->n_interfaces; i++) {
        metrics_label(text, "interface", interfaces[i].name);
        metrics_value(text, interfaces[i].losses);
    }
    metrics_family(text, "segmon_capture_discarded_total", METRICS_COUNTER,
                   "Frames the system discarded behind the device, those it "
                   "only has no protocol for and that were captured included");
    for (size_t i = 0; i < status->n_interfaces; i++) {
        metrics_label(text, "interface", interfaces[i].name);
        metrics_value(text, interfaces[i].discarded);
    }
    metrics_family(text, "segmon_capture_mtu_bytes", METRICS_GAUGE,
                   "MTU of the interface");
    for (size_t i = 0; i < status->n_interfaces; i++) {
        metrics_label(text, "interface", interfaces[i].name);
        metrics_value(text, interfaces[i].mtu);
    }
}

static void
write_decoding(struct metrics_text *text, const struct event_status *status)
{
    static const char *const labels[] = {
#define RESULT_LABEL(NAME, LABEL, HELP) (LABEL),
        DISSECT_RESULTS(RESULT_LABEL)
#undef RESULT_LABEL
    };

    counter(text, "segmon_decoded_packets_total",
            "Frames decoded to the transport layer",
            status->dissected[DISSECT_OK]);
    metrics_family(text, "segmon_decode_errors_total", METRICS_COUNTER,
                   "Frames that were not, with what there was instead: not_ip, "
                   "which is no mistake, or what stood in the way");
    for (unsigned i = DISSECT_OK + 1; i < DISSECT_N_RESULTS; i++) {
        metrics_label(text, "reason", labels[i]);
        metrics_value(text, status->dissected[i]);
    }
}

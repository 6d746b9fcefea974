/* Attempts that are told together, as an event; see event.h.
 *
 * It is of the kind of flows, and adds up with their records: each flow that
 * ended has a record of its own, or is one of these. */

#include "tools/event/event_parts.h"
#include "tools/event/event_words.h"

static void write_event(struct json *, const struct event_collapsed *);
static void write_observer(struct event_encoder *,
                           const struct event_collapsed *);
static void write_ends(struct json *, const struct event_collapsed *);
static void write_network(struct json *, const struct event_collapsed *);
static void write_segmon(struct json *, const struct event_collapsed *);
static void write_collapsed(struct json *, const struct event_collapsed *);
static bool is_icmp(const struct event_collapsed *);

const struct json *
event_collapsed_encode(struct event_encoder *encoder,
                       const struct event_collapsed *collapsed)
{
    struct json *json = &encoder->json;

    event_encoder_begin(encoder, collapsed->policy);
    write_event(json, collapsed);
    write_observer(encoder, collapsed);
    write_ends(json, collapsed);
    write_network(json, collapsed);
    if (!collapsed->is_rest) {
        event_write_rule(encoder, collapsed->rule);
    }
    write_segmon(json, collapsed);
    event_write_policy(encoder);
    json_close(json, '}');
    json_close(json, '}');
    return json;
}

static void
write_event(struct json *json, const struct event_collapsed *collapsed)
{
    int64_t duration_ns = wall_time_since(collapsed->last, collapsed->first);

    json_plain(json, "kind", "event");
    json_open(json, "category", '[');
    json_plain(json, NULL, "network");
    json_close(json, ']');
    json_open(json, "type", '[');
    json_plain(json, NULL, "connection");
    json_close(json, ']');
    json_plain(json, "dataset", "segmon.flow");
    json_time(json, "start", collapsed->first);
    json_time(json, "end", collapsed->last);
    json_u64(json, "duration", duration_ns > 0 ? (uint64_t)duration_ns : 0);
    json_close(json, '}');
}

static void
write_observer(struct event_encoder *encoder,
               const struct event_collapsed *collapsed)
{
    event_write_observer(encoder);
    if (collapsed->is_rest) {
        json_close(&encoder->json, '}');
    } else {
        event_write_zones(encoder, "", collapsed->src_segment,
                          collapsed->dst_segment);
    }
}

static void
write_ends(struct json *json, const struct event_collapsed *collapsed)
{
    json_open(json, "source", '{');
    json_u64(json, "packets", collapsed->src_packets);
    json_u64(json, "bytes", collapsed->src_bytes);
    json_close(json, '}');
    json_open(json, "destination", '{');
    if (!collapsed->is_rest && !collapsed->all_ports && !is_icmp(collapsed)) {
        json_u64(json, "port", collapsed->port);
    }
    json_u64(json, "packets", collapsed->dst_packets);
    json_u64(json, "bytes", collapsed->dst_bytes);
    json_close(json, '}');
}

static void
write_network(struct json *json, const struct event_collapsed *collapsed)
{
    const char *transport = packet_protocol_name(collapsed->protocol);

    json_open(json, "network", '{');
    if (!collapsed->is_rest) {
        json_plain(json, "type", collapsed->ip_version == 6 ? "ipv6" : "ipv4");
        if (transport) {
            json_plain(json, "transport", transport);
        }
        json_u64_keyword(json, "iana_number", collapsed->protocol);
        json_word(json, "direction",
                  event_direction(collapsed->policy, collapsed->src_segment,
                                  collapsed->dst_segment));
    }
    json_u64(json, "bytes", collapsed->src_bytes + collapsed->dst_bytes);
    json_u64(json, "packets", collapsed->src_packets + collapsed->dst_packets);
    json_close(json, '}');
}

/* Open at its end. */
static void
write_segmon(struct json *json, const struct event_collapsed *collapsed)
{
    json_open(json, "segmon", '{');
    json_plain(json, "schema", EVENT_SCHEMA_VERSION);
    json_plain(json, "record", "collapsed");
    json_word(json, "verdict", &event_verdict_words[collapsed->decision]);
    if (!collapsed->is_rest) {
        json_word(json, "reason", &event_reason_words[collapsed->reason]);
    }
    write_collapsed(json, collapsed);
    if (!collapsed->is_rest && !collapsed->all_ports && is_icmp(collapsed)) {
        json_open(json, "icmp", '{');
        json_u64(json, "type", collapsed->port);
        json_close(json, '}');
    }
}

static void
write_collapsed(struct json *json, const struct event_collapsed *collapsed)
{
    json_open(json, "collapsed", '{');
    json_u64(json, "flows", collapsed->flows);
    json_u64(json, "refused", collapsed->refused);
    json_u64(json, "sources", collapsed->n_sources);
    json_u64(json, "destinations", collapsed->n_destinations);
    json_u64(json, "ports", collapsed->n_ports);
    json_open(json, "samples", '[');
    for (unsigned i = 0; i < collapsed->n_samples; i++) {
        json_open(json, NULL, '{');
        event_write_addr(json, "src", &collapsed->samples[i].src);
        event_write_addr(json, "dst", &collapsed->samples[i].dst);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static bool
is_icmp(const struct event_collapsed *collapsed)
{
    return collapsed->protocol == PROTOCOL_ICMP ||
           collapsed->protocol == PROTOCOL_ICMPV6;
}

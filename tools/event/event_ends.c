/* Who talked to whom, as ECS says it: source, destination, network; see
 * event_parts.h. */

#include "tools/event/event_parts.h"
#include "tools/event/event_words.h"

#include <string.h>

enum {
    /* Rooms of blocks. */
    END_POINT_SIZE = 180,
    TRANSPORT_SIZE = 120,
    TRAFFIC_SIZE = 200
};

static void write_end_point(struct json *json, const struct json_word *key,
                            const struct flow_end_point *end, bool has_port,
                            const char *domain);
static char *put_mac(char *at, const uint8_t mac[6]);
static void write_network(struct event_encoder *, const struct event_flow *);
static void write_transport(struct json *json,
                            const struct flow_record *record);
static void write_protocol_names(struct event_encoder *,
                                 const struct event_flow *);
static void write_traffic(struct json *json, const struct event_flow *flow);
static void write_outer_vlans(struct json *json,
                              const struct flow_record *record);

void
event_write_flow_ends(struct event_encoder *encoder,
                      const struct event_flow *flow, enum event_host host)
{
    static const struct json_word source = JSON_WORD("source");
    static const struct json_word destination = JSON_WORD("destination");
    struct json *json = &encoder->json;
    const struct flow_record *record = flow->record;
    bool has_port = packet_protocol_has_ports(record->protocol);

    write_end_point(json, &source, &record->source, has_port, NULL);
    write_end_point(json, &destination, &record->destination, has_port,
                    host == EVENT_HOST_TLS || host == EVENT_HOST_HTTP
                        ? flow->application->details->host
                        : NULL);
    write_network(encoder, flow);
}

static void
write_end_point(struct json *json, const struct json_word *key,
                const struct flow_end_point *end, bool has_port,
                const char *domain)
{
    char *at;

    if (!json_room(json, END_POINT_SIZE, &at)) {
        return;
    }
    *at++ = ',';
    at = json_put_word(at, key);
    at = JSON_PUT(at, ":{\"ip\":\"");
    at = addr_put(&end->addr, at);
    *at++ = '"';
    if (has_port) {
        at = JSON_PUT(at, ",\"port\":");
        at = json_digits(at, end->port);
    }
    if (domain) {
        json_commit(json, at);
        json_cstring(json, "domain", domain);
        if (!json_room(json, END_POINT_SIZE, &at)) {
            return;
        }
    }
    at = put_mac(at, end->mac);
    at = JSON_PUT(at, ",\"packets\":");
    at = json_digits(at, end->packets);
    at = JSON_PUT(at, ",\"bytes\":");
    at = json_digits(at, end->bytes);
    *at++ = '}';
    json_commit(json, at);
}

/* RFC 7042 form, as ECS asks for; nothing for a link without addresses. */
static char *
put_mac(char *at, const uint8_t mac[6])
{
    static const char digits[] = "0123456789ABCDEF";
    static const uint8_t none[6];

    if (memcmp(mac, none, sizeof none) == 0) {
        return at;
    }
    at = JSON_PUT(at, ",\"mac\":\"");
    for (unsigned i = 0; i < 6; i++) {
        *at++ = digits[mac[i] >> 4];
        *at++ = digits[mac[i] & 0xf];
        *at++ = '-';
    }
    at[-1] = '"';
    return at;
}

static void
write_network(struct event_encoder *encoder, const struct event_flow *flow)
{
    struct json *json = &encoder->json;

    write_transport(json, flow->record);
    write_protocol_names(encoder, flow);
    write_traffic(json, flow);
    write_outer_vlans(json, flow->record);
    json_close(json, '}');
}

static void
write_transport(struct json *json, const struct flow_record *record)
{
    const char *transport = packet_protocol_name(record->protocol);
    size_t size = transport ? strlen(transport) : 0;
    char *at;

    if (!json_room(json, TRANSPORT_SIZE + size, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"network\":{\"type\":\"ipv");
    *at++ = record->ip_version == 6 ? '6' : '4';
    *at++ = '"';
    if (transport) {
        at = JSON_PUT(at, ",\"transport\":");
        at = json_put_plain(at, transport, size);
    }
    at = JSON_PUT(at, ",\"iana_number\":\"");
    at = json_digits(at, record->protocol);
    *at++ = '"';
    json_commit(json, at);
}

/* Only what was recognised, never a guess. */
static void
write_protocol_names(struct event_encoder *encoder,
                     const struct event_flow *flow)
{
    const struct application *app = flow->application;

    if (app) {
        event_write_name(encoder, flow, EVENT_PHRASE_PROTOCOL,
                         app->master ? app->master : app->name);
        event_write_name(encoder, flow, EVENT_PHRASE_APPLICATION, app->name);
    }
}

static void
write_traffic(struct json *json, const struct event_flow *flow)
{
    const struct flow_end_point *src = &flow->record->source;
    const struct flow_end_point *dst = &flow->record->destination;
    char *at;

    if (!json_room(json, TRAFFIC_SIZE, &at)) {
        return;
    }
    at = JSON_PUT(at, ",\"community_id\":\"");
    flow_community_id(flow->record, at);
    at += COMMUNITY_ID_SIZE - 1;
    at = JSON_PUT(at, "\",\"direction\":");
    at = json_put_word(at, event_direction(flow->policy, flow->src_segment,
                                           flow->dst_segment));
    at = JSON_PUT(at, ",\"bytes\":");
    at = json_digits(at, src->bytes + dst->bytes);
    at = JSON_PUT(at, ",\"packets\":");
    at = json_digits(at, src->packets + dst->packets);
    json_commit(json, at);
}

/* ECS has the outermost tag and the next one. */
static void
write_outer_vlans(struct json *json, const struct flow_record *record)
{
    if (record->n_vlans > 0) {
        json_open(json, "vlan", '{');
        json_u64_keyword(json, "id", record->vlan[0]);
        json_close(json, '}');
    }
    if (record->n_vlans > 1) {
        json_open(json, "inner", '{');
        json_open(json, "vlan", '{');
        json_u64_keyword(json, "id", record->vlan[1]);
        json_close(json, '}');
        json_close(json, '}');
    }
}

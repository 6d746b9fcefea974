/* Counting frames; see traffic.h. */

#include "tools/doctor/traffic.h"

#include "capture/error.h"
#include "capture/frame.h"
#include "capture/link_state.h"
#include "dissect/dissect.h"
#include "flows/flow_table.h"
#include "tools/doctor/checksum.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAC_BYTES = 6,
    TYPE_AT = 12, /* Of an Ethernet header. */
    TAG_BYTES = 4,
    ETHERNET_BYTES = 14,
    MAX_TAGS = 8,
    /* Less may be the end of a conversation, or its begin. */
    FEWEST_ONE_SIDED = 2
};

/* What the link's header says. */
struct header {
    bool is_ethernet, is_own, is_group;
    bool is_long; /* More than the MTU allows. */
    uint16_t type;
    uint16_t vlan;
    unsigned n_tags;
};

struct traffic {
    struct flow_table *flows;
    struct traffic_counts counts[TRAFFIC_MAX_INTERFACES];
};

static struct header read_header(const struct frame *,
                                 const struct link_state *);
static bool is_tag(uint16_t type);
static uint16_t word_at(const struct frame *, size_t at);
static void count_header(struct traffic_counts *, const struct frame *,
                         const struct link_state *, struct header *);
static void count_type(struct traffic_counts *, uint16_t type);
static void count_packet(struct traffic_counts *, const struct frame *,
                         const struct header *, const struct packet *);
static void pass(struct traffic *, const struct packet *);
static void note_flow(void *context, const struct flow_record *, void *user);

struct traffic *
traffic_new(struct error *error)
{
    struct traffic *traffic = calloc(1, sizeof *traffic);
    struct flow_table_options options = {
        .max_flows = TRAFFIC_MAX_FLOWS,
        .duplicates = FLOW_DUPLICATES_DROP,
        .timeouts = flow_default_timeouts,
        .record = note_flow,
        .context = traffic,
    };

    if (!traffic) {
        error_set(error, ERROR_MEMORY, NULL, "no memory");
        return NULL;
    }
    for (size_t i = 0; i < TRAFFIC_MAX_INTERFACES; i++) {
        traffic->counts[i].least_lag_ns = INT64_MAX;
    }
    options.timeouts.active_ns = 0;
    traffic->flows = flow_table_new(&options, error);
    if (!traffic->flows) {
        free(traffic);
        return NULL;
    }
    return traffic;
}

void
traffic_free(struct traffic *traffic)
{
    if (traffic) {
        flow_table_free(traffic->flows);
        free(traffic);
    }
}

struct traffic_counts *
traffic_of(struct traffic *traffic, size_t interface)
{
    return &traffic->counts[interface];
}

void
traffic_frame(struct traffic *traffic, const struct frame *frame,
              const struct link_state *link, struct wall_time now)
{
    struct traffic_counts *counts = traffic_of(traffic, frame->interface);
    struct header header = read_header(frame, link);
    int64_t lag_ns = wall_time_since(now, frame->time);
    enum dissect_result outcome;
    struct packet packet;

    counts->frames++;
    counts->bytes += frame->wire_size;
    counts->snapped += frame->captured < frame->wire_size;
    if (lag_ns < counts->least_lag_ns) {
        counts->least_lag_ns = lag_ns;
    }
    count_header(counts, frame, link, &header);
    outcome = dissect_frame(frame, &dissect_default_options, &packet);
    counts->outcomes[outcome]++;
    if (outcome == DISSECT_OK) {
        count_packet(counts, frame, &header, &packet);
        pass(traffic, &packet);
    } else if (outcome == DISSECT_NOT_IP && header.is_ethernet) {
        count_type(counts, header.type);
    }
}

void
traffic_end(struct traffic *traffic)
{
    flow_table_flush(traffic->flows, FLOW_END_SHUTDOWN);
}

static struct header
read_header(const struct frame *frame, const struct link_state *link)
{
    const uint8_t *to = frame->data, *from = frame->data + MAC_BYTES;
    struct header header = {.is_ethernet = false};
    size_t at = TYPE_AT;

    if (frame->link != FRAME_LINK_ETHERNET ||
        frame->captured < ETHERNET_BYTES) {
        return header;
    }
    header.is_ethernet = true;
    header.is_own =
        link->has_address && (memcmp(to, link->address, MAC_BYTES) == 0 ||
                              memcmp(from, link->address, MAC_BYTES) == 0);
    header.is_group = to[0] & 1; /* IEEE 802: sent first on the wire. */
    header.type = word_at(frame, at);
    while (is_tag(header.type) && header.n_tags < MAX_TAGS &&
           frame->captured >= at + TAG_BYTES + 2) {
        if (header.n_tags == 0) {
            header.vlan = word_at(frame, at + 2) & (TRAFFIC_N_VLANS - 1);
        }
        header.n_tags++;
        at += TAG_BYTES;
        header.type = word_at(frame, at);
    }
    return header;
}

/* IEEE 802.1Q, 802.1ad, and what came before that. */
static bool
is_tag(uint16_t type)
{
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

static uint16_t
word_at(const struct frame *frame, size_t at)
{
    return (uint16_t)(frame->data[at] << 8 | frame->data[at + 1]);
}

static void
count_header(struct traffic_counts *counts, const struct frame *frame,
             const struct link_state *link, struct header *header)
{
    uint32_t room = link->mtu + ETHERNET_BYTES + header->n_tags * TAG_BYTES;

    if (frame->wire_size > counts->longest) {
        counts->longest = frame->wire_size;
    }
    if (!header->is_ethernet) {
        return;
    }
    counts->own += header->is_own;
    counts->group += header->is_group && !header->is_own;
    counts->tagged += header->n_tags > 0;
    counts->twice_tagged += header->n_tags > 1;
    if (header->n_tags > 0) {
        counts->vlans[header->vlan] = true;
    }
    header->is_long = link->mtu && frame->wire_size > room;
    if (header->is_long) {
        counts->over_mtu += !header->is_own;
        counts->own_over_mtu += header->is_own;
    }
}

static void
count_type(struct traffic_counts *counts, uint16_t type)
{
    if (type <= TRAFFIC_MAX_CONTROL) {
        type = 0;
    }
    for (size_t i = 0; i < TRAFFIC_MAX_TYPES; i++) {
        struct traffic_type *one = &counts->types[i];

        if (one->frames == 0 || one->type == type) {
            one->type = type;
            one->frames++;
            return;
        }
    }
    counts->other_types++;
}

/* What this machine sends, or merges, leaves the checksum to the device. */
static void
count_packet(struct traffic_counts *counts, const struct frame *frame,
             const struct header *header, const struct packet *packet)
{
    bool is_whole = frame->captured == frame->wire_size;
    bool is_cut = packet->flags & PACKET_TRUNCATED;

    counts->packets++;
    counts->cut += is_whole && is_cut;
    counts->fragments += (packet->flags & PACKET_FRAGMENT) != 0;
    counts->tunnels[packet->tunnel]++;
    counts->segments += packet->protocol == PROTOCOL_TCP;
    if (is_whole && !is_cut && !header->is_own && !header->is_long &&
        counts->sums < TRAFFIC_MAX_SUMS) {
        enum checksum_state state = checksum_check(frame, packet);

        counts->sums += state != CHECKSUM_NONE;
        counts->wrong_sums += state == CHECKSUM_WRONG;
    }
}

static void
pass(struct traffic *traffic, const struct packet *packet)
{
    struct flow_update update = flow_table_update(traffic->flows, packet, 0);

    if (update.kind == FLOW_UPDATE_DUPLICATE) {
        traffic_of(traffic, packet->interface)->copies++;
    }
    flow_table_advance(traffic->flows, packet->time);
}

/* An end that acknowledges has heard the other; a SYN without an answer may be
 * to nobody. */
static void
note_flow(void *context, const struct flow_record *record, void *user)
{
    const struct flow_end_point *ends[2] = {&record->source,
                                            &record->destination};
    struct traffic_counts *counts = traffic_of(context, record->interface);
    uint64_t both = record->source.packets + record->destination.packets;
    uint8_t flags = record->source.tcp_flags | record->destination.tcp_flags;

    (void)user;
    if (record->kind != FLOW_RECORD_END || record->protocol != PROTOCOL_TCP) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        counts->out_of_order += ends[i]->out_of_order;
        counts->missed_bytes += ends[i]->missed_bytes;
        counts->content_bytes += ends[i]->payload_bytes + ends[i]->missed_bytes;
    }
    if (record->source.packets && record->destination.packets) {
        counts->two_sided++;
    } else if (both >= FEWEST_ONE_SIDED && (flags & TCP_ACK)) {
        counts->one_sided++;
    }
}

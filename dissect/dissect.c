/* The driver: from one layer to the next, through one table, a bounded number
 * of times.  The commonest frames take a shorter way to the same result
 * (fast.c).
 *
 * Sizes come from headers, not from the capture.  An IP length larger than the
 * frame is believed (the sender sent, or meant, that much) and marked
 * PACKET_TRUNCATED; an IP length of zero (segmentation offload, jumbograms) is
 * taken from the frame and marked PACKET_LENGTH_GUESSED. */

#include "dissect/dissect.h"

#include "dissect/walk.h"

enum {
    /* Headers are read only this far into a frame, so that every offset fits
     * struct packet; payload beyond is still counted. */
    MAX_HEADER_OFFSET = UINT16_MAX
};

const struct dissect_options dissect_default_options = {
    .tunnels = ~(UINT32_C(1) << PACKET_TUNNEL_TEREDO),
};

typedef enum step decoder(struct walk *);

static decoder *const decoders[] = {
#define DECODER_OF(NAME, decoder) [STEP_##NAME] = (decoder),
    WALK_LAYERS(DECODER_OF)
#undef DECODER_OF
};

static enum dissect_result finish(struct walk *, enum step);

enum dissect_result
dissect_frame(const struct frame *frame, const struct dissect_options *options,
              struct packet *packet)
{
    return fast_frame(frame, packet) ? DISSECT_OK
                                     : walk_frame(frame, options, packet);
}

enum dissect_result
walk_frame(const struct frame *frame, const struct dissect_options *options,
           struct packet *packet)
{
    uint32_t readable = frame->captured < MAX_HEADER_OFFSET ? frame->captured
                                                            : MAX_HEADER_OFFSET;
    struct packet spare;
    struct walk w = {
        .at = {frame->data, frame->data + readable},
        .start = frame->data,
        .captured_end = frame->captured,
        .wire_end = frame->wire_size,
        .layers_left = DISSECT_MAX_LAYERS,
        .is_cut = frame->captured < frame->wire_size,
        .frame = frame,
        .options = options,
        .packet = packet,
        .next = packet,
        .spare = &spare,
    };
    enum step step = link_type(frame->link);
    enum dissect_result result;

    walk_start_packet(frame, packet);
    while (step < STEP_END) {
        if (w.layers_left == 0) {
            step = STEP_TOO_DEEP;
            break;
        }
        w.layers_left--;
        step = decoders[step](&w);
    }
    result = finish(&w, step);
    if (w.packet != packet) {
        *packet = *w.packet;
    }
    return result;
}

void
walk_enter(struct walk *w)
{
    const struct packet *outer = w->packet;
    struct packet *inner = w->next;

    if (inner == outer) {
        inner = w->spare;
        w->spare = w->packet;
    }
    walk_start_packet(w->frame, inner);
    inner->flags = outer->flags & (PACKET_HAS_MAC | PACKET_LINK_BROADCAST);
    inner->depth = (uint8_t)(outer->depth + 1);
    inner->outer_src = outer->src;
    inner->outer_dst = outer->dst;
    inner->n_vlans = outer->n_vlans;
    memcpy(inner->vlan, outer->vlan, sizeof inner->vlan);
    memcpy(inner->src_mac, outer->src_mac, sizeof inner->src_mac);
    memcpy(inner->dst_mac, outer->dst_mac, sizeof inner->dst_mac);
    w->next = inner;
}

static enum dissect_result
finish(struct walk *w, enum step step)
{
    if (!w->has_packet) {
        return (enum dissect_result)(step - STEP_END);
    }
    if (step == STEP_TOO_DEEP) {
        w->packet->flags |= PACKET_TOO_DEEP;
        if (w->next == w->packet) { /* Its own headers, not a tunnel's. */
            w->packet->flags |= PACKET_NO_TRANSPORT;
            walk_set_payload(w, w->packet->transport_at);
        }
    }
    return DISSECT_OK;
}

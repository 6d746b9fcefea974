/* The driver: from one layer to the next, through one table, a bounded number
 * of times.
 *
 * Sizes come from headers, not from the capture.  An IP length larger than the
 * frame is believed (the sender sent, or meant, that much) and marked
 * PACKET_TRUNCATED; an IP length of zero (segmentation offload, jumbograms) is
 * taken from the frame and marked PACKET_LENGTH_GUESSED. */

#include "dissect/dissect.h"

#include "capture/source.h"
#include "dissect/walk.h"

enum {
    /* Headers are read only this far into a frame, so that every offset fits
     * struct packet; payload beyond is still counted. */
    MAX_HEADER_OFFSET = UINT16_MAX,

    /* A frame that claims to have been larger on the wire was not; so a
     * guessed length has a ceiling. */
    MAX_WIRE_BYTES = SOURCE_MAX_FRAME_BYTES
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

static uint32_t wire_bytes(const struct frame *);
static enum dissect_result finish(struct walk *, enum step);

enum dissect_result
dissect_frame(const struct frame *frame, const struct dissect_options *options,
              struct packet *packet)
{
    uint32_t readable = frame->captured < MAX_HEADER_OFFSET ? frame->captured
                                                            : MAX_HEADER_OFFSET;
    struct walk w = {
        .at = {frame->data, frame->data + readable},
        .start = frame->data,
        .captured_end = frame->captured,
        .wire_end = wire_bytes(frame),
        .layers_left = DISSECT_MAX_LAYERS,
        .is_cut = frame->captured < frame->wire_size,
        .frame = frame,
        .options = options,
        .packet = packet,
    };
    enum step step = link_type(frame->link);

    while (step < STEP_END) {
        if (w.layers_left == 0) {
            step = STEP_TOO_DEEP;
            break;
        }
        w.layers_left--;
        step = decoders[step](&w);
    }
    return finish(&w, step);
}

static uint32_t
wire_bytes(const struct frame *frame)
{
    uint32_t bytes =
        frame->wire_size < MAX_WIRE_BYTES ? frame->wire_size : MAX_WIRE_BYTES;

    return bytes > frame->captured ? bytes : frame->captured;
}

static enum dissect_result
finish(struct walk *w, enum step step)
{
    if (!w->has_packet) {
        walk_begin_packet(w);
        return (enum dissect_result)(step - STEP_END);
    }
    if (step == STEP_TOO_DEEP) {
        w->packet->flags |= PACKET_TOO_DEEP;
    }
    return DISSECT_OK;
}

void
walk_begin_packet(struct walk *w)
{
    struct packet *p = w->packet;
    struct addr outer_src = {{0}};
    struct addr outer_dst = {{0}};
    uint8_t depth = 0;

    if (w->has_packet) {
        outer_src = p->src;
        outer_dst = p->dst;
        depth = (uint8_t)(p->depth + 1);
    }
    *p = (struct packet){
        .time = w->frame->time,
        .number = w->frame->number,
        .file = w->frame->file,
        .interface = w->frame->interface,
        .flags = w->around.flags,
        .n_vlans = w->around.n_vlans,
        .depth = depth,
        .tunnel = w->around.tunnel,
        .tunnel_id = w->around.tunnel_id,
        .outer_src = outer_src,
        .outer_dst = outer_dst,
    };
    memcpy(p->vlan, w->around.vlan, sizeof p->vlan);
    memcpy(p->src_mac, w->around.src_mac, sizeof p->src_mac);
    memcpy(p->dst_mac, w->around.dst_mac, sizeof p->dst_mac);
}

void
walk_set_payload(struct walk *w, uint32_t at)
{
    struct packet *p = w->packet;
    uint32_t ip_end = p->ip_at + p->ip_bytes;

    p->payload_bytes = at < ip_end ? ip_end - at : 0;
    if (at < w->captured_end && at <= MAX_HEADER_OFFSET) {
        p->payload_at = (uint16_t)at;
        p->payload_captured = w->captured_end - at;
    } else {
        p->payload_at = (uint16_t)walk_offset(w);
        p->payload_captured = 0;
    }
}

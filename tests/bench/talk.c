#include "tests/support/choices.h"

#include "tests/bench/talk.h"

#include "dissect/packet.h"
#include "tests/bench/dialogue.h"

enum {
    CLIENT,
    SERVER,
    RETRY_NS = 1000000000,
    THOUGHT_MS = 500, /* At most, before a client goes on. */
    NOISE_SIZE = 65536
};

static enum talk_stage after(struct talk *);
static void say(struct talk *, struct wire *, struct choices *);
static void send(struct talk *, struct wire *, unsigned from,
                 const uint8_t *payload, size_t size, uint8_t flags);
static bool is_spoken(const struct talk *);
static uint32_t pause_before(const struct talk *, unsigned from,
                             struct choices *);
static const uint8_t *noise(uint32_t n);

/* The stages of TCP that are one packet without payload. */
static const struct {
    uint8_t from, flags;
} steps[] = {
    [TALK_SYN] = {CLIENT, TCP_SYN},
    [TALK_RESET] = {SERVER, TCP_RST | TCP_ACK},
    [TALK_SYN_ACK] = {SERVER, TCP_SYN | TCP_ACK},
    [TALK_ACK] = {CLIENT, TCP_ACK},
    [TALK_FIN] = {CLIENT, TCP_FIN | TCP_ACK},
    [TALK_FIN_BACK] = {SERVER, TCP_FIN | TCP_ACK},
    [TALK_LAST_ACK] = {CLIENT, TCP_ACK},
};

void
talk_begin(struct talk *talk)
{
    bool has_handshake =
        talk->dialogue->protocol == PROTOCOL_TCP && talk->manner != TALK_JOINED;

    talk->stage = has_handshake ? TALK_SYN : TALK_LINES;
}

bool
talk_step(struct talk *talk, struct wire *wire, struct choices *choices)
{
    if (talk->stage == TALK_LINES) {
        say(talk, wire, choices);
    } else {
        send(talk, wire, steps[talk->stage].from, NULL, 0,
             steps[talk->stage].flags);
        talk->next_ns += talk->delay_ns;
        talk->stage = after(talk);
    }
    return talk->stage != TALK_OVER;
}

static enum talk_stage
after(struct talk *talk)
{
    if (talk->stage == TALK_SYN && talk->manner == TALK_REFUSED) {
        return TALK_RESET;
    }
    if (talk->stage == TALK_SYN && talk->manner == TALK_SILENT) {
        if (talk->has_tried) {
            return TALK_OVER;
        }
        talk->has_tried = true;
        talk->seq[CLIENT]--; /* The same again. */
        talk->next_ns += RETRY_NS;
        return TALK_SYN;
    }
    if (talk->stage == TALK_SYN) {
        return TALK_SYN_ACK;
    }
    return talk->stage == TALK_RESET ? TALK_OVER : talk->stage + 1;
}

/* The next line, the next bulk packet, or an acknowledgement that is due. */
static void
say(struct talk *talk, struct wire *wire, struct choices *choices)
{
    const struct dialogue *d = talk->dialogue;
    bool is_tcp = d->protocol == PROTOCOL_TCP;

    if (is_tcp && talk->unacknowledged >= 2) {
        send(talk, wire, !talk->last_from, NULL, 0, TCP_ACK);
        talk->next_ns += talk->bulk_gap_ns;
    } else if (talk->line < d->n_lines) {
        const struct line *line = &d->lines[talk->line++];

        send(talk, wire, line->is_answer, d->bytes + line->at, line->size,
             TCP_PSH | TCP_ACK);
        talk->next_ns += pause_before(talk, line->is_answer, choices);
    } else {
        send(talk, wire, SERVER, noise(talk->bulk), DIALOGUE_SEGMENT_BYTES,
             TCP_ACK);
        talk->bulk--;
        talk->next_ns += talk->bulk_gap_ns;
    }
    if (is_spoken(talk)) {
        talk->stage =
            is_tcp && talk->manner == TALK_ANSWERED ? TALK_FIN : TALK_OVER;
    }
}

static bool
is_spoken(const struct talk *talk)
{
    const struct dialogue *d = talk->dialogue;

    if (talk->manner == TALK_SILENT) {
        return talk->line == d->n_lines || d->lines[talk->line].is_answer;
    }
    return talk->line == d->n_lines && talk->bulk == 0 &&
           (talk->unacknowledged < 2 || d->protocol != PROTOCOL_TCP);
}

static void
send(struct talk *talk, struct wire *wire, unsigned from,
     const uint8_t *payload, size_t size, uint8_t flags)
{
    const struct wire_packet packet = {
        .time_ns = talk->next_ns,
        .from = &talk->end[from],
        .to = &talk->end[!from],
        .payload = payload,
        .size = size,
        .seq = talk->seq[from],
        .ack = talk->seq[!from],
        .ip_id = ++talk->ip_id[from],
        .vlan = talk->vlan,
        .protocol = talk->dialogue->protocol,
        .tcp_flags = flags,
    };

    talk->bytes[from] += wire_send(wire, &packet);
    talk->packets[from]++;
    talk->seq[from] += (uint32_t)size + !!(flags & (TCP_SYN | TCP_FIN));
    if (from != talk->last_from || size == 0) {
        talk->unacknowledged = 0;
    }
    if (size) {
        talk->unacknowledged++;
        talk->last_from = from;
    }
}

/* What comes after a packet from 'from': more from there at once, or an answer
 * after its way, or a client who thinks first. */
static uint32_t
pause_before(const struct talk *talk, unsigned from, struct choices *choices)
{
    const struct dialogue *d = talk->dialogue;

    if (talk->line == d->n_lines || d->lines[talk->line].is_answer == from) {
        return talk->bulk_gap_ns;
    }
    if (from == SERVER && chance(choices, 4)) {
        return talk->delay_ns + choose(choices, THOUGHT_MS) * 1000000;
    }
    return talk->delay_ns + choose(choices, 60000) * 10;
}

/* Bytes without pattern; others for every packet. */
static const uint8_t *
noise(uint32_t n)
{
    static uint8_t bytes[NOISE_SIZE + DIALOGUE_SEGMENT_BYTES];
    static bool is_filled;

    if (!is_filled) {
        struct choices choices = choices_from_seed(1);

        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)choose(&choices, 256);
        }
        is_filled = true;
    }
    return bytes + n * 251 % NOISE_SIZE;
}

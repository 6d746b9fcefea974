/* Only payload is kept, and TCP's only as far as it continues what is there:
 * retransmissions and gaps would become part of every conversation. */

#include "tests/bench/dialogue.h"

#include "capture/error.h"
#include "capture/source.h"
#include "dissect/dissect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 64
};

static void listen_to(const struct frame *, struct dialogue *, size_t n);
static bool is_between(struct dialogue *, const struct packet *,
                       bool is_answer);
static bool goes_on(struct dialogue *, const struct packet *, bool is_answer);
static void keep(struct dialogue *, const uint8_t *bytes, size_t size,
                 bool is_answer);
static bool is_at(const char *text, const struct addr *);
static void *grown(void *memory, size_t size);

bool
dialogues_load(const char *path, struct dialogue *dialogues, size_t n,
               struct error *error)
{
    struct source *source =
        source_open_file(path, &(struct source_options){.filter = NULL}, error);
    enum source_status status = source ? SOURCE_MORE : SOURCE_ERROR;
    struct frame frames[BATCH];
    size_t n_frames;

    while (status == SOURCE_MORE) {
        status = source_read(source, frames, BATCH, &n_frames, error);
        for (size_t i = 0; i < n_frames; i++) {
            listen_to(&frames[i], dialogues, n);
        }
    }
    source_close(source);
    for (size_t i = 0; i < n && status == SOURCE_END; i++) {
        if (dialogues[i].n_lines == 0) {
            return error_set(error, ERROR_VALUE, path, "nothing of '%s' in it",
                             dialogues[i].name);
        }
    }
    return status == SOURCE_END;
}

void
dialogues_done(struct dialogue *dialogues, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(dialogues[i].lines);
        free(dialogues[i].bytes);
    }
}

static void
listen_to(const struct frame *frame, struct dialogue *dialogues, size_t n)
{
    struct packet packet;

    if (dissect_frame(frame, &dissect_default_options, &packet) != DISSECT_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct dialogue *d = &dialogues[i];
        bool is_answer = is_between(d, &packet, true);

        if ((is_answer || is_between(d, &packet, false)) &&
            goes_on(d, &packet, is_answer)) {
            keep(d, frame->data + packet.payload_at, packet.payload_captured,
                 is_answer);
        }
    }
}

/* The first client that speaks is listened to, with the port it uses. */
static bool
is_between(struct dialogue *d, const struct packet *packet, bool is_answer)
{
    const struct addr *client = is_answer ? &packet->dst : &packet->src;
    const struct addr *server = is_answer ? &packet->src : &packet->dst;
    uint16_t client_port = is_answer ? packet->dst_port : packet->src_port;
    uint16_t server_port = is_answer ? packet->src_port : packet->dst_port;

    if (packet->protocol != d->protocol || server_port != d->port ||
        !is_at(d->client, client) || !is_at(d->server, server)) {
        return false;
    }
    if (d->client_port == 0 && !is_answer) {
        d->client_port = client_port;
    }
    return client_port == d->client_port;
}

static bool
goes_on(struct dialogue *d, const struct packet *packet, bool is_answer)
{
    uint32_t seq = packet->tcp_seq;

    if (d->protocol == PROTOCOL_UDP) {
        return packet->payload_captured != 0;
    }
    if (packet->tcp_flags & TCP_SYN) {
        d->next_seq[is_answer] = seq + 1;
        return false;
    }
    if (packet->payload_captured == 0 || d->next_seq[is_answer] != seq) {
        return false;
    }
    d->next_seq[is_answer] += packet->payload_captured;
    return true;
}

static void
keep(struct dialogue *d, const uint8_t *bytes, size_t size, bool is_answer)
{
    d->lines = grown(d->lines, DIALOGUE_MAX_LINES * sizeof *d->lines);
    d->bytes = grown(d->bytes, d->n_bytes + size);
    for (size_t part; size && d->n_lines < DIALOGUE_MAX_LINES; size -= part) {
        part = size;
        if (part > DIALOGUE_SEGMENT_BYTES) {
            part = DIALOGUE_SEGMENT_BYTES;
        }
        d->lines[d->n_lines++] =
            (struct line){(uint32_t)d->n_bytes, (uint16_t)part, is_answer};
        memcpy(d->bytes + d->n_bytes, bytes, part);
        d->n_bytes += part;
        bytes += part;
    }
}

static bool
is_at(const char *text, const struct addr *addr)
{
    struct addr wanted;

    return addr_parse(text, &wanted) && addr_equal(&wanted, addr);
}

static void *
grown(void *memory, size_t size)
{
    void *larger = realloc(memory, size);

    if (!larger) {
        perror("generate");
        exit(EXIT_FAILURE);
    }
    return larger;
}

/* What two hosts said to each other, taken from a capture: the payloads in
 * order, without addresses, times or TCP's own traffic.  The benchmark's
 * conversations speak these.
 *
 * Used by one thread; a dialogue is not changed once it is loaded. */

#ifndef TESTS_BENCH_DIALOGUE_H
#define TESTS_BENCH_DIALOGUE_H

#include "dissect/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    DIALOGUE_MAX_LINES = 200,     /* More are left out: the rest is bulk. */
    DIALOGUE_SEGMENT_BYTES = 1428 /* Of a line; longer ones are split.  Fits
                                   * 1500 bytes with IPv6, TCP and options. */
};

struct line {
    uint32_t at; /* In 'bytes'. */
    uint16_t size;
    bool is_answer; /* From the server. */
};

struct dialogue {
    const char *name, *client, *server; /* Whose it is in the capture. */
    uint16_t port;                      /* The server's. */
    uint8_t protocol;                   /* PROTOCOL_TCP or PROTOCOL_UDP. */
    /* Filled in by dialogues_load(). */
    uint16_t client_port; /* Of the one conversation that is kept. */
    uint32_t next_seq[2]; /* The client's, the server's. */
    struct line *lines;   /* Owned. */
    size_t n_lines;
    uint8_t *bytes; /* Owned. */
    size_t n_bytes;
};

/* Fills in all of them in one pass.  False if the capture cannot be read or has
 * nothing of one of them. */
bool dialogues_load(const char *path, struct dialogue *dialogues, size_t n,
                    struct error *error);
void dialogues_done(struct dialogue *dialogues, size_t n);

#endif

/* The inside of the ServerHello reader: what TCP and datagrams share.  For
 * tls_hello*.c only. */

#ifndef DISSECT_TLS_HELLO_BODY_H
#define DISSECT_TLS_HELLO_BODY_H

#include "dissect/tls_hello.h"

enum tls_record_type {
    TLS_RECORD_CHANGE_CIPHER = 20,
    TLS_RECORD_ALERT = 21,
    TLS_RECORD_HANDSHAKE = 22,
    TLS_RECORD_DATA = 23
};

enum tls_message_type {
    TLS_HELLO_REQUEST = 0,
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2
};

enum {
    TLS_ALERT_FATAL = 2
};

static inline uint16_t
tls_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
tls_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Moves bytes from '*c' to 'to' until 'want' are there; returns whether they
 * are, and then begins anew. */
static inline bool
tls_gather(struct cursor *c, uint8_t *to, uint8_t *n, uint8_t want)
{
    while (*n < want) {
        if (!cursor_u8(c, &to[*n])) {
            return false;
        }
        ++*n;
    }
    *n = 0;
    return true;
}

/* Gets ready for a ServerHello of 'size' bytes; returns whether that can be. */
bool tls_hello_body_begin(struct tls_hello_stream *, uint32_t size);

/* Takes in its next bytes, of which there are not more than are left. */
void tls_hello_body_take(struct tls_hello *, struct tls_hello_stream *,
                         struct bytes part);

/* Gives up on what was being read in this direction. */
void tls_hello_body_lose(struct tls_hello_stream *);

#endif

/* A ServerHello may be cut anywhere: into TCP segments, into records, into DTLS
 * fragments.  Putting it together again would need a buffer for every
 * conversation, sized by whoever sends it.  Instead there are three small
 * machines, one inside the other, each of which can stop after any byte:
 * records hold handshake messages, these hold the ServerHello's fields.  What
 * is of no interest (random, keys, certificates) is counted, not kept.
 *
 *    record (5 bytes)             type, version, length
 *      handshake message (4)      type, length
 *        ServerHello              legacy_version, random[32],
 *                                 session_id<0..32>, cipher_suite, compression,
 *                                 extensions { type, length, data }
 *
 * A HelloRetryRequest is a ServerHello too (RFC 8446 section 4.1.4), and names
 * TLS 1.3 in the same extension. */

#include "dissect/tls_hello.h"

#include "dissect/tls_hello_body.h"

#include <string.h>

enum {
    MAX_RECORD = 16384 + 2048 /* RFC 5246 section 6.2.3. */
};

static bool seek_start(struct tls_hello *hello, struct tls_hello_stream *s,
                       struct bytes payload);
static void take_records(struct tls_hello *hello, struct tls_hello_stream *s,
                         struct bytes payload);

void
tls_hello_init(struct tls_hello *hello)
{
    memset(hello, 0, sizeof *hello);
}

void
tls_hello_segment(struct tls_hello *hello, bool from_initiator,
                  uint32_t sequence, struct bytes payload, uint32_t missing)
{
    struct tls_hello_stream *s = &hello->stream[from_initiator ? 1 : 0];
    uint32_t end = sequence + (uint32_t)payload.size;

    if (hello->over || s->over || payload.size == 0) {
        return;
    }
    if (s->in_record) {
        int32_t known = (int32_t)(s->next_sequence - sequence);

        if (known >= 0 && (uint32_t)known >= payload.size) {
            return; /* Seen before. */
        }
        if (known >= 0) {
            payload.data += known;
            payload.size -= (size_t)known;
        } else {
            tls_hello_body_lose(s); /* A gap. */
        }
    }
    if (!s->in_record && !seek_start(hello, s, payload)) {
        return;
    }
    take_records(hello, s, payload);
    s->next_sequence = end;
    if (missing > 0 && s->in_record) {
        tls_hello_body_lose(s);
    }
    /* With the client's direction over, only the server's counts. */
    hello->over |= s->over && !s->client_hello;
}

bool
tls_hello_is_awaited(const struct tls_hello *hello)
{
    return !hello->over &&
           (hello->stream[0].client_hello || hello->stream[1].client_hello);
}

bool
tls_hello_is_offered(const struct tls_hello *hello)
{
    return hello->version != 0 || hello->stream[0].client_hello ||
           hello->stream[1].client_hello;
}

bool
tls_hello_is_quic(const struct tls_hello *hello)
{
    return hello->stream[0].long_header || hello->stream[1].long_header;
}

bool
tls_version_is_obsolete(uint16_t version)
{
    return (version >= TLS_VERSION_SSL2 && version < TLS_VERSION_1_2) ||
           version == DTLS_VERSION_1_0;
}

static bool
is_tls_record(uint8_t type, const uint8_t header[5])
{
    uint16_t size = tls_be16(header + 3);

    return header[0] == type && header[1] == 3 && header[2] <= 4 && size > 0 &&
           size <= MAX_RECORD;
}

/* Whether 'payload' can be the first bytes, however few, of a handshake record
 * with a hello in it. */
static bool
begins_hello(struct bytes payload)
{
    const uint8_t *p = payload.data;

    if (payload.size >= 8 && is_tls_record(TLS_RECORD_ALERT, p) &&
        p[5] != TLS_ALERT_FATAL) {
        return true; /* A warning, with more behind it. */
    }
    return p[0] == TLS_RECORD_HANDSHAKE && (payload.size < 2 || p[1] == 3) &&
           (payload.size < 3 || p[2] <= 4) &&
           (payload.size < 5 || is_tls_record(p[0], p)) &&
           (payload.size < 6 || p[5] <= TLS_SERVER_HELLO);
}

/* SSL 2.0 (draft-hickman-netscape-ssl-00): a two-byte length with the high bit
 * set, then the message, whose variable parts are announced by three lengths:
 *
 *   CLIENT-HELLO  1, version, ciphers, session id, challenge
 *   SERVER-HELLO  4, hit, certificate type, version, certificate, ciphers, id
 *
 * A cipher takes three bytes. */
static bool
is_ssl2_hello(struct bytes payload, bool server)
{
    const uint8_t *p = payload.data;
    size_t lengths_at = server ? 7 : 5;
    size_t ciphers_at = server ? 9 : 5;
    size_t size = lengths_at + 6 - 2;

    if (payload.size < lengths_at + 6 || (p[0] & 0x80) == 0 ||
        p[2] != (server ? 4 : 1) || tls_be16(p + ciphers_at) % 3 != 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        size += tls_be16(p + lengths_at + 2 * i);
    }
    if (size != (tls_be16(p) & 0x7fff)) {
        return false;
    }
    return server
               ? p[3] <= 1 && p[4] <= 1 && tls_be16(p + 5) == TLS_VERSION_SSL2
               : tls_be16(p + 3) == TLS_VERSION_SSL2 || p[3] == 3;
}

/* Looks for the beginning of a TLS handshake at the beginning of a segment:
 * where it is in every conversation, and after every STARTTLS. */
static bool
seek_start(struct tls_hello *hello, struct tls_hello_stream *s,
           struct bytes payload)
{
    if (begins_hello(payload)) {
        s->in_record = true;
        s->record_left = 0;
        s->message_left = 0;
        s->n_header = 0;
        s->n_start = 0;
        return true;
    }
    if (payload.size >= 6 && is_tls_record(TLS_RECORD_ALERT, payload.data)) {
        hello->over |=
            payload.data[5] == TLS_ALERT_FATAL && tls_hello_is_offered(hello);
    } else if (payload.size >= 5 &&
               is_tls_record(TLS_RECORD_DATA, payload.data)) {
        s->n_data++;
        hello->over |= s->n_data >= TLS_HELLO_MAX_DATA;
    } else if (is_ssl2_hello(payload, true)) {
        hello->version = TLS_VERSION_SSL2;
        hello->over = true;
    } else if (is_ssl2_hello(payload, false)) {
        s->client_hello = true;
        s->over = true;
    }
    return false;
}

/* Acts on the record header in 's'.  After a change of cipher, or with data,
 * the time for a hello is over. */
static void
begin_record(struct tls_hello_stream *s)
{
    s->record_type = s->header[0];
    s->record_left = tls_be16(s->header + 3);
    if (s->record_type == TLS_RECORD_CHANGE_CIPHER ||
        s->record_type == TLS_RECORD_DATA) {
        s->over = true;
    } else if ((s->record_type != TLS_RECORD_HANDSHAKE &&
                s->record_type != TLS_RECORD_ALERT) ||
               !is_tls_record(s->record_type, s->header)) {
        tls_hello_body_lose(s);
    }
}

/* Acts on the message header in 's'. */
static void
begin_message(struct tls_hello_stream *s)
{
    uint32_t size = tls_be24(s->start + 1);

    if (s->start[0] == TLS_CLIENT_HELLO) {
        s->client_hello = true;
        s->over = true;
    } else if (s->start[0] == TLS_SERVER_HELLO) {
        if (!tls_hello_body_begin(s, size)) {
            tls_hello_body_lose(s);
        }
    } else if (s->start[0] != TLS_HELLO_REQUEST || size != 0) {
        tls_hello_body_lose(s);
    }
}

/* Whether this direction can still tell something from the bytes at hand. */
static bool
goes_on(const struct tls_hello *hello, const struct tls_hello_stream *s,
        const struct cursor *c)
{
    return cursor_left(c) > 0 && s->in_record && !s->over && !hello->over;
}

/* Borrows as many of the next bytes as there are, but at most 'max'. */
static struct bytes
take_up_to(struct cursor *c, size_t max)
{
    struct bytes part = {c->at, cursor_left(c) < max ? cursor_left(c) : max};

    c->at += part.size;
    return part;
}

static void
take_messages(struct tls_hello *hello, struct tls_hello_stream *s,
              struct bytes record)
{
    struct cursor c = cursor_over(record);

    while (goes_on(hello, s, &c)) {
        if (s->message_left > 0) {
            struct bytes part = take_up_to(&c, s->message_left);

            tls_hello_body_take(hello, s, part);
        } else if (tls_gather(&c, s->start, &s->n_start, sizeof s->start)) {
            begin_message(s);
        }
    }
}

/* Takes in the next bytes of the record in 's'. */
static void
take_record(struct tls_hello *hello, struct tls_hello_stream *s,
            struct bytes part)
{
    bool first = s->record_left == tls_be16(s->header + 3);

    s->record_left = (uint16_t)(s->record_left - part.size);
    if (s->record_type == TLS_RECORD_HANDSHAKE) {
        take_messages(hello, s, part);
    } else if (first && part.data[0] == TLS_ALERT_FATAL) {
        hello->over = true;
    }
}

static void
take_records(struct tls_hello *hello, struct tls_hello_stream *s,
             struct bytes payload)
{
    struct cursor c = cursor_over(payload);

    while (goes_on(hello, s, &c)) {
        if (s->record_left > 0) {
            take_record(hello, s, take_up_to(&c, s->record_left));
        } else if (tls_gather(&c, s->header, &s->n_header, sizeof s->header)) {
            begin_record(s);
        }
    }
}

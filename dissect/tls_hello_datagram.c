/* DTLS carries the ServerHello in fragments that name their place, QUIC keeps
 * it encrypted: there the version of the long header is enough, since QUIC has
 * TLS 1.3 inside (RFC 9001). */

#include "dissect/tls_hello_body.h"

enum {
    DTLS_RECORD_HEADER = 13,
    DTLS_MESSAGE_HEADER = 12,
    QUIC_MAX_CONNECTION_ID = 20
};

static bool is_quic_long_header(struct bytes payload);
static void take_dtls(struct tls_hello *hello, struct tls_hello_stream *s,
                      struct bytes payload);

void
tls_hello_datagram(struct tls_hello *hello, bool from_initiator,
                   struct bytes payload)
{
    struct tls_hello_stream *s = &hello->stream[from_initiator ? 1 : 0];

    if (hello->over) {
        return;
    }
    if (is_quic_long_header(payload)) {
        s->long_header = true;
        if (hello->stream[0].long_header && hello->stream[1].long_header) {
            hello->version = TLS_VERSION_1_3;
            hello->over = true;
        }
        return;
    }
    take_dtls(hello, s, payload);
}

struct dtls_fragment {
    uint8_t type;
    uint16_t sequence;
    uint32_t size, at; /* Of the whole message; of this part in it. */
    struct bytes part;
};

/* Takes in a ServerHello's fragment if it goes on where the last one ended. */
static void
take_fragment(struct tls_hello *hello, struct tls_hello_stream *s,
              const struct dtls_fragment *f)
{
    struct bytes part = f->part;

    if (f->at == 0) {
        if (!tls_hello_body_begin(s, f->size)) {
            return;
        }
        s->dtls_sequence = f->sequence;
        s->body_at = 0;
    }
    if (s->message_left == 0 || s->dtls_sequence != f->sequence ||
        f->at > s->body_at || f->at + part.size <= s->body_at ||
        part.size - (s->body_at - f->at) > s->message_left) {
        return;
    }
    part.data += s->body_at - f->at;
    part.size -= s->body_at - f->at;
    s->body_at = (uint16_t)(s->body_at + part.size);
    tls_hello_body_take(hello, s, part);
}

/* RFC 9147 section 5.2: type, length, message_seq, fragment_offset,
 * fragment_length. */
static bool
next_fragment(struct cursor *c, struct dtls_fragment *f)
{
    struct bytes head;

    if (!cursor_take(c, DTLS_MESSAGE_HEADER, &head)) {
        return false;
    }
    f->type = head.data[0];
    f->size = tls_be24(head.data + 1);
    f->sequence = tls_be16(head.data + 4);
    f->at = tls_be24(head.data + 6);
    return cursor_take(c, tls_be24(head.data + 9), &f->part);
}

static void
take_dtls_handshake(struct tls_hello *hello, struct tls_hello_stream *s,
                    struct bytes record)
{
    struct cursor c = cursor_over(record);
    struct dtls_fragment f;

    while (!hello->over && !s->over && next_fragment(&c, &f)) {
        if (f.type == TLS_CLIENT_HELLO) {
            s->client_hello = true;
        } else if (f.type == TLS_SERVER_HELLO) {
            take_fragment(hello, s, &f);
        }
    }
}

/* RFC 9147 section 4: type, version, epoch, sequence_number[6], length.  A
 * HelloVerifyRequest (type 3) decides nothing. */
static void
take_dtls(struct tls_hello *hello, struct tls_hello_stream *s,
          struct bytes payload)
{
    struct cursor c = cursor_over(payload);
    struct bytes head, record;

    while (!hello->over && cursor_take(&c, DTLS_RECORD_HEADER, &head)) {
        uint16_t version = tls_be16(head.data + 1);

        if ((version >> 8 != 0xfe && version != DTLS_VERSION_OLD) ||
            tls_be16(head.data + 3) != 0 ||
            !cursor_take(&c, tls_be16(head.data + 11), &record)) {
            return; /* Not DTLS, encrypted, or cut short. */
        }
        if (head.data[0] == TLS_RECORD_HANDSHAKE) {
            take_dtls_handshake(hello, s, record);
        } else if (head.data[0] == TLS_RECORD_ALERT && record.size == 2 &&
                   record.data[0] == TLS_ALERT_FATAL) {
            hello->over = tls_hello_is_offered(hello);
        } else if (head.data[0] != TLS_RECORD_CHANGE_CIPHER) {
            return;
        }
    }
}

static bool
is_quic_version(uint32_t version)
{
    return version == 1 || version == 0x6b3343cf || /* RFC 9000, 9369. */
           (version > 0xff000000 && version < 0xff000100) || /* Drafts. */
           version >> 8 == 0x543035 || /* Google's T05x. */
           version >> 4 == 0xfaceb00;  /* Facebook's. */
}

static bool
is_quic_long_header(struct bytes payload)
{
    struct cursor c = cursor_over(payload);
    struct bytes head, id;
    uint8_t size;

    if (!cursor_take(&c, 5, &head) || (head.data[0] & 0xc0) != 0xc0 ||
        !is_quic_version((uint32_t)head.data[1] << 24 |
                         tls_be24(head.data + 2))) {
        return false;
    }
    for (int i = 0; i < 2; i++) { /* Destination's, source's. */
        if (!cursor_u8(&c, &size) || size > QUIC_MAX_CONNECTION_ID ||
            !cursor_take(&c, size, &id)) {
            return false;
        }
    }
    return true;
}

/* The TLS version a server chose, read from its ServerHello.
 *
 * nDPI 4.2 reports what the client offered.  A policy that demands a version
 * needs what was negotiated, so this reads the server's answer itself: SSL 2.0
 * to TLS 1.3 over TCP (RFC 8446 section 4.1.3), DTLS 1.0 to 1.3 (RFC 9147) and
 * the long headers of QUIC (RFC 9000 section 17.2), from the start of a
 * conversation or after an upgrade such as STARTTLS.
 *
 * Pure: no allocation, any thread.  A struct tls_hello is a value that stays
 * the same size whatever is fed to it: bytes are taken in one after the other
 * and not kept, so records may be split over segments and handshake messages
 * over records in any way.  Segments must come in order within a direction;
 * after a gap the reader waits for a segment that begins with a record.  A
 * ServerHello that is itself split and reordered is not seen. */

#ifndef DISSECT_TLS_HELLO_H
#define DISSECT_TLS_HELLO_H

#include "dissect/cursor.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TLS_HELLO_MAX_BODY = 16384, /* Bytes of a believable ServerHello. */
    TLS_HELLO_MAX_LOST = 8,     /* Starts that led nowhere, per direction. */
    TLS_HELLO_MAX_DATA = 2 /* Encrypted segments: the handshake was missed. */
};

/* Versions as they stand in tls_hello.version. */
enum tls_hello_version {
    TLS_VERSION_SSL2 = 0x0002,
    TLS_VERSION_SSL3 = 0x0300,
    TLS_VERSION_1_0 = 0x0301,
    TLS_VERSION_1_1 = 0x0302,
    TLS_VERSION_1_2 = 0x0303,
    TLS_VERSION_1_3 = 0x0304,
    DTLS_VERSION_OLD = 0x0100, /* OpenSSL's before RFC 4347; Cisco's VPN. */
    DTLS_VERSION_1_0 = 0xfeff,
    DTLS_VERSION_1_2 = 0xfefd,
    DTLS_VERSION_1_3 = 0xfefc
};

/* One direction of the conversation. */
struct tls_hello_stream {
    uint32_t next_sequence; /* TCP's, of the byte after the last taken in. */
    uint32_t message_left;  /* Of the handshake message, after its header. */
    uint16_t record_left;   /* Of the record, after its header. */
    uint16_t skip;          /* Of the ServerHello, before the next step. */
    uint16_t extensions_left;
    uint16_t version;       /* legacy_version. */
    uint16_t dtls_sequence; /* Of the handshake message being read. */
    uint16_t body_at;       /* Bytes of it taken in, DTLS only. */
    uint8_t record_type;
    uint8_t n_header, header[5]; /* Of a record, as far as it came. */
    uint8_t n_start, start[4];   /* Of a handshake message, likewise. */
    uint8_t step;                /* In the ServerHello. */
    uint8_t n_field, field[4];   /* Of the step, as far as it came. */
    uint8_t n_lost;              /* Starts that led nowhere. */
    uint8_t n_data; /* Segments that begin with application data. */
    bool in_record; /* In step with the records; else looking for one. */
    bool client_hello;
    bool long_header; /* QUIC's, of a version with TLS 1.3. */
    bool over;        /* Nothing more to learn in this direction. */
};

struct tls_hello {
    uint16_t version; /* As negotiated; 0 if not (yet) known. */
    bool over;        /* Decided: the version will not change. */
    struct tls_hello_stream stream[2]; /* [1] is from the initiator. */
};

void tls_hello_init(struct tls_hello *);

/* Takes in a TCP segment's payload, 'missing' bytes of which, at its end, were
 * not captured.  A no-op once 'over'. */
void tls_hello_segment(struct tls_hello *, bool from_initiator,
                       uint32_t sequence, struct bytes payload,
                       uint32_t missing);

/* Takes in a UDP datagram's payload: DTLS or QUIC. */
void tls_hello_datagram(struct tls_hello *, bool from_initiator,
                        struct bytes payload);

/* Whether somebody offered TLS and no answer has been seen. */
bool tls_hello_is_awaited(const struct tls_hello *);

/* Whether a TLS handshake has begun. */
bool tls_hello_is_offered(const struct tls_hello *);

/* Whether a packet with a QUIC long header was seen whose version has TLS 1.3
 * inside.  On its own that is too little to say so. */
bool tls_hello_is_quic(const struct tls_hello *);

/* Whether a negotiated version is older than TLS 1.2 or DTLS 1.2 (RFC 8996). */
bool tls_version_is_obsolete(uint16_t version);

#endif

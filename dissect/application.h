/* Which application a conversation carries: the only door to nDPI.
 *
 * An engine is one nDPI module and belongs to one thread; create engines one
 * after the other, before the threads start.  An inspection is what the engine
 * remembers of one conversation: allocated at its first payload byte (TCP, UDP)
 * or first packet (other protocols), fed until final, then reduced to a struct
 * application and freed.  nDPI reads hostile input; what it sees is bounded and
 * padded here (inspection.c says how).
 *
 * Memory: about 6 MiB an engine, nDPI's caches of peers among it, whose sizes
 * are fixed; and 'max_bytes' for inspections, about 1 KiB each and what nDPI
 * buffers for it (TLS handshakes; at most APPLICATION_MAX_BYTES and a packet).
 * When these are used up, the inspection that was shown nothing for longest has
 * to end: see inspection_give_up().
 *
 * nDPI 4.2 has a few printf() calls on error paths of its set-up and of bad
 * custom rules, none for packets: a program that writes records to standard
 * output should still hand them a stream of its own.
 *
 * nDPI's numbers differ between its versions: ids are for one run only, names
 * go into records. */

#ifndef DISSECT_APPLICATION_H
#define DISSECT_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct application_engine; /* Opaque. */
struct error;
struct frame;
struct inspection; /* Opaque. */
struct packet;

enum application_state {
    APPLICATION_NONE,    /* No payload was seen. */
    APPLICATION_PENDING, /* Payload seen, not decided yet. */
    APPLICATION_UNKNOWN, /* Decided: not recognised, or only guessed. */
    APPLICATION_KNOWN
};

/* How an application was recognised, weakest first.  Only the last two may
 * satisfy a policy condition. */
enum application_confidence {
    APPLICATION_BY_NOTHING,
    APPLICATION_BY_PORT,
    APPLICATION_BY_ADDRESS,
    APPLICATION_BY_CACHE, /* Seen before between these ends, by content. */
    APPLICATION_BY_CONTENT
};

enum {
    APPLICATION_MAX_TEXT = 255, /* Bytes kept of any text from the wire. */
    APPLICATION_MAX_PACKETS_TCP = 32, /* With payload. */
    APPLICATION_MAX_PACKETS_UDP = 24,
    APPLICATION_MAX_PACKETS_OTHER = 8,
    APPLICATION_MAX_BYTES = 131072,    /* Of IP packets, shown to nDPI. */
    APPLICATION_LEAST_BYTES = 1 << 20, /* Less is taken for this. */
    APPLICATION_DEFAULT_BYTES = 128 << 20
};

/* Text from the wire, any bytes, NUL-terminated, at most APPLICATION_MAX_TEXT
 * bytes; "" where absent.  Never passwords. */
struct application_details {
    char *host; /* SNI, HTTP host, DNS query name, ... */
    char *alpn; /* Offered, comma-separated. */
    char *ja3_client, *ja3_server,
        *ja4_client; /* Hex, where linked nDPI has it. */
    char *certificate_issuer, *certificate_subject;
    char *certificate_sha1; /* Hex. */
    char *user_agent, *http_url;
    int64_t certificate_not_before,
        certificate_not_after; /* Unix seconds; 0. */
    bool text_cut; /* Some text was longer than APPLICATION_MAX_TEXT. */
};

/* Results.  A value, but for 'details', which it owns. */
struct application {
    uint8_t state;            /* enum application_state. */
    uint8_t confidence;       /* enum application_confidence of master/name. */
    uint8_t guess_confidence; /* Of guess_*; by port or address at most. */
    bool encrypted;           /* TLS, DTLS, QUIC or SSH. */
    uint16_t master, name; /* Ids, 0 if none: "TLS.Google" is (TLS, Google). */
    uint16_t guess_master, guess_name; /* Never mixed with the above. */
    uint16_t category;
    uint16_t tls_version; /* As negotiated, from ServerHello: 0x0303 is 1.2;
                           * QUIC 0x0304; DTLS 1.2 0xfefd; 0 not seen. */
    uint64_t risks;       /* Bit n: application_risk_name(n).  The bit of
                           * tls_obsolete_version is also set when only our own
                           * reading of the ServerHello shows it. */
    struct application_details *details; /* NULL if there are none. */
};

struct application_options {
    /* Of inspections alive, nDPI's buffers for them included; 0 is
     * APPLICATION_DEFAULT_BYTES. */
    size_t max_bytes;
};

struct application_counters {
    uint64_t inspections, active, refused; /* Refused: memory was out. */
    uint64_t given_up;                     /* Ended for 'max_bytes'. */
    uint64_t details_lost;                 /* By who keeps results: no room. */
    uint64_t bytes, most_bytes;            /* Of inspections alive. */
    uint64_t packets;                      /* Shown to nDPI. */
    uint64_t skipped_fragments;            /* Fragments but the first. */
    uint64_t skipped_protocol; /* Another IP version or protocol than the
                                * first packet's, or no transport header. */
    uint64_t limited; /* Ended at APPLICATION_MAX_PACKETS_* or _BYTES, with
                       * an answer or without. */
};

/* 'options' may be NULL and is not kept.  Fails when memory is out, when the
 * headers we were built with are another nDPI's than the library's, and when
 * the work-around for nDPI 4.2's crashes would not take effect. */
struct application_engine *
application_engine_new(const struct application_options *, struct error *);
void application_engine_free(struct application_engine *); /* Accepts NULL. */
void application_engine_counters(const struct application_engine *,
                                 struct application_counters *);

/* Version of the linked library, such as "4.2.0". */
const char *application_library_version(void);

/* NULL when memory is out (counted).  'owner' is the caller's own, for
 * inspection_give_up(). */
struct inspection *inspection_new(struct application_engine *, void *owner);

/* The owner is there now. */
void inspection_set_owner(struct inspection *, void *owner);

/* To be asked after every packet: the owner of an inspection that has to be
 * finished now (counted), or NULL if there is room for what another packet may
 * bring.  Asked until NULL, 'max_bytes' is never passed. */
void *inspection_give_up(struct application_engine *);

/* Says, before the first packet, that the TCP handshake was seen: nDPI names
 * FTP data, Citrix and Lotus Notes only then.  Packets without payload need not
 * be shown for it. */
void inspection_saw_handshake(struct inspection *);

/* Shows one packet to nDPI and to our own TLS reader.  Returns true when the
 * inspection is final: nothing more can be learnt, or the limits are reached.
 * TLS is not final before the ServerHello.  Cheap no-op after that, and for
 * packets nDPI must not see (later fragments, another protocol than the first
 * packet's) or that say nothing (TCP and UDP without payload). */
bool inspection_packet(struct application_engine *, struct inspection *,
                       const struct packet *, const struct frame *,
                       bool from_initiator);

/* What is known so far; 'details' is NULL.  Cheap: callable per packet. */
void inspection_peek(const struct application_engine *,
                     const struct inspection *, struct application *result);

/* Gives up what is undecided, fills in '*result' (details owned by the caller)
 * and frees the inspection. */
void inspection_finish(struct application_engine *, struct inspection *,
                       struct application *result);

void application_done(struct application *); /* Frees the details. */

/* 'copy' owns details of its own; it has none if memory is out. */
void application_copy(const struct application *, struct application *copy);

/* Names.  Ids are dense from 0 ("Unknown"); the returned strings live as long
 * as the engine.  Risk names are nDPI's enumerators in lower case without
 * "NDPI_", such as "tls_selfsigned_certificate". */
size_t application_count(const struct application_engine *);
const char *application_name(const struct application_engine *, uint16_t id);
const char *application_category_name(const struct application_engine *,
                                      uint16_t category);
size_t application_category_count(const struct application_engine *);
size_t application_risk_count(void);
const char *application_risk_name(unsigned risk);
const char *application_confidence_name(enum application_confidence);

/* Case-insensitive; also knows the names other nDPI versions use (DCERPC is
 * DCE_RPC in 4.2).  Returns false if the linked library has no such name. */
bool application_find(const struct application_engine *, const char *name,
                      uint16_t *id);

#endif

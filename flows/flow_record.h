/* The self-contained summary of a conversation.
 *
 * 'source' is the initiator and 'destination' the responder, as in ECS and in
 * Zeek's originator/responder; how that was decided is in 'evidence'.  A plain
 * value: nothing in it is borrowed. */

#ifndef FLOWS_FLOW_RECORD_H
#define FLOWS_FLOW_RECORD_H

#include "capture/clock.h"
#include "dissect/addr.h"
#include "dissect/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum flow_record_kind {
    FLOW_RECORD_BEGIN, /* Made while the flow lives; totals so far. */
    FLOW_RECORD_UPDATE,
    FLOW_RECORD_END
};

/* X(NAME, "event.reason") */
#define FLOW_ENDS(X)                                                           \
    X(NONE, "")           /* Not an end. */                                    \
    X(IDLE, "idle")       /* No packet for its idle timeout. */                \
    X(ACTIVE, "active")   /* Interim record of a long flow. */                 \
    X(REVISED, "revised") /* Interim record: it is judged differently. */      \
    X(FIN, "fin")         /* TCP closed by both sides, then quiet. */          \
    X(RST, "rst")         /* TCP reset, then quiet. */                         \
    X(REUSED, "reused")   /* A new SYN reused the ports after the close. */    \
    X(EVICTED, "evicted") /* The table was full. */                            \
    X(EMERGENCY, "emergency") /* An attempt, given up soon: it was nearly. */  \
    X(END_OF_FILE, "eof")     /* The capture ended first. */                   \
    X(SHUTDOWN, "shutdown")   /* The program stopped. */

enum flow_end {
#define FLOW_END_ENUM(NAME, TEXT) FLOW_END_##NAME,
    FLOW_ENDS(FLOW_END_ENUM) FLOW_N_ENDS
#undef FLOW_END_ENUM
};

/* Who opened the conversation, strongest evidence first. */
#define FLOW_EVIDENCE(X)                                                       \
    X(SYN, "syn")                   /* The opener's SYN was seen. */           \
    X(SYN_ACK, "syn_ack")           /* The responder's answer was seen. */     \
    X(ICMP_TYPE, "icmp_type")       /* A request, or the answer to one. */     \
    X(SERVICE_PORT, "service_port") /* One port is a known service. */         \
    X(FIRST_SEEN, "first_seen")     /* Nothing better: who was seen first. */

enum flow_evidence {
#define FLOW_EVIDENCE_ENUM(NAME, TEXT) FLOW_EVIDENCE_##NAME,
    FLOW_EVIDENCE(FLOW_EVIDENCE_ENUM) FLOW_N_EVIDENCE
#undef FLOW_EVIDENCE_ENUM
};

/* What really happened, whatever a policy says (best first is not implied).
 * refused: RST or an ICMP unreachable came back.  established: handshake done,
 * or an answer for protocols without one, even if the question was not seen.
 * data: payload both ways, or payload after a handshake. */
#define FLOW_OUTCOMES(X)                                                       \
    X(ATTEMPT, "attempt")                                                      \
    X(REFUSED, "refused")                                                      \
    X(ESTABLISHED, "established")                                              \
    X(DATA, "data")

enum flow_outcome {
#define FLOW_OUTCOME_ENUM(NAME, TEXT) FLOW_OUTCOME_##NAME,
    FLOW_OUTCOMES(FLOW_OUTCOME_ENUM) FLOW_N_OUTCOMES
#undef FLOW_OUTCOME_ENUM
};

enum {
    /* Letters kept of Zeek's history; further ones set FLOW_HISTORY_CUT. */
    FLOW_HISTORY_SIZE = 32,
    /* An attempt has no more packets than this: a SYN and its retries, or a
     * few of both ends.  What sends on and on one way, such as syslog, is
     * none. */
    FLOW_ATTEMPT_PACKETS = 8
};

enum flow_flag {
    FLOW_MIDSTREAM = 1 << 0, /* TCP whose handshake was not seen. */
    FLOW_FRAGMENTS = 1 << 1, /* Some packets were fragments. */
    FLOW_TRUNCATED = 1 << 2, /* The capture cut some packets short. */
    FLOW_ONE_SIDED =
        1 << 3, /* TCP whose other end answered, and was not seen. */
    FLOW_HISTORY_CUT = 1 << 4,
    FLOW_TIME_STEPPED = 1 << 5, /* Packet time went backwards within it. */
    FLOW_NO_TRANSPORT = 1 << 6, /* Some packets had no transport header. */
    FLOW_ORPHAN_FRAGMENTS = 1 << 7,
    FLOW_FLIPPED = 1 << 8, /* Initiator corrected after the first packet. */
    FLOW_LENGTH_GUESSED = 1 << 9
};

struct flow_end_point {
    struct addr addr;
    uint16_t port;     /* 0 where the protocol has none. */
    uint8_t mac[6];    /* Of its first packet; zero if the link has none. */
    uint8_t tcp_flags; /* All seen. */
    uint8_t ttl_min, ttl_max;
    uint64_t packets, bytes; /* IP bytes. */
    uint64_t payload_bytes;
    uint64_t delta_packets, delta_bytes; /* Since the record before. */
    uint64_t missed_bytes; /* Zeek's missed_bytes: gaps in the sequence. */
    uint64_t delta_missed_bytes;
    uint32_t retransmissions, out_of_order, duplicates, delta_duplicates;
};

struct flow_record {
    enum flow_record_kind kind;
    enum flow_end reason;
    enum flow_evidence evidence;
    enum flow_outcome outcome;
    uint64_t id;       /* Same for every record of the flow, on any number of
                        * workers: from its key and its first packet. */
    uint32_t sequence; /* Records of this flow before this one. */
    uint16_t flags;    /* enum flow_flag. */
    uint8_t protocol, ip_version;
    bool has_icmp_type; /* Not of fragments without a first, nor of packets
                         * cut before it. */
    uint8_t icmp_type, icmp_code; /* Of the initiator's first packet. */
    struct flow_end_point source, destination;
    struct wall_time start, end; /* First and last packet. */
    struct wall_time now;        /* Packet time when the record was made. */
    int64_t handshake_ns; /* SYN to the ACK of the SYN-ACK; -1 unknown. */
    char conn_state[7];   /* Zeek's, such as "SF"; "" if not defined. */
    char history[FLOW_HISTORY_SIZE + 1]; /* Zeek's, such as "ShADadFf". */
    uint16_t vlan[PACKET_MAX_VLANS];
    uint8_t n_vlans;
    uint8_t tunnel, depth; /* As in struct packet. */
    uint16_t context;
    uint32_t tunnel_id;
    struct addr outer_src, outer_dst;
    /* ICMP errors that quoted this flow. */
    uint32_t icmp_errors, icmp_error_bytes;
    uint8_t icmp_error_type, icmp_error_code; /* The last one's. */
    struct addr icmp_error_from;
    uint16_t file, interface; /* Of the first packet. */
    uint64_t first_frame, last_frame;
};

/* Whether nothing came of the flow, and little was tried; told for the first
 * time. */
static inline bool
flow_record_is_attempt(const struct flow_record *record)
{
    return record->outcome <= FLOW_OUTCOME_REFUSED && record->sequence == 0 &&
           record->source.packets <= FLOW_ATTEMPT_PACKETS &&
           record->destination.packets <=
               FLOW_ATTEMPT_PACKETS - record->source.packets;
}

const char *flow_end_name(enum flow_end);
const char *flow_evidence_name(enum flow_evidence);
const char *flow_outcome_name(enum flow_outcome);

/* From 1: how far a flow got that should not have been, for telling the worst
 * of several.  Refused is best: something stood in its way. */
unsigned flow_outcome_rank(enum flow_outcome);

enum {
    COMMUNITY_ID_SIZE = 31 /* "1:" + 28 base64 + NUL. */
};

/* Community ID version 1, seed 0 (corelight/community-id-spec). */
const char *flow_community_id(const struct flow_record *,
                              char text[COMMUNITY_ID_SIZE]);

#endif

/* The conversations a worker currently sees.
 *
 * A table belongs to one thread and takes no lock.  Memory is bounded by
 * 'max_flows' and 'max_bytes': when the table is full the flow idle longest is
 * ended early with FLOW_END_EVICTED and counted, never silently lost.  Time is
 * packet time, moved on only by flow_table_advance(); a step backwards in the
 * capture never expires anything.  When flows end, their memory goes back to
 * the system a little at a time.
 *
 * A table that is nearly full is in an emergency: what is in it that nothing
 * came of is ended soon, so that conversations need not be (flow_emergency.h).
 *
 * Each flow carries 'user_bytes' bytes of the owner's own (verdict,
 * inspection), zeroed when the flow starts and handed back in flow_ended. */

#ifndef FLOWS_FLOW_TABLE_H
#define FLOWS_FLOW_TABLE_H

#include "capture/clock.h"
#include "flows/flow_key.h"
#include "flows/flow_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct flow; /* Opaque; flow_record_from() tells what is in it. */
struct flow_memory;
struct flow_table; /* Opaque. */
struct packet;

enum flow_duplicates {
    FLOW_DUPLICATES_MARK, /* Counted in the record and in the totals too. */
    FLOW_DUPLICATES_DROP  /* Counted apart only. */
};

/* What flow_table_update() made of a packet. */
enum flow_update_kind {
    FLOW_UPDATE_PACKET,    /* Counted on 'flow'. */
    FLOW_UPDATE_RELATED,   /* An ICMP error counted on the flow it quotes. */
    FLOW_UPDATE_DUPLICATE, /* A copy of a recent packet; see flow_duplicates. */
    FLOW_UPDATE_HELD /* A fragment that waits for its first; 'flow' NULL. */
};

/* What a packet made of who the initiator is. */
enum flow_initiator_news {
    FLOW_INITIATOR_AS_BEFORE,
    FLOW_INITIATOR_SURER,  /* The same, on better evidence. */
    FLOW_INITIATOR_FLIPPED /* Initiator and responder were exchanged. */
};

struct flow_update {
    struct flow *flow; /* Valid until the next call on the table. */
    enum flow_update_kind kind;
    bool is_new;         /* This packet started the flow. */
    bool from_initiator; /* As the initiator is known now. */
    enum flow_initiator_news initiator;
    bool outcome_changed;
    bool is_settled; /* As flow_settle() said. */
};

/* Called just before a flow is freed (record->kind FLOW_RECORD_END) and for
 * interim records (FLOW_RECORD_UPDATE).  'record' and 'user' are borrowed. */
typedef void flow_record_handler(void *context,
                                 const struct flow_record *record, void *user);

/* Of what a table has nearly too much. */
enum flow_shortage {
    FLOW_SHORTAGE_FLOWS,
    FLOW_SHORTAGE_BYTES
};

/* An emergency began, or is over. */
struct flow_news {
    bool is_emergency;
    enum flow_shortage why;
    struct wall_time since, now;
    size_t n_flows, max_flows;
    size_t n_bytes, max_bytes; /* 'max_bytes' 0: no limit. */
};

/* Nothing of the table may be called but flow_table_counters(). */
typedef void flow_news_handler(void *context, const struct flow_news *);

/* Called when another flow has ended and this one closed up: it is here now,
 * and so are the owner's bytes.  Nothing of the table may be called but
 * flow_user().
 */
typedef void flow_moved_handler(void *context, struct flow *);

struct flow_timeouts {
    int64_t tcp_opening_ns; /* SYN seen, no handshake yet. */
    int64_t tcp_established_ns;
    int64_t tcp_closing_ns; /* After FIN both ways or RST. */
    int64_t udp_request_ns; /* One direction only so far. */
    int64_t udp_reply_ns;   /* Both directions. */
    int64_t icmp_ns;
    int64_t other_ns;
    int64_t active_ns; /* Interim record of a long flow; 0: never. */
};
extern const struct flow_timeouts flow_default_timeouts;

/* When a table is nearly full, in percent of 'max_flows' and of 'max_bytes'. */
struct flow_emergency_options {
    unsigned high_percent; /* It is, from this on; 0: never. */
    unsigned low_percent;  /* It is no more. */
    int64_t attempt_ns;    /* Until then, that is how long attempts are kept. */
    int64_t hold_ns;       /* The shortest emergency. */
};
extern const struct flow_emergency_options flow_default_emergency;

enum {
    FLOW_TABLE_MAX = 1 << 26 /* Flows of one table: more are not held. */
};

struct flow_table_options {
    size_t max_flows;   /* To FLOW_TABLE_MAX. */
    size_t max_bytes;   /* Of everything the table allocates; 0: no limit. */
    uint64_t hash_seed; /* Random in service, fixed in replay and tests. */
    enum flow_duplicates duplicates;
    struct flow_timeouts timeouts;
    struct flow_emergency_options emergency; /* Zeroed: there is none. */
    size_t user_bytes;
    flow_record_handler *record;
    flow_moved_handler *moved; /* NULL: nothing points at a flow. */
    flow_news_handler *news;   /* NULL: nobody is told. */
    void *context;             /* Passed to all. */
};

/* Every one of these is in the status event. */
#define FLOW_TABLE_COUNTERS(X)                                                 \
    X(created, "Flows started")                                                \
    X(ended, "Flows ended, for any reason")                                    \
    X(evicted, "Flows ended because the table was full")                       \
    X(reused, "Flows ended because a new SYN reused their ports")              \
    X(packets, "Packets counted on a flow")                                    \
    X(related, "ICMP errors counted on the flow they quote")                   \
    X(duplicates, "Copies of a packet seen just before")                       \
    X(fragments_joined, "Later fragments counted on their first one's flow")   \
    X(fragments_orphaned, "Later fragments whose first one never came")        \
    X(fragments_evicted, "Fragment contexts ended because the cache was full") \
    X(time_steps, "Packets stamped earlier than one before them")

struct flow_table_counters {
#define FLOW_COUNTER(name, help) uint64_t name;
    FLOW_TABLE_COUNTERS(FLOW_COUNTER)
#undef FLOW_COUNTER
    uint64_t active;       /* Flows alive now. */
    uint64_t bytes;        /* Allocated now. */
    uint64_t emergency;    /* 1 while there is one. */
    uint64_t emergencies;  /* That began. */
    uint64_t emergency_ns; /* How long they lasted, until now. */
};

struct flow_table *flow_table_new(const struct flow_table_options *,
                                  struct error *error);
void flow_table_free(struct flow_table *); /* Accepts NULL; ends no flow. */

/* What is worked out of a packet before it is passed; a value, good as long as
 * the table. */
struct flow_lookup {
    struct flow_ends ends;
    uint64_t hash;        /* Of the key. */
    uint64_t fingerprint; /* Tells copies of the packet. */
};

/* Batch lookahead.  First for each packet: whose it is.  'context' separates
 * otherwise equal conversations: the VLAN id where the policy tells VLANs
 * apart, else 0. */
void flow_table_look_ahead(const struct packet *, uint16_t context,
                           struct flow_lookup *out);

/* Then for the batch: completes the lookups and brings the cache lines of what
 * they lead to near. */
void flow_table_look_closer(const struct flow_table *, const struct packet *,
                            struct flow_lookup *, size_t n);

/* Finds or creates the packet's flow and accounts the packet to it. */
struct flow_update flow_table_pass(struct flow_table *, const struct packet *,
                                   const struct flow_lookup *);

/* Both in one, for packets that come alone. */
struct flow_update flow_table_update(struct flow_table *, const struct packet *,
                                     uint16_t context);

/* Moves packet time on: ends idle flows, reports long ones.  Time that goes
 * backwards is ignored. */
void flow_table_advance(struct flow_table *, struct wall_time now);

/* Other timeouts, also for flows alive: those that are past them end now. */
void flow_table_set_timeouts(struct flow_table *, const struct flow_timeouts *);

/* The clock that stamps packets was set, ahead or back: so are the times of all
 * flows, but for those already told or to be told of packets.  They live on as
 * if it had not been, with FLOW_TIME_STEPPED. */
void flow_table_step(struct flow_table *, int64_t ns);

/* Makes an interim record now, FLOW_END_REVISED: what the owner thinks of the
 * flow has changed. */
void flow_table_revised(struct flow_table *, struct flow *);

/* Visits the flows alive, from '*cursor' 0 until NULL.  Between calls flows may
 * come (and be visited or not) and go; until NULL, the table does not become
 * smaller. */
struct flow *flow_table_next(struct flow_table *, uint32_t *cursor);

/* Ends every flow, oldest first, for 'why' (end of file, or shutdown). */
void flow_table_flush(struct flow_table *, enum flow_end why);

void *flow_user(struct flow *);

/* What 'max_bytes' limits, for what the owner keeps beside flows.  Lives as
 * long as the table. */
struct flow_memory *flow_table_memory(struct flow_table *);

/* Kept with what every packet touches: the owner has no more questions, so its
 * own bytes need not be looked at for every packet. */
void flow_settle(struct flow *, bool is_settled);

/* Whether both halves of the TCP handshake were seen: SYN and SYN-ACK. */
bool flow_saw_handshake(const struct flow *);

/* Whether they were, and the handshake is over. */
bool flow_is_established(const struct flow *);

/* The flow's record as of now (FLOW_RECORD_BEGIN); for events raised while the
 * flow lives.  'initiator' end first. */
void flow_record_from(const struct flow *, struct flow_record *record);

void flow_table_counters(const struct flow_table *,
                         struct flow_table_counters *);

/* For sharding flows over workers: equal for all packets of one address pair
 * in either direction, for their fragments, and for ICMP errors that quote
 * them. */
uint64_t flow_pair_hash(const struct packet *, uint64_t seed);

#endif

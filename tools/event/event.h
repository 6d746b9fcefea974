/* The records that leave, as ECS-shaped JSON; segmon-events(5) is the contract
 * and schema/segmon-event-1.0.json its machine-readable form.
 *
 * An event is written in two parts.  The worker that owns the facts encodes the
 * body; the output thread puts the head in front, because ids are given in
 * output order.  Head and body together are one object on one line:
 *
 *   {"@timestamp":...,"ecs":{...},"event":{"id":...,"sequence":N   head
 *   ,"kind":"event",...},"observer":{...},...}                     body
 *
 * Encoding is pure: no clock, and what the encoder keeps from event to event
 * only makes it quicker.  A body is failed if it does not fit EVENT_MAX_BYTES
 * or memory is out; who takes it counts that (event_queue_put() does). */

#ifndef TOOLS_EVENT_EVENT_H
#define TOOLS_EVENT_EVENT_H

#include "capture/error.h"
#include "capture/source_live.h"
#include "dissect/application.h"
#include "dissect/packet.h"
#include "flows/flow_table.h"
#include "rules/detect/detect.h"
#include "rules/judge/judge.h"
#include "rules/policy.h"
#include "rules/violation.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_encoder; /* Opaque. */
struct json;

#define EVENT_SCHEMA_VERSION "1.0"
#define EVENT_ECS_VERSION    "8.17.0"

/* X(NAME, "name"); the name is also the end of dataset and of Redis keys. */
#define EVENT_KINDS(X)                                                         \
    X(FLOW, "flow")                                                            \
    X(VIOLATION, "violation")                                                  \
    X(STATUS, "status")

enum event_kind {
#define EVENT_KIND_ENUM(NAME, TEXT) EVENT_##NAME,
    EVENT_KINDS(EVENT_KIND_ENUM) EVENT_N_KINDS
#undef EVENT_KIND_ENUM
};

enum {
    EVENT_ALL_KINDS = (1 << EVENT_N_KINDS) - 1,
    EVENT_MAX_BYTES = 65536, /* Of one event; what consumers accept. */
    EVENT_MAX_TEXT = 1024,   /* Bytes kept of a text from a policy. */
    EVENT_MAX_SENSOR = 64,
    EVENT_ID_SIZE = EVENT_MAX_SENSOR + 8 + 14 + 3,
    EVENT_MAX_FILES = 64, /* Listed in one status event, fewer if their names
                           * are very long; more are counted. */
    EVENT_OUTPUT_NAME_SIZE = 120,
    EVENT_MAX_OUTPUTS = 4,
    EVENT_MAX_RISKS = 9,      /* Of one server. */
    EVENT_MAX_INTERFACES = 8, /* Captured from at once, */
    EVENT_MAX_SHARES = 64,    /* each by so many workers. */
    EVENT_MAX_TECHNIQUES = 32,
    EVENT_MAX_BLINDNESS = 64, /* Intervals told in one status. */
    EVENT_MAX_SAMPLES = 4,    /* Of what is told together. */
    EVENT_N_VERDICTS = DECISION_RELATED + 1
};

/* Who reports; the same for a whole run.  Borrowed strings. */
struct event_source {
    const char *sensor;  /* event_sensor_ok(). */
    const char *version; /* Of segmon. */
    uint32_t epoch;      /* Tells runs of one sensor apart in event ids. */
    /* While it is set, flows and violations have no names of hosts in them.
     * NULL: never. */
    const atomic_bool *redacts;
};

/* What was decided about a flow before, where that was final. */
struct event_revision {
    enum decision decision;
    const char *rule;    /* Its id. */
    bool policy_changed; /* Else the facts did. */
};

/* A flow and what was decided about it.  Everything is borrowed for the call.
 */
struct event_flow {
    const struct flow_record *record;
    const struct application *application;   /* NULL: not inspected. */
    const struct application_engine *engine; /* For names; NULL with it. */
    const struct policy *policy;
    const struct verdict *verdict;
    const struct event_revision *revised; /* NULL: it was never other. */
    segment_id src_segment, dst_segment;
    const char *file;      /* Capture file; "" if live. */
    const char *interface; /* "" if unknown. */
};

/* Who tried what. */
struct event_sample {
    struct addr src, dst;
};

/* Flows that nothing came of, told together: those between two segments, for
 * one service, with one verdict. */
struct event_collapsed {
    const struct policy *policy;
    bool is_rest; /* Of any segments, services and rules: what follows, to
                   * 'rule', but the decision, says nothing. */
    segment_id src_segment, dst_segment;
    uint8_t ip_version, protocol;
    bool all_ports;
    uint16_t port; /* Responder's; ICMP: type.  Of all ports: 0. */
    enum decision decision;
    enum verdict_reason reason;
    int32_t rule;
    uint64_t flows, refused; /* The others had no answer. */
    uint64_t src_packets, src_bytes, dst_packets, dst_bytes;
    /* Different ones, estimated within some 3 % beyond a few. */
    uint64_t n_sources, n_destinations, n_ports;
    struct wall_time first, last; /* Packets. */
    struct event_sample samples[EVENT_MAX_SAMPLES];
    unsigned n_samples;
};

struct event_violation {
    const struct violation *violation;
    const struct policy *policy;
    /* The flow that caused it; NULL when a detection in many flows or time
     * alone did. */
    const struct event_flow *flow;
    const struct detection *detection; /* NULL if it is none. */
};

/* Why an event never got to an output: X(NAME, "name").  The first are those of
 * spool.h. */
#define EVENT_LOSSES(X)                                                        \
    X(SPOOL_FULL, "spool_full")   /* Others needed the room in the spool, */   \
    X(MEMORY_FULL, "memory_full") /* or in memory, without a disk. */          \
    X(CORRUPT, "corrupt")         /* What the disk gave back was wrong, */     \
    X(UNREADABLE, "unreadable")   /* or nothing. */                            \
    X(EARLIER_RUN, "earlier_run") /* Which did not say why. */                 \
    X(QUEUE_FULL, "queue_full")   /* So that capture need not wait. */         \
    X(LIST_FULL, "list_full")     /* Of the list that it would be in. */       \
    X(NO_SERVER, "no_server")     /* Of a channel, just then. */               \
    X(NO_TIME, "no_time")         /* When the run ended. */                    \
    X(NOT_WRITTEN, "not_written") /* To a file or pipe; or out of memory. */

enum event_loss {
#define EVENT_LOSS_ENUM(NAME, TEXT) EVENT_LOSS_##NAME,
    EVENT_LOSSES(EVENT_LOSS_ENUM) EVENT_N_LOSSES
#undef EVENT_LOSS_ENUM
};

/* What happened to the events of one kind at one output, always:
 * emitted + recovered + rewound = acked + spooled + dropped. */
struct event_counters {
    uint64_t emitted, acked;
    uint64_t spooled; /* Waiting: in a queue, or sent and not acknowledged. */
    uint64_t dropped;
    uint64_t refused;              /* Of these: by a queue that was full. */
    uint64_t lost[EVENT_N_LOSSES]; /* The same as dropped, by reason. */
    uint64_t recovered;            /* Left in the spool by an earlier run. */
    uint64_t rewound; /* Acknowledged, lost by the server, to be sent again. */
    uint64_t pending; /* Of those spooled: in the output's spool. */
};

/* What an output keeps until it is acknowledged; see spool.h. */
struct event_spool {
    bool is_there; /* The output has one: all to Redis do. */
    bool has_disk; /* It outlives this run. */
    bool is_up;    /* The disk takes what it is given. */
    uint64_t disk_bytes, memory_bytes;
    uint64_t max_bytes; /* On disk; without one, in memory. */
    uint64_t troubles;  /* Times the disk began to take nothing. */
    int64_t lag_ns;     /* How long the oldest that waits has waited. */
    struct error error; /* The latest trouble's. */
};

/* What went wrong with a server.  X(NAME, "name") */
#define EVENT_SERVER_ERRORS(X)                                                 \
    X(CONNECTION, "connection") /* Not made, or lost. */                       \
    X(LATER, "later")     /* It takes nothing now: full, loading, busy. */     \
    X(MOVED, "moved")     /* It is not the one to send to any more. */         \
    X(DENIED, "denied")   /* By a password, or a lack of rights. */            \
    X(REFUSED, "refused") /* As things are set up. */

enum event_server_error {
#define EVENT_SERVER_ERROR_ENUM(NAME, TEXT) EVENT_SERVER_##NAME,
    EVENT_SERVER_ERRORS(EVENT_SERVER_ERROR_ENUM) EVENT_N_SERVER_ERRORS
#undef EVENT_SERVER_ERROR_ENUM
};

/* The server that an output sends to. */
struct event_server {
    bool is_there;        /* The output has one. */
    uint64_t connections; /* Made. */
    uint64_t errors[EVENT_N_SERVER_ERRORS];
    /* Of a channel: who got the last event, and events that nobody got.  They
     * count as acknowledged. */
    uint64_t receivers, unheard;
    uint64_t trimmed; /* Of a list: acknowledged, and taken out by us again. */
    /* Why it should not be trusted, for people; static. */
    const char *risks[EVENT_MAX_RISKS];
    size_t n_risks;
};

struct event_output {
    char name[EVENT_OUTPUT_NAME_SIZE]; /* The target, passwords left out. */
    const char *mode; /* "stream", "list", "channel" or "file"; static. */
    struct event_counters kind[EVENT_N_KINDS];
    struct event_spool spool;
    struct event_server server;
    uint64_t turns; /* Of a thread of its own; 0: it has none. */
    bool up;
    bool is_denied;     /* While down: by a password or rights, for good. */
    struct error error; /* The first; ERROR_NONE if there was none. */
};

struct event_file {
    const char *path;
    uint64_t frames, bytes;
    const struct error *error; /* Cut short or corrupt; NULL if sound. */
};

/* What one worker captured from an interface. */
struct event_share {
    uint64_t received;
    uint64_t bytes;        /* On the wire. */
    uint64_t kernel_drops; /* It was too slow, or its buffer too small. */
    uint64_t unread;       /* In its buffer when capture ended. */
};

struct event_interface {
    const char *name;
    enum source_live_state state; /* The other members as in source_live.h. */
    char reason[200];
    uint32_t mtu;
    uint64_t missed, discarded, losses;
    struct event_share workers[EVENT_MAX_SHARES];
    unsigned n_workers;
};

/* What went on from one segment to another: 'packets', 'bytes' and all that is
 * of two is that of initiators, then that of responders. */
struct event_pair_counts {
    uint64_t flows; /* Each once, whatever becomes of it. */
    uint64_t verdicts[EVENT_N_VERDICTS]; /* Of these, as it stands now. */
    uint64_t got_through; /* Of these, denied and established all the same. */
    uint64_t one_sided;   /* Of these, with an end that was never seen. */
    uint64_t two_sided;   /* Of these, both ends were seen. */
    uint64_t violations;  /* Events. */
    uint64_t packets[2], bytes[2]; /* As records of flows told them. */
    uint64_t missed_bytes[2], duplicates[2];
};

/* How much of what goes on was to be seen. */
#define EVENT_VISIBILITIES(X)                                                  \
    X(FULL, "full")                                                            \
    X(PARTIAL, "partial")                                                      \
    X(NONE, "none")

enum event_visibility {
#define EVENT_VISIBILITY_ENUM(NAME, TEXT) EVENT_VISIBILITY_##NAME,
    EVENT_VISIBILITIES(EVENT_VISIBILITY_ENUM) EVENT_N_VISIBILITIES
#undef EVENT_VISIBILITY_ENUM
};

/* Why not everything was.  X(NAME, "name"): of an interface, of everything, of
 * a pair of segments. */
#define EVENT_BLINDNESS_CAUSES(X)                                              \
    X(INTERFACE, "interface") /* It is down, gone, or not yet captured. */     \
    X(KERNEL_DROPS, "kernel_drops")                                            \
    X(DEVICE_DROPS, "device_drops")                                            \
    X(SUSPENDED, "suspended")   /* The program was kept from running. */       \
    X(CLOCK_STEP, "clock_step") /* Times of that stretch mean little. */       \
    X(EMERGENCY, "emergency")   /* A flow table is nearly full. */             \
    X(OUTPUT_DROPS, "output_drops")                                            \
    X(GAPS, "gaps")           /* TCP data was not captured. */                 \
    X(ONE_SIDED, "one_sided") /* Of flows of TCP only one end was. */

enum event_blindness_cause {
#define EVENT_BLINDNESS_ENUM(NAME, TEXT) EVENT_BLINDNESS_##NAME,
    EVENT_BLINDNESS_CAUSES(EVENT_BLINDNESS_ENUM) EVENT_N_BLINDNESS_CAUSES
#undef EVENT_BLINDNESS_ENUM
};

/* From when until when not everything was to be seen. */
struct event_blindness {
    enum event_blindness_cause cause;
    enum event_visibility visibility;
    const char *interface;       /* NULL: all. */
    const char *src, *dst;       /* Segments; NULL: all pairs. */
    struct wall_time begin, end; /* 0: it goes on. */
    uint64_t lost; /* Frames, events, bytes or flows, as the cause is. */
};

struct event_pair {
    segment_id src_segment, dst_segment;
    const char *src, *dst; /* Their names. */
    struct event_pair_counts counts;
    enum event_visibility visibility; /* Since the last time they were told; */
    unsigned blind_by; /* bits 1 << enum event_blindness_cause. */
};

/* Why a status event is made. */
#define EVENT_STATUS_CAUSES(X)                                                 \
    X(START, "start")                                                          \
    X(INTERVAL, "interval")                                                    \
    X(POLICY, "policy") /* Another policy came into force, or was refused. */  \
    X(CHANGE, "change") /* An interface, output or limit changed state. */     \
    X(GAP, "gap")       /* An output could not keep some events. */            \
    X(END, "end")

enum event_status_cause {
#define EVENT_STATUS_ENUM(NAME, TEXT) EVENT_STATUS_##NAME,
    EVENT_STATUS_CAUSES(EVENT_STATUS_ENUM) EVENT_N_STATUS_CAUSES
#undef EVENT_STATUS_ENUM
};

/* A worker's flow table became, or is no longer, nearly full. */
struct event_emergency {
    unsigned worker; /* Its number. */
    struct flow_news news;
};

/* Events that an output will never get, all between two others. */
struct event_gap {
    enum event_kind kind;
    const char *reason;                 /* See SPOOL_REASONS. */
    uint64_t first_serial, last_serial; /* 0: not known. */
    const char *after, *before; /* Entries on both sides; "0-0" if none is. */
};

/* Totals since the start of the run; of EVENT_STATUS_POLICY, and with
 * 'emergency', only 'policy', 'workers', 'emergency' and 'notes' are told. */
struct event_status {
    enum event_status_cause cause;
    const struct event_emergency *emergency; /* NULL: it is not about one. */
    uint64_t frames, bytes;                  /* Read; bytes on the wire. */
    uint64_t filtered;                       /* Of the frames, by the filter. */
    uint64_t kernel_drops, device_drops;     /* Live capture only. */
    uint64_t dissected[DISSECT_N_RESULTS];
    struct wall_time first_packet, last_packet; /* Both 0: no packet. */
    struct flow_table_counters flows;           /* Over all workers. */
    uint64_t collapsed;         /* Of the flows that ended, told together, */
    uint64_t collapsed_records; /* in so many. */
    uint64_t passed_over;       /* Sightings not shown to detectors. */
    uint64_t max_flows;         /* Capacity of the tables. */
    uint64_t ended[FLOW_N_ENDS];
    struct violation_counters violations;
    struct detector_counters detectors;
    const struct application_counters *application; /* NULL: --no-dpi. */
    const char *application_library;                /* Version; NULL with it. */
    const struct policy *policy;
    unsigned workers;
    const struct event_output *outputs;
    size_t n_outputs;
    const struct event_file *files;
    size_t n_files;
    const struct event_interface *interfaces; /* Live capture only. */
    size_t n_interfaces;
    const struct event_pair *pairs; /* Most bytes first; as many as fit are
                                     * told, */
    size_t n_pairs;                 /* and how many there are. */
    const struct event_pair_counts *other_pairs; /* In no entry; or NULL. */
    const struct event_blindness *blindness; /* That goes on, or has ended since
                                              * the last heartbeat; NULL: not
                                              * watched for. */
    size_t n_blindness;
    uint64_t blindness_left_out; /* Intervals, for lack of room. */
    uint64_t clock_steps;
    const char *const *notes; /* NULL-terminated, or NULL. */
};

/* One thread's.  Memory: a buffer of EVENT_MAX_BYTES at most, and
 * event_phrases.h.  'source' is borrowed; NULL, if out of memory. */
struct event_encoder *event_encoder_new(const struct event_source *source,
                                        struct error *error);
void event_encoder_free(struct event_encoder *); /* Accepts NULL. */

/* Each returns the body, good until the next one. */
const struct json *event_flow_encode(struct event_encoder *,
                                     const struct event_flow *);
const struct json *event_collapsed_encode(struct event_encoder *,
                                          const struct event_collapsed *);
const struct json *event_violation_encode(struct event_encoder *,
                                          const struct event_violation *);
const struct json *event_status_encode(struct event_encoder *,
                                       const struct event_status *);
const struct json *event_gap_encode(struct event_encoder *,
                                    const struct event_gap *);

/* 'json' is reset and then holds the head.  'sequence' counts from 1; 'id' is
 * what event_id_format() makes of it. */
void event_head_encode(struct json *json, const char *id, uint64_t sequence,
                       struct wall_time emitted);

/* The id in a line that begins with such a head; "" if it does not. */
const char *event_id_of(const char *line, size_t size, size_t *id_size);

/* "SENSOR-EPOCH-SEQUENCE", 8 and 14 hex digits. */
const char *event_id_format(const struct event_source *, uint64_t sequence,
                            char text[EVENT_ID_SIZE]);

/* 1 to EVENT_MAX_SENSOR letters, digits, '.', '_' and '-': safe in ids, keys
 * and file names. */
bool event_sensor_ok(const char *sensor);

const char *event_kind_name(enum event_kind);
const char *event_loss_name(enum event_loss);
const char *event_server_error_name(enum event_server_error);

/* The id of the policy's entry that asks not to be told of this violation; NULL
 * if there is none, or it is no violation. */
const char *event_suppressed_by(const struct event_flow *);

/* The kind of that name, such as "flow"; it need not be terminated. */
bool event_kind_parse(const char *name, size_t size, enum event_kind *kind);

/* "flow,violation" to a mask of 1 << kind; false if a name is unknown. */
bool event_kinds_parse(const char *text, unsigned *kinds);

/* X(DECISION, "segmon.verdict").  Nothing is ever said to be blocked. */
#define EVENT_VERDICTS(X)                                                      \
    X(PENDING, "pending")                                                      \
    X(ALLOW, "allowed")                                                        \
    X(DENY, "violation")                                                       \
    X(ALERT, "alert")                                                          \
    X(OBSERVE, "observed")                                                     \
    X(RELATED, "related")

const char *event_verdict_name(enum decision);

const char *event_blindness_cause_name(enum event_blindness_cause);

#endif

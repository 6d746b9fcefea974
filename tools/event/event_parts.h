/* Pieces that several kinds of event share.  Each writes one member (or a few)
 * into the object that is open; see event.h. */

#ifndef TOOLS_EVENT_EVENT_PARTS_H
#define TOOLS_EVENT_EVENT_PARTS_H

#include "tools/event/event.h"
#include "tools/event/event_phrases.h"
#include "tools/event/json.h"

#include <stdatomic.h>

/* What the name an application carries stands for. */
enum event_host {
    EVENT_HOST_NONE,
    EVENT_HOST_TLS,  /* Server name indication. */
    EVENT_HOST_HTTP, /* Host header. */
    EVENT_HOST_DNS,  /* The name asked for. */
    EVENT_HOST_OTHER
};

/* What follows from a protocol's name. */
struct event_protocol {
    bool is_known; /* It was looked up. */
    bool is_tls;
    uint8_t host; /* enum event_host. */
};

struct event_encoder {
    struct json json;
    const struct policy *policy; /* Of the event that is written. */
    struct json observer; /* How ECS 'observer' begins, in every event. */
    struct event_phrases phrases;
    struct event_protocol protocols[EVENT_PHRASES_MAX_NAMES]; /* By id. */
    const atomic_bool *redacts; /* As in struct event_source. */
};

/* A flow without names of hosts. */
struct event_redacted {
    struct event_flow flow;
    struct application application;
    struct application_details details;
};

/* The flow as it may be told: itself, or in 'less', which it may be as long as.
 * Accepts NULL. */
const struct event_flow *event_redact(const struct event_encoder *,
                                      const struct event_flow *,
                                      struct event_redacted *less);

/* A text of the policy's author, at most EVENT_MAX_TEXT bytes; nothing if it is
 * empty. */
void event_write_text(struct json *, const char *key, const char *text);

/* Of 'segmon.status': when not everything was to be seen; what went on between
 * segments. */
void event_write_blindness(struct json *, const struct event_status *);
void event_write_visibility(struct json *, const struct event_pair *);
void event_write_pairs(struct json *, const struct event_status *);

/* Of it, too: where events go. */
void event_write_outputs(struct json *, const struct event_status *);

/* "error":"..."; nothing if there is none. */
void event_write_error(struct json *, const struct error *);

/* NULL-terminated list; nothing if it is NULL or empty. */
void event_write_texts(struct json *, const char *key,
                       const char *const *texts);

void event_write_addr(struct json *, const char *key, const struct addr *);

/* {"src":...,"dst":...} */
void event_write_both(struct json *, const char *key, uint64_t src,
                      uint64_t dst);

/* Begins a body; 'policy' may be NULL if it writes none of those pieces that
 * take an encoder. */
void event_encoder_begin(struct event_encoder *, const struct policy *policy);

/* Begins a body that is a status, up to and with its cause: 'segmon.status' is
 * open. */
void event_begin_status(struct event_encoder *, const struct policy *,
                        const char *cause);

/* ECS 'observer', without its end; then between which segments, seen on which
 * interface ("" if unknown), with its end. */
void event_write_observer(struct event_encoder *);
void event_write_zones(struct event_encoder *, const char *interface,
                       segment_id src, segment_id dst);

/* "internal", "inbound", "outbound", "external" or "unknown". */
const struct json_word *event_direction(const struct policy *, segment_id src,
                                        segment_id dst);

/* ECS 'rule'.  'rule' may be VERDICT_NO_RULE: id "?". */
void event_write_rule(struct event_encoder *, int32_t rule);
const char *event_rule_id(const struct policy *, int32_t rule);

/* "policy":{name, revision, sha256}. */
void event_write_policy(struct event_encoder *);

/* What the name of a flow's application stands for. */
enum event_host event_host(struct event_encoder *, const struct event_flow *);

/* One of those pieces that name an application or category of the flow; nothing
 * if the id is 0. */
void event_write_name(struct event_encoder *, const struct event_flow *,
                      enum event_phrase_kind, uint16_t id);

/* ECS 'source', 'destination' and 'network' of a flow. */
void event_write_flow_ends(struct event_encoder *, const struct event_flow *,
                           enum event_host);

/* ECS 'tls', 'dns', 'url' and 'user_agent', as far as they are known. */
void event_write_protocols(struct event_encoder *, const struct event_flow *,
                           enum event_host);

/* Of 'segmon': 'app' and 'risks'. */
void event_write_application(struct event_encoder *, const struct event_flow *,
                             enum event_host);

/* Of 'segmon': 'icmp', 'vlans', 'tunnel', 'pcap'; whatever the flow has. */
void event_write_carrier(struct json *, const struct event_flow *);

/* Of 'segmon': 'flags'; whatever is remarkable about flow and verdict. */
void event_write_flags(struct json *, const struct event_flow *);

/* Of 'segmon': 'initiator' and how it was found out. */
void event_write_initiator(struct json *, const struct flow_record *);

/* Of 'segmon': 'staged', 'expired_rule', 'log_rules', where they apply. */
void event_write_verdict_notes(struct json *, const struct event_flow *);

#endif

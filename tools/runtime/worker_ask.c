/* From a flow to the question that the policy is asked about it. */

#include "dissect/packet.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/worker_impl.h"

enum {
    ICMP_TYPE_RESERVED = 255 /* Stands for none; no service names it. */
};

static void ask_quoted(const struct packet_quoted *, struct question *);
static void ask_application(const struct worker *, const struct tracked *,
                            bool ended, struct question *);

void
worker_ask(const struct worker *worker, const struct flow_record *record,
           const struct tracked *tracked, struct question *question)
{
    *question = (struct question){
        .src = record->source.addr,
        .dst = record->destination.addr,
        .src_segment = tracked->src_segment,
        .dst_segment = tracked->dst_segment,
        .src_port = record->source.port,
        .dst_port = record->destination.port,
        .protocol = record->protocol,
        .ip_version = record->ip_version,
        .icmp_type =
            record->has_icmp_type ? record->icmp_type : ICMP_TYPE_RESERVED,
        .icmp_code = record->icmp_code,
        .vlan = record->n_vlans ? record->vlan[record->n_vlans - 1] : 0,
        .interface = capture_names_interface(worker->names, record->interface),
        .sensor = worker->source->sensor,
        .start = record->start,
        .midstream = (record->flags & FLOW_MIDSTREAM) &&
                     record->evidence > FLOW_EVIDENCE_SYN_ACK,
        .replied = record->destination.packets > 0,
    };
    if (tracked->quoted) {
        ask_quoted(pool_at(&worker->quotes, tracked->quoted), question);
    }
    ask_application(worker, tracked, record->kind == FLOW_RECORD_END, question);
}

/* An ICMP error is judged by the packet it quotes. */
static void
ask_quoted(const struct packet_quoted *quoted, struct question *question)
{
    question->icmp_orphan = true;
    question->src = quoted->src;
    question->dst = quoted->dst;
    question->protocol = quoted->protocol;
    if (quoted->protocol == PROTOCOL_ICMP ||
        quoted->protocol == PROTOCOL_ICMPV6) {
        question->icmp_type = (uint8_t)quoted->src_port;
        question->icmp_code = (uint8_t)quoted->dst_port;
    } else {
        question->src_port = quoted->src_port;
        question->dst_port = quoted->dst_port;
    }
}

/* Without an engine, or where it was too busy to look, conditions on the
 * application get the benefit of the doubt, as for a flow without payload.  So
 * does what an ICMP error quotes: the application is the error's. */
static void
ask_application(const struct worker *worker, const struct tracked *tracked,
                bool ended, struct question *question)
{
    if (!worker->engine || tracked->quoted) {
        question->app = QUESTION_APP_NONE;
    } else if (!tracked->classified) {
        question->app = ended ? QUESTION_APP_NONE : QUESTION_APP_PENDING;
    } else {
        symbols_ask(worker->symbols, tracked_application(worker, tracked),
                    question);
    }
}

/* The ports below are those a server is likely behind when nothing but the
 * ports is known: assigned, common in enterprise and plant networks, and rarely
 * used as a client's own.  All below 1024 but the few that clients use too
 * would be wrong: rsh, NFS and LDP clients use such ports themselves. */

#include "flows/initiator.h"

#include "dissect/packet.h"
#include "flows/history.h"

#include <stddef.h>

enum {
    ON_TCP = 1,
    ON_UDP = 2,
    ON_BOTH = 3
};

struct service_port {
    uint16_t port;
    uint8_t on;
};

/* In order of port. */
static const struct service_port ports[] = {
    {7, ON_BOTH},     {13, ON_BOTH},    {19, ON_BOTH},   {21, ON_TCP},
    {22, ON_TCP},     {23, ON_TCP},     {25, ON_TCP},    {37, ON_BOTH},
    {43, ON_TCP},     {49, ON_BOTH},    {53, ON_BOTH},   {67, ON_UDP},
    {69, ON_UDP},     {70, ON_TCP},     {79, ON_TCP},    {80, ON_BOTH},
    {88, ON_BOTH},    {102, ON_TCP},    {110, ON_TCP},   {111, ON_BOTH},
    {113, ON_TCP},    {119, ON_TCP},    {123, ON_UDP},   {135, ON_BOTH},
    {137, ON_UDP},    {138, ON_UDP},    {139, ON_TCP},   {143, ON_TCP},
    {161, ON_BOTH},   {162, ON_UDP},    {179, ON_TCP},   {264, ON_TCP},
    {389, ON_BOTH},   {427, ON_BOTH},   {443, ON_BOTH},  {444, ON_TCP},
    {445, ON_TCP},    {464, ON_BOTH},   {465, ON_TCP},   {500, ON_UDP},
    {502, ON_BOTH},   {514, ON_BOTH},   {515, ON_TCP},   {547, ON_UDP},
    {548, ON_TCP},    {554, ON_BOTH},   {587, ON_TCP},   {593, ON_TCP},
    {623, ON_UDP},    {631, ON_BOTH},   {636, ON_TCP},   {789, ON_TCP},
    {853, ON_BOTH},   {860, ON_TCP},    {873, ON_TCP},   {902, ON_BOTH},
    {989, ON_TCP},    {990, ON_TCP},    {992, ON_TCP},   {993, ON_TCP},
    {995, ON_TCP},    {1080, ON_TCP},   {1194, ON_BOTH}, {1433, ON_TCP},
    {1434, ON_UDP},   {1521, ON_TCP},   {1645, ON_UDP},  {1646, ON_UDP},
    {1701, ON_UDP},   {1723, ON_TCP},   {1812, ON_UDP},  {1813, ON_UDP},
    {1883, ON_TCP},   {1900, ON_UDP},   {1911, ON_TCP},  {1962, ON_TCP},
    {2049, ON_BOTH},  {2055, ON_UDP},   {2123, ON_UDP},  {2152, ON_UDP},
    {2222, ON_BOTH},  {2375, ON_TCP},   {2376, ON_TCP},  {2379, ON_TCP},
    {2404, ON_TCP},   {2811, ON_TCP},   {3128, ON_TCP},  {3260, ON_TCP},
    {3268, ON_TCP},   {3269, ON_TCP},   {3306, ON_TCP},  {3389, ON_BOTH},
    {3478, ON_BOTH},  {3544, ON_UDP},   {3690, ON_TCP},  {3702, ON_UDP},
    {4433, ON_TCP},   {4500, ON_UDP},   {4739, ON_UDP},  {4789, ON_UDP},
    {4840, ON_TCP},   {4911, ON_TCP},   {5007, ON_TCP},  {5060, ON_BOTH},
    {5061, ON_TCP},   {5094, ON_BOTH},  {5222, ON_TCP},  {5269, ON_TCP},
    {5349, ON_BOTH},  {5353, ON_UDP},   {5355, ON_BOTH}, {5432, ON_TCP},
    {5671, ON_TCP},   {5672, ON_TCP},   {5683, ON_UDP},  {5684, ON_UDP},
    {5900, ON_TCP},   {5985, ON_TCP},   {5986, ON_TCP},  {6000, ON_TCP},
    {6081, ON_UDP},   {6343, ON_UDP},   {6379, ON_TCP},  {6443, ON_TCP},
    {6514, ON_BOTH},  {6653, ON_TCP},   {6666, ON_TCP},  {6667, ON_TCP},
    {6668, ON_TCP},   {6669, ON_TCP},   {6697, ON_TCP},  {8000, ON_TCP},
    {8080, ON_TCP},   {8086, ON_TCP},   {8443, ON_TCP},  {8883, ON_TCP},
    {8888, ON_TCP},   {9042, ON_TCP},   {9092, ON_TCP},  {9100, ON_TCP},
    {9200, ON_TCP},   {9418, ON_TCP},   {9600, ON_BOTH}, {10000, ON_TCP},
    {10050, ON_TCP},  {10051, ON_TCP},  {10250, ON_TCP}, {11211, ON_BOTH},
    {18245, ON_TCP},  {20000, ON_BOTH}, {27017, ON_TCP}, {34964, ON_UDP},
    {44818, ON_BOTH}, {47808, ON_UDP},  {50000, ON_TCP},
};

static enum flow_evidence evidence_of(const struct packet *,
                                      const struct flow *, unsigned sender,
                                      unsigned *initiator);
static enum flow_evidence icmp_evidence(const struct flow *, unsigned sender,
                                        unsigned *initiator);
static enum flow_evidence port_evidence(const struct flow *, unsigned sender,
                                        unsigned *initiator);
static void flip(struct flow *);
static void set_initiator(struct flow *, unsigned end);

void
initiator_begin(struct flow *flow, const struct packet *p, unsigned sender)
{
    unsigned initiator = sender;

    flow->evidence = (uint8_t)evidence_of(p, flow, sender, &initiator);
    set_initiator(flow, initiator);
    if (initiator != sender && (flow->key.protocol == PROTOCOL_TCP ||
                                flow->key.protocol == PROTOCOL_UDP)) {
        history_add(flow, HISTORY_FLIPPED, initiator);
    }
}

enum flow_initiator_news
initiator_update(struct flow *flow, const struct packet *p, unsigned sender)
{
    unsigned initiator = sender;
    enum flow_evidence evidence;

    if (flow->key.protocol != PROTOCOL_TCP || !(p->tcp_flags & TCP_SYN) ||
        flow->evidence == FLOW_EVIDENCE_SYN) {
        return FLOW_INITIATOR_AS_BEFORE;
    }
    evidence = evidence_of(p, flow, sender, &initiator);
    if (evidence >= flow->evidence) {
        return FLOW_INITIATOR_AS_BEFORE;
    }
    /* Two ends that both open at once stay as they are. */
    if (flow->evidence == FLOW_EVIDENCE_SYN_ACK &&
        initiator != flow_initiator(flow)) {
        return FLOW_INITIATOR_AS_BEFORE;
    }
    flow->evidence = (uint8_t)evidence;
    if (initiator == flow_initiator(flow)) {
        return FLOW_INITIATOR_SURER;
    }
    flip(flow);
    return FLOW_INITIATOR_FLIPPED;
}

/* Exchanges the ends and says so in flags and history. */
static void
flip(struct flow *flow)
{
    set_initiator(flow, !flow_initiator(flow));
    flow->flags |= FLOW_FLIPPED;
    history_add(flow, HISTORY_FLIPPED, flow_initiator(flow));
}

bool
initiator_is_service_port(uint8_t protocol, uint16_t port)
{
    uint8_t on = protocol == PROTOCOL_TCP   ? ON_TCP
                 : protocol == PROTOCOL_UDP ? ON_UDP
                                            : 0;
    size_t low = 0;
    size_t high = sizeof ports / sizeof *ports;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ports[middle].port == port) {
            return (ports[middle].on & on) != 0;
        }
        if (ports[middle].port < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static enum flow_evidence
evidence_of(const struct packet *p, const struct flow *flow, unsigned sender,
            unsigned *initiator)
{
    uint8_t control = p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);

    if (flow->key.protocol == PROTOCOL_ICMP ||
        flow->key.protocol == PROTOCOL_ICMPV6) {
        return icmp_evidence(flow, sender, initiator);
    }
    if (flow->key.protocol == PROTOCOL_TCP && control == TCP_SYN) {
        *initiator = p->tcp_flags & TCP_ACK ? !sender : sender;
        return p->tcp_flags & TCP_ACK ? FLOW_EVIDENCE_SYN_ACK
                                      : FLOW_EVIDENCE_SYN;
    }
    return port_evidence(flow, sender, initiator);
}

static enum flow_evidence
icmp_evidence(const struct flow *flow, unsigned sender, unsigned *initiator)
{
    uint8_t type = flow_key_icmp_type(&flow->key, sender);

    if (flow->key.port[0] == flow->key.port[1]) {
        return FLOW_EVIDENCE_FIRST_SEEN; /* No ICMP header. */
    }
    if (!flow_key_is_one_way(&flow->key) &&
        !flow_key_icmp_is_request(flow->key.protocol, type)) {
        *initiator = !sender;
    }
    return FLOW_EVIDENCE_ICMP_TYPE;
}

static enum flow_evidence
port_evidence(const struct flow *flow, unsigned sender, unsigned *initiator)
{
    uint8_t protocol = flow->key.protocol;
    bool from = initiator_is_service_port(protocol, flow->key.port[sender]);
    bool to = initiator_is_service_port(protocol, flow->key.port[!sender]);

    if (from == to) {
        return FLOW_EVIDENCE_FIRST_SEEN;
    }
    *initiator = from ? !sender : sender;
    return FLOW_EVIDENCE_SERVICE_PORT;
}

static void
set_initiator(struct flow *flow, unsigned end)
{
    flow->marks = (uint8_t)((flow->marks & ~FLOW_MARK_INITIATOR) |
                            (end ? FLOW_MARK_INITIATOR : 0));
}

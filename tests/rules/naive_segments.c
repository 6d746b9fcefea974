/* The segment of an address: every prefix of every segment is looked at. */

#include "tests/rules/naive_conditions.h"

static bool
qualifiers_hold(const struct random_segment *segment,
                const struct random_flow *flow, unsigned mac)
{
    const struct {
        const struct random_word *words;
        const struct random_list *list;
        unsigned value;
    } kinds[] = {{random_vlans, &segment->vlans, flow->vlan},
                 {random_interfaces, &segment->interfaces, flow->interface},
                 {random_sensors, &segment->sensors, flow->sensor},
                 {random_macs, &segment->macs, mac}};

    for (unsigned i = 0; i < 4; i++) {
        bool held = kinds[i].list->n == 0;

        for (unsigned k = 0; k < kinds[i].list->n; k++) {
            held |= kinds[i].words[kinds[i].list->item[k]].values >>
                        kinds[i].value &
                    1;
        }
        if (!held) {
            return false;
        }
    }
    return true;
}

/* How a segment's claim on a prefix compares: length, then the number of
 * qualifiers, then which; then the policy's own before the built-in. */
static unsigned
claim_weight(const struct prefix *prefix, const struct random_segment *segment)
{
    unsigned n = 0;

    if (!segment) {
        return prefix->length * 1000U;
    }
    n += segment->vlans.n > 0;
    n += segment->interfaces.n > 0;
    n += segment->sensors.n > 0;
    n += segment->macs.n > 0;
    return prefix->length * 1000U + n * 100U + 50U * (segment->vlans.n > 0) +
           20U * (segment->interfaces.n > 0) + 10U * (segment->sensors.n > 0) +
           1U;
}

static bool
is_excluded(const struct random_segment *segment, const struct addr *addr)
{
    for (unsigned i = 0; i < segment->excludes.n; i++) {
        if (naive_contains(&segment->excludes.prefix[i], addr)) {
            return true;
        }
    }
    return false;
}

/* S3: the last address of a configured IPv4 network of /30 or shorter. */
static bool
is_last_of(const struct prefix *network, const struct addr *addr)
{
    if (!addr_is_ipv4(&network->addr) || network->length > 96 + 30 ||
        !naive_contains(network, addr)) {
        return false;
    }
    for (unsigned bit = network->length; bit < 128; bit++) {
        if (!(addr->byte[bit / 8] & 0x80 >> bit % 8)) {
            return false;
        }
    }
    return true;
}

static segment_id
locate_builtin(const struct addr *addr, unsigned *weight)
{
    static const struct {
        const char *network;
        segment_id segment;
    } builtin[] = {{"0.0.0.0/0", SEGMENT_INTERNET},
                   {"::/0", SEGMENT_INTERNET},
                   {"10.0.0.0/8", SEGMENT_UNKNOWN},
                   {"172.16.0.0/12", SEGMENT_UNKNOWN},
                   {"192.168.0.0/16", SEGMENT_UNKNOWN},
                   {"100.64.0.0/10", SEGMENT_UNKNOWN},
                   {"fc00::/7", SEGMENT_UNKNOWN},
                   {"127.0.0.0/8", SEGMENT_RESERVED},
                   {"0.0.0.0/8", SEGMENT_RESERVED},
                   {"240.0.0.0/4", SEGMENT_RESERVED},
                   {"::1", SEGMENT_RESERVED},
                   {"::", SEGMENT_RESERVED},
                   {"224.0.0.0/4", SEGMENT_MULTICAST},
                   {"ff00::/8", SEGMENT_MULTICAST},
                   {"169.254.0.0/16", SEGMENT_LINK_LOCAL},
                   {"fe80::/10", SEGMENT_LINK_LOCAL},
                   {"255.255.255.255", SEGMENT_BROADCAST}};
    segment_id best = SEGMENT_INTERNET;

    *weight = 0;
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++) {
        struct prefix prefix;

        if (prefix_parse(builtin[i].network, &prefix) &&
            naive_contains(&prefix, addr) &&
            claim_weight(&prefix, NULL) >= *weight) {
            *weight = claim_weight(&prefix, NULL);
            best = builtin[i].segment;
        }
    }
    return best;
}

/* The best claim so far on an address. */
struct claim {
    segment_id segment;
    unsigned weight;
};

static void
claim(struct claim *best, segment_id segment, unsigned weight)
{
    if (weight > best->weight) {
        *best = (struct claim){segment, weight};
    }
}

/* What a segment claims, and the broadcast addresses of its networks. */
static void
claim_networks(const struct random_policy *policy, unsigned number,
               const struct addr *addr, bool may, struct claim *best)
{
    const struct random_segment *segment = &policy->segments[number];
    struct prefix host = {*addr, 128};

    for (unsigned i = 0; i < segment->networks.n; i++) {
        const struct prefix *network = &segment->networks.prefix[i];

        if (is_last_of(network, addr)) {
            claim(best, SEGMENT_BROADCAST, claim_weight(&host, NULL));
        }
        if (may && naive_contains(network, addr)) {
            claim(best, (segment_id)(SEGMENT_N_BUILTIN + number),
                  claim_weight(network, segment));
        }
    }
}

/* S2, S3. */
segment_id
naive_segment(const struct random_policy *policy,
              const struct random_flow *flow, const struct addr *addr,
              unsigned mac)
{
    struct claim best;

    best.segment = locate_builtin(addr, &best.weight);
    for (unsigned i = 0; i < policy->n_segments; i++) {
        bool may = !is_excluded(&policy->segments[i], addr) &&
                   qualifiers_hold(&policy->segments[i], flow, mac);

        claim_networks(policy, i, addr, may, &best);
    }
    return best.segment;
}

/* See random_flow.h. */

#include "tests/rules/random_flow.h"

#include "dissect/application.h"

#include <stdio.h>
#include <string.h>

static const char *const addresses[] = {
    "10.0.0.1",
    "10.0.128.5",
    "10.0.128.255",
    "10.0.255.255",
    "10.1.2.1",
    "10.1.2.3",
    "10.1.255.255",
    "10.9.9.9",
    "10.255.255.255",
    "10.200.0.7",
    "192.168.7.1",
    "192.168.7.255",
    "8.8.8.8",
    "8.8.8.255",
    "9.9.9.9",
    "172.16.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "169.254.1.1",
    "169.254.169.254",
    "224.0.0.1",
    "224.0.1.1",
    "239.1.2.3",
    "239.1.255.255",
    "2001:db8::1",
    "2001:db8:1::5",
    "2001:db8:1::6",
    "2600::1",
    "fd00::1",
    "fe80::1",
    "febf::1",
    "ff02::1",
    "ff01::1",
    "ff05::1",
    "::",
    "::1",
};

enum {
    N_ADDRESSES = sizeof addresses / sizeof addresses[0]
};

static struct addr draw_addr(struct choices *, const struct random_policy *);
static struct addr draw_edge(struct choices *, const struct random_prefixes *);
static int64_t draw_start(struct choices *);
static void draw_application(struct choices *, struct random_flow *);

void
random_flow_draw(struct choices *choices, const struct random_policy *policy,
                 struct random_flow *flow)
{
    static const uint8_t protocols[] = {6, 6,  6,  6,   17, 17,
                                        1, 58, 47, 132, 200};
    static const uint16_t ports[] = {80,  443,  53,   0,    1,    7,    22,
                                     49,  50,   79,   81,   100,  101,  150,
                                     151, 1023, 1024, 1723, 5000, 65535};
    static const uint8_t types[] = {8, 3, 0, 128, 5, 137, 1};
    int tries = 8;

    memset(flow, 0, sizeof *flow);
    flow->src = draw_addr(choices, policy);
    do {
        flow->dst = draw_addr(choices, policy);
    } while (addr_is_ipv4(&flow->src) != addr_is_ipv4(&flow->dst) && --tries);
    flow->protocol = protocols[choose(choices, sizeof protocols)];
    flow->src_port = ports[choose(choices, sizeof ports / sizeof ports[0])];
    flow->dst_port = ports[choose(choices, sizeof ports / sizeof ports[0])];
    flow->icmp_type = types[choose(choices, sizeof types)];
    flow->icmp_code = (uint8_t)choose(choices, 3);
    flow->vlan = (uint8_t)choose(choices, RANDOM_N_VLAN_VALUES);
    flow->sensor = (uint8_t)choose(choices, RANDOM_N_SENSOR_VALUES);
    flow->interface = (uint8_t)choose(choices, RANDOM_N_INTERFACE_VALUES);
    flow->src_mac = (uint8_t)choose(choices, RANDOM_N_MAC_VALUES);
    flow->dst_mac = (uint8_t)choose(choices, RANDOM_N_MAC_VALUES);
    flow->link_broadcast = chance(choices, 16);
    flow->start_ns = draw_start(choices);
    flow->midstream = chance(choices, 3);
    flow->replied = chance(choices, 2);
    flow->icmp_related = chance(choices, 24);
    flow->icmp_orphan = chance(choices, 10);
    flow->outer_src =
        flow->icmp_orphan ? draw_addr(choices, policy) : flow->src;
    flow->outer_dst =
        flow->icmp_orphan ? draw_addr(choices, policy) : flow->dst;
    draw_application(choices, flow);
}

/* Of the table, or first, last or next to those of a network in the policy. */
static struct addr
draw_addr(struct choices *choices, const struct random_policy *policy)
{
    uint32_t kind = choose(choices, 4);
    struct addr addr;

    if (kind == 0 && policy->n_segments) {
        const struct random_segment *segment =
            &policy->segments[choose(choices, policy->n_segments)];

        return draw_edge(choices, chance(choices, 3) && segment->excludes.n
                                      ? &segment->excludes
                                      : &segment->networks);
    }
    if (kind == 1 && policy->n_address_sets) {
        return draw_edge(
            choices,
            &policy->address_sets[choose(choices, policy->n_address_sets)]);
    }
    if (!addr_parse(addresses[choose(choices, N_ADDRESSES)], &addr)) {
        memset(&addr, 0, sizeof addr);
    }
    return addr;
}

static struct addr
draw_edge(struct choices *choices, const struct random_prefixes *prefixes)
{
    const struct prefix *prefix =
        &prefixes->prefix[choose(choices, prefixes->n)];
    struct addr addr = prefix->addr;
    uint32_t kind = choose(choices, 4);
    int step = kind == 1 ? 1 : kind == 3 ? -1 : 0;

    for (unsigned bit = prefix->length; kind > 1 && bit < 128; bit++) {
        addr.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    if (chance(choices, 4)) {
        step = -step; /* Out at the other side. */
    }
    for (unsigned i = 16; step && i-- > 12;) {
        int value = addr.byte[i] + step;

        addr.byte[i] = (uint8_t)value;
        step = value < 0 ? -1 : value > 255 ? 1 : 0;
    }
    return addr;
}

/* Around the dates and hours that policies name. */
static int64_t
draw_start(struct choices *choices)
{
    uint32_t kind = choose(choices, 4);
    int64_t start;

    if (kind == 0) {
        const struct random_date *date =
            &random_dates[choose(choices, RANDOM_N_DATES)];

        start = chance(choices, 2) ? date->starts_s : date->expires_s;
    } else {
        start = random_dates[1].starts_s + (int64_t)choose(choices, 8) * 86400 +
                (int64_t)choose(choices, 48) * 1800;
    }
    return start * SECOND_NS + (int64_t)choose(choices, 3) - 1;
}

static void
draw_application(struct choices *choices, struct random_flow *flow)
{
    static const enum question_app states[] = {
        QUESTION_APP_PENDING, QUESTION_APP_PENDING, QUESTION_APP_NONE,
        QUESTION_APP_UNKNOWN, QUESTION_APP_KNOWN,   QUESTION_APP_KNOWN};
    static const char *const names[] = {"",    "TLS",    "SSH",   "Google",
                                        "DNS", "Z39.50", "Other", "HTTP"};
    static const uint16_t versions[] = {0,      0,      0x0303, 0x0304,
                                        0x0300, 0x0301, 0x0302, 0xfeff,
                                        0xfefd, 0xfefc, 0x7f1c};

    flow->app = states[choose(choices, 6)];
    flow->master = flow->name = flow->category = "";
    flow->guess_master = flow->guess_name = "";
    if (flow->app == QUESTION_APP_KNOWN) {
        flow->master = names[choose(choices, 8)];
        flow->name = names[1 + choose(choices, 7)];
    } else if (flow->app == QUESTION_APP_UNKNOWN && chance(choices, 2)) {
        flow->guess_master = names[choose(choices, 8)];
        flow->guess_name = names[1 + choose(choices, 7)];
    }
    if (flow->name[0] || flow->guess_name[0]) {
        flow->category = chance(choices, 2)
                             ? random_categories[choose(choices, 3)]
                             : "Other";
    }
    if (flow->app != QUESTION_APP_NONE && chance(choices, 2)) {
        flow->tls_version = versions[choose(choices, 11)];
        flow->is_tls = flow->tls_version || chance(choices, 2);
        flow->sni =
            flow->is_tls ? (uint8_t)choose(choices, RANDOM_N_HOST_VALUES) : 0;
        flow->host = (uint8_t)choose(choices, RANDOM_N_HOST_VALUES);
    }
    flow->risks = chance(choices, 3) ? (uint8_t)choose(choices, 8) : 0;
}

static segment_id
locate(const struct random_flow *flow, const struct policy *policy, bool dst)
{
    uint8_t mac = dst ? flow->dst_mac : flow->src_mac;
    const struct policy_place place = {
        .vlan = random_vlan_values[flow->vlan],
        .interface = random_interface_values[flow->interface],
        .sensor = random_sensor_values[flow->sensor],
        .mac = mac ? random_mac_values[mac] : NULL,
        .link_broadcast = dst && flow->link_broadcast};

    return policy_locate(policy, dst ? &flow->outer_dst : &flow->outer_src,
                         &place);
}

static uint64_t
risk_bit(const char *name)
{
    for (unsigned bit = 0; bit < application_risk_count() && bit < 64; bit++) {
        if (strcmp(application_risk_name(bit), name) == 0) {
            return UINT64_C(1) << bit;
        }
    }
    return 0;
}

void
random_flow_ask(const struct random_flow *flow, const struct policy *policy,
                struct question *question)
{
    *question = (struct question){
        .src = flow->src,
        .dst = flow->dst,
        .src_segment = locate(flow, policy, false),
        .dst_segment = locate(flow, policy, true),
        .src_port = flow->src_port,
        .dst_port = flow->dst_port,
        .protocol = flow->protocol,
        .ip_version = addr_is_ipv4(&flow->src) ? 4 : 6,
        .icmp_type = flow->icmp_type,
        .icmp_code = flow->icmp_code,
        .vlan = random_vlan_values[flow->vlan],
        .interface = random_interface_values[flow->interface],
        .sensor = random_sensor_values[flow->sensor],
        .start = {flow->start_ns},
        .midstream = flow->midstream,
        .replied = flow->replied,
        .icmp_related = flow->icmp_related,
        .icmp_orphan = flow->icmp_orphan,
        .app = flow->app,
        .master_symbol = policy_app_symbol(policy, flow->master),
        .name_symbol = policy_app_symbol(policy, flow->name),
        .category_symbol = policy_category_symbol(policy, flow->category),
        .guess_known = flow->guess_name[0] != '\0',
        .guess_master_symbol = policy_app_symbol(policy, flow->guess_master),
        .guess_name_symbol = policy_app_symbol(policy, flow->guess_name),
        .is_tls = flow->is_tls,
        .tls_version = flow->tls_version,
        .sni = random_host_values[flow->sni],
        .host = random_host_values[flow->host]};
    for (unsigned i = 0; i < RANDOM_N_RISKS; i++) {
        question->risks |= flow->risks >> i & 1 ? risk_bit(random_risks[i]) : 0;
    }
}

void
random_flow_print(const struct random_flow *flow)
{
    static const char *const states[] = {"pending", "none", "unknown", "known"};
    char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

    fprintf(stderr,
            "%s:%u -> %s:%u protocol %u icmp %u:%u vlan %u sensor '%s' "
            "interface '%s' macs %u %u%s at %lld.%09lld%s%s%s%s app %s '%s.%s' "
            "category '%s' guess '%s.%s'%s version %04x sni '%s' host '%s' "
            "risks %x\n",
            addr_format(&flow->src, src), flow->src_port,
            addr_format(&flow->dst, dst), flow->dst_port, flow->protocol,
            flow->icmp_type, flow->icmp_code, random_vlan_values[flow->vlan],
            random_sensor_values[flow->sensor],
            random_interface_values[flow->interface], flow->src_mac,
            flow->dst_mac, flow->link_broadcast ? " broadcast" : "",
            (long long)(flow->start_ns / SECOND_NS),
            (long long)(flow->start_ns % SECOND_NS),
            flow->midstream ? " midstream" : "", flow->replied ? " reply" : "",
            flow->icmp_related ? " related" : "",
            flow->icmp_orphan ? " orphan" : "", states[flow->app], flow->master,
            flow->name, flow->category, flow->guess_master, flow->guess_name,
            flow->is_tls ? " tls" : "", flow->tls_version,
            random_host_values[flow->sni], random_host_values[flow->host],
            flow->risks);
}

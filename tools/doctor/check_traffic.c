/* From counts to findings; see check_traffic.h.
 *
 * Shares decide, and a share of little says nothing: where it matters, a least
 * number is asked for.  All are named here. */

#include "tools/doctor/check_traffic.h"

#include "tools/doctor/diagnosis.h"
#include "tools/doctor/nic.h"
#include "tools/doctor/traffic.h"

#include <inttypes.h>
#include <stdio.h>

/* What to type on a switch, in the words that most of them understand. */
#define MIRROR "on the switch: monitor session 1 source interface PORT"

enum {
    FEWEST_FRAMES = 10,
    FEWEST_CONVERSATIONS = 5,
    NO_SPAN_PERCENT = 1, /* Of frames between others, and to one of them: a
                          * switch floods some when it does not know where. */
    MOSTLY_PERCENT = 50,
    ALL_ONE_SIDED_PERCENT = 90,
    SOME_ONE_SIDED_PERCENT = 10,
    DOUBLED_PERCENT = 5,
    GAPS_PERCENT = 1,
    DISORDER_PERCENT = 1,
    FEWEST_OUT_OF_ORDER = 10,
    DAMAGED_PERCENT = 1,
    FRAGMENTS_PERCENT = 5,
    CHECKSUMS_PERCENT = 10,
    LONGEST_FRAME = 9216 + 18, /* A jumbo frame with a tag. */
    MTU_OF_SWITCHES = 9216,
    LIST_SIZE = 80
};

static void check_presence(const struct nic *, const struct traffic_counts *,
                           struct diagnosis *);
static void check_decoding(const struct nic *, const struct traffic_counts *,
                           struct diagnosis *);
static void check_not_ip(const struct nic *, const struct traffic_counts *,
                         struct diagnosis *);
static void check_sides(const struct nic *, const struct traffic_counts *,
                        struct diagnosis *);
static void check_copies(const struct nic *, const struct traffic_counts *,
                         struct diagnosis *);
static void check_streams(const struct nic *, const struct traffic_counts *,
                          struct diagnosis *);
static void check_length(const struct nic *, const struct traffic_counts *,
                         struct diagnosis *);
static void fix_length(const struct nic *, const struct traffic_counts *,
                       struct diagnosis_finding *);
static void check_cuts(const struct nic *, const struct traffic_counts *,
                       uint32_t snapshot, struct diagnosis *);
static void check_losses(const struct nic *, const struct traffic_counts *,
                         struct diagnosis *);
static void check_contents(const struct nic *, const struct traffic_counts *,
                           struct diagnosis *);
static void check_vlans(const struct nic *, const struct traffic_counts *,
                        struct diagnosis *);
static void check_tunnels(const struct nic *, const struct traffic_counts *,
                          struct diagnosis *);
static unsigned percent_of(uint64_t part, uint64_t whole);

void
check_traffic(const struct nic *nic, const struct traffic_counts *counts,
              uint32_t snapshot, struct diagnosis *diagnosis)
{
    check_losses(nic, counts, diagnosis);
    check_presence(nic, counts, diagnosis);
    if (counts->frames == 0) {
        return;
    }
    check_decoding(nic, counts, diagnosis);
    check_sides(nic, counts, diagnosis);
    check_copies(nic, counts, diagnosis);
    check_streams(nic, counts, diagnosis);
    check_length(nic, counts, diagnosis);
    check_cuts(nic, counts, snapshot, diagnosis);
    check_contents(nic, counts, diagnosis);
}

static void
check_presence(const struct nic *nic, const struct traffic_counts *counts,
               struct diagnosis *diagnosis)
{
    uint64_t between_others = counts->frames - counts->own - counts->group;
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];

    diagnosis_word(nic->name, word);
    if (counts->frames == 0) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_NONE, nic->name,
                                "not a single frame came by");
        diagnosis_fix(finding, "tcpdump -n -e -c 10 -i %s", word);
    } else if (nic->is_ethernet && counts->frames >= FEWEST_FRAMES &&
               !diagnosis_is_share(between_others, counts->frames,
                                   NO_SPAN_PERCENT)) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_NO_SPAN, nic->name,
            "only broadcast, multicast and this machine's own traffic came by");
        diagnosis_fix(finding, MIRROR " both");
        diagnosis_number(finding, "frames", counts->frames);
        diagnosis_number(finding, "multicast", counts->group);
        diagnosis_number(finding, "own", counts->own);
    }
}

static void
check_decoding(const struct nic *nic, const struct traffic_counts *counts,
               struct diagnosis *diagnosis)
{
    const uint64_t *outcomes = counts->outcomes;
    uint64_t damaged = outcomes[DISSECT_BAD_HEADER] +
                       outcomes[DISSECT_CUT_SHORT] + outcomes[DISSECT_TOO_DEEP];
    struct diagnosis_finding *finding;

    if (outcomes[DISSECT_UNKNOWN_LINK]) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_UNKNOWN_LINK, nic->name,
            "the interface gives frames of a link type that is not decoded");
        diagnosis_number(finding, "frames", outcomes[DISSECT_UNKNOWN_LINK]);
        diagnosis_text(finding, "driver", nic->driver);
    }
    if (diagnosis_is_share(outcomes[DISSECT_ENCRYPTED_LINK], counts->frames,
                           MOSTLY_PERCENT)) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_ENCRYPTED, nic->name,
            "%u %% of the frames are encrypted on the link",
            percent_of(outcomes[DISSECT_ENCRYPTED_LINK], counts->frames));
        diagnosis_number(finding, "frames", outcomes[DISSECT_ENCRYPTED_LINK]);
    }
    if (diagnosis_is_share(damaged, counts->frames, DAMAGED_PERCENT)) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_DAMAGED, nic->name,
            "%u %% of the frames have headers that cannot be decoded",
            percent_of(damaged, counts->frames));
        diagnosis_number(finding, "bad_header", outcomes[DISSECT_BAD_HEADER]);
        diagnosis_number(finding, "cut_short", outcomes[DISSECT_CUT_SHORT]);
        diagnosis_number(finding, "too_deep", outcomes[DISSECT_TOO_DEEP]);
    }
    check_not_ip(nic, counts, diagnosis);
}

/* Where there is hardly any traffic, ARP and spanning tree are most of it. */
static void
check_not_ip(const struct nic *nic, const struct traffic_counts *counts,
             struct diagnosis *diagnosis)
{
    uint64_t not_ip = counts->outcomes[DISSECT_NOT_IP];
    uint64_t between_others = counts->frames - counts->own - counts->group;
    const struct traffic_type *most = counts->types;
    struct diagnosis_finding *finding;
    char text[LIST_SIZE];

    if (!diagnosis_is_share(between_others, counts->frames, NO_SPAN_PERCENT) ||
        counts->frames < FEWEST_FRAMES ||
        !diagnosis_is_share(not_ip, counts->frames, MOSTLY_PERCENT)) {
        return;
    }
    for (size_t i = 1; i < TRAFFIC_MAX_TYPES; i++) {
        if (counts->types[i].frames > most->frames) {
            most = &counts->types[i];
        }
    }
    finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_NOT_IP, nic->name,
                            "%u %% of the frames carry no IP",
                            percent_of(not_ip, counts->frames));
    diagnosis_number(finding, "frames", not_ip);
    if (most->frames) {
        snprintf(text, sizeof text, most->type ? "0x%04x" : "llc", most->type);
        diagnosis_text(finding, "most_are", text);
        diagnosis_number(finding, "of_these", most->frames);
    }
}

static void
check_sides(const struct nic *nic, const struct traffic_counts *counts,
            struct diagnosis *diagnosis)
{
    uint64_t all = counts->one_sided + counts->two_sided;
    enum diagnosis_code code = DIAGNOSIS_TRAFFIC_PARTLY_ONE_SIDED;
    struct diagnosis_finding *finding;

    if (all < FEWEST_CONVERSATIONS ||
        !diagnosis_is_share(counts->one_sided, all, SOME_ONE_SIDED_PERCENT)) {
        return;
    }
    if (diagnosis_is_share(counts->one_sided, all, ALL_ONE_SIDED_PERCENT)) {
        code = DIAGNOSIS_TRAFFIC_ONE_SIDED;
    }
    finding =
        diagnosis_add(diagnosis, code, nic->name,
                      "of %u %% of the TCP conversations only one direction "
                      "came by",
                      percent_of(counts->one_sided, all));
    diagnosis_fix(finding, MIRROR " both");
    diagnosis_number(finding, "one_sided", counts->one_sided);
    diagnosis_number(finding, "two_sided", counts->two_sided);
}

static void
check_copies(const struct nic *nic, const struct traffic_counts *counts,
             struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (counts->packets < FEWEST_FRAMES ||
        !diagnosis_is_share(counts->copies, counts->packets, DOUBLED_PERCENT)) {
        return;
    }
    finding = diagnosis_add(
        diagnosis, DIAGNOSIS_TRAFFIC_DOUBLED, nic->name,
        "%u %% of the packets are copies of one that came just before",
        percent_of(counts->copies, counts->packets));
    diagnosis_fix(finding, "segmon run --duplicates drop");
    diagnosis_number(finding, "packets", counts->packets);
    diagnosis_number(finding, "copies", counts->copies);
}

static void
check_streams(const struct nic *nic, const struct traffic_counts *counts,
              struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];

    if (diagnosis_is_share(counts->missed_bytes, counts->content_bytes,
                           GAPS_PERCENT)) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_GAPS, nic->name,
            "%u %% of the content of TCP conversations never came by",
            percent_of(counts->missed_bytes, counts->content_bytes));
        diagnosis_number(finding, "content_bytes", counts->content_bytes);
        diagnosis_number(finding, "missed_bytes", counts->missed_bytes);
        diagnosis_number(finding, "kernel_drops", counts->kernel_drops);
    }
    if (counts->out_of_order >= FEWEST_OUT_OF_ORDER &&
        diagnosis_is_share(counts->out_of_order, counts->segments,
                           DISORDER_PERCENT)) {
        finding =
            diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_DISORDER, nic->name,
                          "%u %% of the TCP segments came out of order",
                          percent_of(counts->out_of_order, counts->segments));
        diagnosis_number(finding, "segments", counts->segments);
        diagnosis_number(finding, "out_of_order", counts->out_of_order);
        if (nic->rx_queues > 1) {
            diagnosis_fix(finding, "ethtool -L %s combined 1",
                          diagnosis_word(nic->name, word));
        }
        diagnosis_number(finding, "rx_queues", nic->rx_queues);
    }
}

static void
check_length(const struct nic *nic, const struct traffic_counts *counts,
             struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];

    if (counts->over_mtu) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_MERGED, nic->name,
                                "%" PRIu64
                                " frames are longer than the MTU of %" PRIu32
                                " bytes allows",
                                counts->over_mtu, nic->link.mtu);
        fix_length(nic, counts, finding);
        diagnosis_number(finding, "frames", counts->over_mtu);
        diagnosis_number(finding, "longest", counts->longest);
        diagnosis_number(finding, "mtu", nic->link.mtu);
    }
    if (counts->own_over_mtu) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_OWN_MERGED, nic->name,
            "%" PRIu64 " frames to or from this machine are longer than the "
            "MTU of %" PRIu32 " bytes allows",
            counts->own_over_mtu, nic->link.mtu);
        diagnosis_fix(finding, "ethtool -K %s tso off gso off gro off",
                      diagnosis_word(nic->name, word));
        diagnosis_number(finding, "frames", counts->own_over_mtu);
        diagnosis_number(finding, "longest", counts->longest);
    }
}

/* By what is switched on here; else by whether a wire carries such frames. */
static void
fix_length(const struct nic *nic, const struct traffic_counts *counts,
           struct diagnosis_finding *finding)
{
    static const enum nic_feature merging[] = {NIC_GRO, NIC_HARDWARE_GRO,
                                               NIC_LRO};
    char word[DIAGNOSIS_WORD_SIZE], list[LIST_SIZE] = "";
    size_t n = 0;

    diagnosis_word(nic->name, word);
    for (size_t i = 0; i < sizeof merging / sizeof merging[0]; i++) {
        const struct nic_setting *setting = &nic->features[merging[i]];

        if (setting->on && !setting->is_fixed) {
            n += (size_t)snprintf(list + n, sizeof list - n, " %s off",
                                  nic_feature_name(merging[i]));
        }
    }
    if (n) {
        diagnosis_fix(finding, "ethtool -K %s%s", word, list);
    } else if (counts->longest <= LONGEST_FRAME) {
        diagnosis_fix(finding, "ip link set dev %s mtu %d", word,
                      MTU_OF_SWITCHES);
    } else { /* As from virtual machines next door. */
        diagnosis_fix(finding,
                      "ethtool -K INTERFACE-OF-THE-SENDER tso off gso off");
    }
}

static void
check_cuts(const struct nic *nic, const struct traffic_counts *counts,
           uint32_t snapshot, struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (counts->snapped) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_SNAPLEN, nic->name,
            "%" PRIu64 " frames are longer than the snapshot length of %" PRIu32
            " bytes",
            counts->snapped, snapshot);
        diagnosis_fix(finding, "segmon run --snaplen %" PRIu32,
                      counts->longest > UINT16_MAX ? counts->longest
                                                   : (uint32_t)UINT16_MAX);
        diagnosis_number(finding, "frames", counts->snapped);
        diagnosis_number(finding, "longest", counts->longest);
        diagnosis_number(finding, "snaplen", snapshot);
    }
    if (diagnosis_is_share(counts->cut, counts->packets, DAMAGED_PERCENT)) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_CUT, nic->name,
                                "%" PRIu64
                                " packets are shorter than their header says",
                                counts->cut);
        diagnosis_number(finding, "packets", counts->cut);
        diagnosis_number(finding, "longest", counts->longest);
    }
}

/* What the kernel has no other taker for it drops, too, and counts with the
 * rest: frames without IP, or with two tags. */
static void
check_losses(const struct nic *nic, const struct traffic_counts *counts,
             struct diagnosis *diagnosis)
{
    uint64_t unwanted =
        counts->frames - counts->outcomes[DISSECT_OK] + counts->twice_tagged;
    struct diagnosis_finding *finding;

    if (counts->kernel_drops) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_DROPPED, nic->name,
                                "%" PRIu64
                                " frames were lost between kernel and segmon",
                                counts->kernel_drops);
        diagnosis_fix(finding, "segmon run --buffer 256M --workers 4");
        diagnosis_number(finding, "dropped", counts->kernel_drops);
        diagnosis_number(finding, "received", counts->frames);
    }
    if (counts->discarded > unwanted) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_TRAFFIC_DISCARDED, nic->name,
            "%" PRIu64 " frames were lost in the kernel", counts->discarded);
        diagnosis_fix(finding, "sysctl -w net.core.netdev_max_backlog=250000");
        diagnosis_number(finding, "discarded", counts->discarded);
        diagnosis_number(finding, "received", counts->frames);
    }
}

static void
check_contents(const struct nic *nic, const struct traffic_counts *counts,
               struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    check_vlans(nic, counts, diagnosis);
    check_tunnels(nic, counts, diagnosis);
    if (diagnosis_is_share(counts->fragments, counts->packets,
                           FRAGMENTS_PERCENT)) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_FRAGMENTS,
                                nic->name, "%u %% of the packets are fragments",
                                percent_of(counts->fragments, counts->packets));
        diagnosis_number(finding, "packets", counts->packets);
        diagnosis_number(finding, "fragments", counts->fragments);
    }
    if (diagnosis_is_share(counts->wrong_sums, counts->sums,
                           CHECKSUMS_PERCENT)) {
        finding =
            diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_CHECKSUMS, nic->name,
                          "%u %% of the checksums that were looked at "
                          "are wrong",
                          percent_of(counts->wrong_sums, counts->sums));
        diagnosis_number(finding, "looked_at", counts->sums);
        diagnosis_number(finding, "wrong", counts->wrong_sums);
    }
}

static void
check_vlans(const struct nic *nic, const struct traffic_counts *counts,
            struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    char list[LIST_SIZE] = "";
    size_t n = 0, n_vlans = 0;

    if (counts->tagged == 0) {
        return;
    }
    for (unsigned i = 0; i < TRAFFIC_N_VLANS; i++) {
        if (counts->vlans[i] && n + sizeof ",4095,..." < sizeof list) {
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%u",
                                  n ? "," : "", i);
        } else if (counts->vlans[i] && list[n - 1] != '.') {
            n += (size_t)snprintf(list + n, sizeof list - n, ",...");
        }
        n_vlans += counts->vlans[i];
    }
    finding =
        diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_VLANS, nic->name,
                      "%u %% of the frames carry VLAN tags, of %zu VLANs",
                      percent_of(counts->tagged, counts->frames), n_vlans);
    diagnosis_number(finding, "tagged", counts->tagged);
    diagnosis_number(finding, "untagged", counts->frames - counts->tagged);
    diagnosis_number(finding, "twice_tagged", counts->twice_tagged);
    diagnosis_text(finding, "vlans", list);
    diagnosis_text(finding, "rxvlan",
                   nic->features[NIC_RXVLAN].on ? "on" : "off");
}

static void
check_tunnels(const struct nic *nic, const struct traffic_counts *counts,
              struct diagnosis *diagnosis)
{
    uint64_t inside = counts->packets - counts->tunnels[PACKET_TUNNEL_NONE];
    struct diagnosis_finding *finding;

    if (!inside) {
        return;
    }
    finding = diagnosis_add(diagnosis, DIAGNOSIS_TRAFFIC_TUNNELS, nic->name,
                            "%u %% of the packets are inside tunnels",
                            percent_of(inside, counts->packets));
    for (unsigned i = PACKET_TUNNEL_NONE + 1; i < PACKET_N_TUNNELS; i++) {
        if (counts->tunnels[i]) {
            diagnosis_number(finding, packet_tunnel_name(i),
                             counts->tunnels[i]);
        }
    }
}

static unsigned
percent_of(uint64_t part, uint64_t whole)
{
    return (unsigned)(part * 100 / whole);
}

/* The rules for a port that only listens; see check_link.h.  What matters is
 * that frames come as they were on the wire, all of them, in order, and that
 * nothing is sent. */

#include "tools/doctor/check_link.h"

#include "tools/doctor/diagnosis.h"
#include "tools/doctor/nic.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    LONGEST_MTU = 9216, /* What switches and devices commonly can. */
    KEY_TEXT_SIZE = 3 * NIC_MAX_KEY
};

static void check_state(const struct nic *, const char *word,
                        struct diagnosis *);
static void check_addresses(const struct nic *, const char *word,
                            struct diagnosis *);
static void check_merging(const struct nic *, const char *word,
                          struct diagnosis *);
static void check_feature(const struct nic *, enum nic_feature,
                          enum diagnosis_code, const char *word,
                          struct diagnosis *);
static void check_pause(const struct nic *, const char *word,
                        struct diagnosis *);
static void check_spreading(const struct nic *, const char *word,
                            struct diagnosis *);
static void format_key(uint32_t n_bytes, char text[KEY_TEXT_SIZE]);
static void check_missed(const struct nic *before, const struct nic *after,
                         const char *word, struct diagnosis *);
static uint64_t growth(uint64_t before, uint64_t after);

void
check_link(const struct nic *nic, struct diagnosis *diagnosis)
{
    char word[DIAGNOSIS_WORD_SIZE];

    diagnosis_word(nic->name, word);
    check_state(nic, word, diagnosis);
    if (!nic->is_ethernet) {
        return;
    }
    check_addresses(nic, word, diagnosis);
    check_merging(nic, word, diagnosis);
    check_pause(nic, word, diagnosis);
    check_spreading(nic, word, diagnosis);
}

static void
check_state(const struct nic *nic, const char *word,
            struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (!nic->link.up) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_DOWN, nic->name,
                                "the interface is switched off");
        diagnosis_fix(finding, "ip link set dev %s up", word);
    } else if (!nic->link.carrier) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_CARRIER, nic->name,
                                "the interface has no connection");
        diagnosis_fix(finding, "ethtool %s", word);
        diagnosis_number(finding, "carrier_downs", nic->link.carrier_downs);
    }
    if (nic->is_half_duplex) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_HALF_DUPLEX,
                                nic->name, "the link is half duplex");
        diagnosis_fix(finding, "ethtool -s %s duplex full autoneg on", word);
        diagnosis_number(finding, "speed_mbit", nic->speed_mbit);
    }
}

static void
check_addresses(const struct nic *nic, const char *word,
                struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (nic->address[0]) {
        finding =
            diagnosis_add(diagnosis, DIAGNOSIS_LINK_ADDRESS, nic->name,
                          "the interface has the address %s", nic->address);
        diagnosis_fix(finding, "ip address flush dev %s", word);
        diagnosis_text(finding, "address", nic->address);
    } else if (nic->local_address[0]) {
        /* With slashes, a name may have dots in it (sysctl(8)). */
        char key[IF_NAMESIZE + sizeof "net/ipv6/conf//disable_ipv6=1"];
        char quoted[DIAGNOSIS_WORD_SIZE];

        snprintf(key, sizeof key, "net/ipv6/conf/%s/disable_ipv6=1", nic->name);
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_LOCAL_ADDRESS,
                                nic->name, "the interface speaks IPv6");
        diagnosis_fix(finding, "sysctl -w %s", diagnosis_word(key, quoted));
        diagnosis_text(finding, "address", nic->local_address);
    }
}

static void
check_merging(const struct nic *nic, const char *word,
              struct diagnosis *diagnosis)
{
    check_feature(nic, NIC_GRO, DIAGNOSIS_LINK_GRO, word, diagnosis);
    check_feature(nic, NIC_HARDWARE_GRO, DIAGNOSIS_LINK_HARDWARE_GRO, word,
                  diagnosis);
    check_feature(nic, NIC_LRO, DIAGNOSIS_LINK_LRO, word, diagnosis);
    check_feature(nic, NIC_RXVLAN, DIAGNOSIS_LINK_RXVLAN, word, diagnosis);
}

static void
check_feature(const struct nic *nic, enum nic_feature feature,
              enum diagnosis_code code, const char *word,
              struct diagnosis *diagnosis)
{
    const struct nic_setting *setting = &nic->features[feature];
    const char *name = nic_feature_name(feature);
    struct diagnosis_finding *finding;

    if (!setting->on) {
        return;
    }
    finding = diagnosis_add(
        diagnosis, code, nic->name, "the offload '%s' is on%s", name,
        setting->is_fixed ? ", and the driver does not let it be changed" : "");
    if (!setting->is_fixed) {
        diagnosis_fix(finding, "ethtool -K %s %s off", word, name);
    }
    diagnosis_text(finding, "driver", nic->driver);
}

static void
check_pause(const struct nic *nic, const char *word,
            struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (!nic->tx_pause) {
        return;
    }
    finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_PAUSE, nic->name,
                            "the device sends pause frames");
    diagnosis_fix(finding, "ethtool -A %s autoneg off rx off tx off", word);
    diagnosis_text(finding, "autoneg", nic->pause_autoneg ? "on" : "off");
}

static void
check_spreading(const struct nic *nic, const char *word,
                struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    char key[KEY_TEXT_SIZE];

    if (nic->rx_queues < 2 || nic->rss_key_bytes == 0 || nic->rss_xor ||
        nic_key_is_symmetric(nic->rss_key, nic->rss_key_bytes)) {
        return;
    }
    format_key(nic->rss_key_bytes, key);
    finding = diagnosis_add(
        diagnosis, DIAGNOSIS_LINK_RSS, nic->name,
        "the device spreads frames over %" PRIu32
        " queues with a key that tells the directions of a conversation apart",
        nic->rx_queues);
    diagnosis_fix(finding, "ethtool -X %s hkey %s equal %" PRIu32, word, key,
                  nic->rx_queues);
    diagnosis_number(finding, "rx_queues", nic->rx_queues);
    diagnosis_number(finding, "key_bytes", nic->rss_key_bytes);
}

static void
format_key(uint32_t n_bytes, char text[KEY_TEXT_SIZE])
{
    for (uint32_t i = 0; i < n_bytes; i++) {
        snprintf(text + (size_t)3 * i, KEY_TEXT_SIZE - (size_t)3 * i, "%s%s",
                 i % 2 ? "5a" : "6d", i + 1 < n_bytes ? ":" : "");
    }
}

void
check_link_losses(const struct nic *before, const struct nic *after,
                  struct diagnosis *diagnosis)
{
    uint64_t damaged = growth(before->link.damaged, after->link.damaged);
    uint64_t too_long = growth(before->link.too_long, after->link.too_long);
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];

    diagnosis_word(after->name, word);
    check_missed(before, after, word, diagnosis);
    if (damaged) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_DAMAGED, after->name,
                                "%" PRIu64 " frames arrived damaged", damaged);
        diagnosis_fix(finding, "ethtool -S %s", word);
        diagnosis_number(finding, "frames", damaged);
    }
    if (too_long) {
        finding = diagnosis_add(
            diagnosis, DIAGNOSIS_LINK_TOO_LONG, after->name,
            "%" PRIu64 " frames were longer than the device takes", too_long);
        diagnosis_fix(finding, "ip link set dev %s mtu %d", word, LONGEST_MTU);
        diagnosis_number(finding, "frames", too_long);
        diagnosis_number(finding, "mtu", after->link.mtu);
    }
}

static void
check_missed(const struct nic *before, const struct nic *after,
             const char *word, struct diagnosis *diagnosis)
{
    uint64_t missed = growth(before->link.missed, after->link.missed);
    struct diagnosis_finding *finding;

    if (missed && after->rx_ring < after->max_rx_ring) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_RING, after->name,
                                "the device had no room for %" PRIu64
                                " frames in a ring of %" PRIu32
                                ", and could have %" PRIu32,
                                missed, after->rx_ring, after->max_rx_ring);
        diagnosis_fix(finding, "ethtool -G %s rx %" PRIu32, word,
                      after->max_rx_ring);
    } else if (missed) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_LINK_MISSED, after->name,
                                "the device had no room for %" PRIu64 " frames",
                                missed);
        diagnosis_fix(finding, "ethtool -S %s", word);
    } else {
        return;
    }
    diagnosis_number(finding, "frames", missed);
    diagnosis_number(finding, "rx_ring", after->rx_ring);
    diagnosis_number(finding, "max_rx_ring", after->max_rx_ring);
}

/* An interface that was replaced counts from 0. */
static uint64_t
growth(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

/* What the system says of an interface that frames are captured from, and how
 * its device is set up: what 'ip' and 'ethtool' show.
 *
 * A plain value, read without any privilege.  What a driver does not tell is
 * left at zero, with 'is_known' false where that means something else. */

#ifndef TOOLS_DOCTOR_NIC_H
#define TOOLS_DOCTOR_NIC_H

#include "capture/link_state.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    NIC_DRIVER_SIZE = 32,
    NIC_MAX_KEY = 128, /* Bytes of a key for spreading; drivers have 40, 52. */
    NIC_ADDRESS_SIZE = 46
};

/* X(NAME, "the kernel's name", "ethtool -K's name") */
#define NIC_FEATURES(X)                                                        \
    X(GRO, "rx-gro", "gro")                                                    \
    X(HARDWARE_GRO, "rx-gro-hw", "rx-gro-hw")                                  \
    X(LRO, "rx-lro", "lro")                                                    \
    X(RXVLAN, "rx-vlan-hw-parse", "rxvlan")                                    \
    X(RXCHECKSUM, "rx-checksum", "rx")                                         \
    X(GSO, "tx-generic-segmentation", "gso")                                   \
    X(TSO, "tx-tcp-segmentation", "tso")

enum nic_feature {
#define NIC_ENUM(NAME, KERNEL, ETHTOOL) NIC_##NAME,
    NIC_FEATURES(NIC_ENUM) NIC_N_FEATURES
#undef NIC_ENUM
};

struct nic_setting {
    bool is_known, on;
    bool is_fixed; /* The driver does not let it be changed. */
};

struct nic {
    char name[IF_NAMESIZE];
    struct link_state link;
    bool is_ethernet; /* Not the loopback interface, a tunnel or the like. */
    char driver[NIC_DRIVER_SIZE];
    uint32_t speed_mbit; /* 0: unknown. */
    bool is_half_duplex;
    struct nic_setting features[NIC_N_FEATURES];
    uint32_t rx_ring, max_rx_ring; /* 0: unknown. */
    bool rx_pause, tx_pause;       /* Listens to pause frames; sends them. */
    bool pause_autoneg;
    uint32_t rx_queues; /* 0: unknown. */
    uint8_t rss_key[NIC_MAX_KEY];
    uint32_t rss_key_bytes;         /* 0: unknown. */
    bool rss_xor;                   /* Both directions are made equal before. */
    char address[NIC_ADDRESS_SIZE]; /* One that is reachable from beyond
                                     * the link; "" for none. */
    char local_address[NIC_ADDRESS_SIZE]; /* One for the link itself. */
};

/* False, with the reason, if there is no such interface. */
bool nic_read(const char *name, struct nic *, struct error *);

const char *nic_feature_name(enum nic_feature);

/* Whether the key spreads both directions of a conversation alike: Toeplitz
 * does if the key repeats itself every 16 bits, as 6d:5a does (Woo and Park,
 * "Scalable TCP session monitoring with symmetric receive-side scaling"). */
bool nic_key_is_symmetric(const uint8_t *key, uint32_t n_bytes);

#endif

/* Questions about an interface; see nic.h.  The ioctls of ethtool, rather than
 * its program or netlink family: they are there since long before the kernels
 * that segmon runs on, and need neither a privilege nor a package. */

#include "tools/doctor/nic.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_FEATURES = 512, /* The kernel has some 70. */
    MAX_INDIRECTION = 4096,
    MAX_LINK_WORDS = 127,
    /* ETHTOOL_GRSSH's 'input_xfrm', which older headers have as reserved. */
    RSS_XOR_BITS = 3
};

/* One descriptor and one name for many questions. */
struct asked {
    int fd;
    struct ifreq request;
};

static void ask_all(struct asked *, struct nic *);
static bool ask(struct asked *, void *command);
static void ask_kind(struct asked *, struct nic *);
static void ask_driver(struct asked *, struct nic *);
static void ask_speed(struct asked *, struct nic *);
static void ask_features(struct asked *, struct nic *);
static uint32_t count_features(struct asked *);
static void note_features(const struct ethtool_gstrings *,
                          const struct ethtool_gfeatures *, struct nic *);
static void note_feature(const char *name, bool on, bool changes, struct nic *);
static void ask_rings(struct asked *, struct nic *);
static void ask_pause(struct asked *, struct nic *);
static void ask_queues(struct asked *, struct nic *);
static void ask_key(struct asked *, struct nic *);
static void find_addresses(struct nic *);
static void note_address(const struct sockaddr *, struct nic *);
static bool is_of_the_link(const struct sockaddr *);

bool
nic_read(const char *name, struct nic *nic, struct error *error)
{
    struct asked asked = {.fd = -1};

    memset(nic, 0, sizeof *nic);
    snprintf(nic->name, sizeof nic->name, "%s", name);
    if (!link_state_read(name, &nic->link, error)) {
        return false;
    }
    asked.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (asked.fd >= 0) {
        memcpy(asked.request.ifr_name, nic->name, sizeof nic->name);
        ask_all(&asked, nic);
        close(asked.fd);
    }
    find_addresses(nic);
    return true;
}

const char *
nic_feature_name(enum nic_feature feature)
{
    static const char *const names[] = {
#define NIC_NAME(NAME, KERNEL, ETHTOOL) ETHTOOL,
        NIC_FEATURES(NIC_NAME)
#undef NIC_NAME
    };

    return names[feature];
}

bool
nic_key_is_symmetric(const uint8_t *key, uint32_t n_bytes)
{
    for (uint32_t i = 2; i < n_bytes; i++) {
        if (key[i] != key[i - 2]) {
            return false;
        }
    }
    return n_bytes > 0;
}

static void
ask_all(struct asked *asked, struct nic *nic)
{
    ask_kind(asked, nic);
    ask_driver(asked, nic);
    ask_speed(asked, nic);
    ask_features(asked, nic);
    ask_rings(asked, nic);
    ask_pause(asked, nic);
    ask_queues(asked, nic);
    ask_key(asked, nic);
}

static bool
ask(struct asked *asked, void *command)
{
    asked->request.ifr_data = command;
    return ioctl(asked->fd, SIOCETHTOOL, &asked->request) == 0;
}

static void
ask_kind(struct asked *asked, struct nic *nic)
{
    struct ifreq request = asked->request;

    nic->is_ethernet = ioctl(asked->fd, SIOCGIFHWADDR, &request) == 0 &&
                       request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

static void
ask_driver(struct asked *asked, struct nic *nic)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

    if (ask(asked, &info)) {
        memcpy(nic->driver, info.driver, sizeof nic->driver - 1);
    }
}

/* The first answer only says how long the second one is. */
static void
ask_speed(struct asked *asked, struct nic *nic)
{
    union {
        struct ethtool_link_settings settings;
        uint8_t room[sizeof(struct ethtool_link_settings) +
                     sizeof(uint32_t) * 3 * MAX_LINK_WORDS];
    } answer = {.settings = {.cmd = ETHTOOL_GLINKSETTINGS}};

    if (!ask(asked, &answer) || answer.settings.link_mode_masks_nwords >= 0) {
        return;
    }
    answer.settings.cmd = ETHTOOL_GLINKSETTINGS;
    answer.settings.link_mode_masks_nwords =
        (int8_t)-answer.settings.link_mode_masks_nwords;
    if (!ask(asked, &answer)) {
        return;
    }
    if (answer.settings.speed != (uint32_t)SPEED_UNKNOWN) {
        nic->speed_mbit = answer.settings.speed;
    }
    nic->is_half_duplex = answer.settings.duplex == DUPLEX_HALF;
}

static void
ask_features(struct asked *asked, struct nic *nic)
{
    uint32_t n = count_features(asked);
    uint32_t n_blocks = (n + 31) / 32;
    struct ethtool_gstrings *names =
        calloc(1, sizeof *names + (size_t)n * ETH_GSTRING_LEN);
    struct ethtool_gfeatures *states =
        calloc(1, sizeof *states + n_blocks * sizeof states->features[0]);

    if (n && names && states) {
        names->cmd = ETHTOOL_GSTRINGS;
        names->string_set = ETH_SS_FEATURES;
        names->len = n;
        states->cmd = ETHTOOL_GFEATURES;
        states->size = n_blocks;
        if (ask(asked, names) && ask(asked, states) && names->len <= n) {
            note_features(names, states, nic);
        }
    }
    free(names);
    free(states);
}

/* 0, if there are more than can be. */
static uint32_t
count_features(struct asked *asked)
{
    union {
        struct ethtool_sset_info info;
        uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
    } answer = {.info = {.cmd = ETHTOOL_GSSET_INFO,
                         .sset_mask = UINT64_C(1) << ETH_SS_FEATURES}};

    return ask(asked, &answer) && answer.info.sset_mask &&
                   answer.info.data[0] <= MAX_FEATURES
               ? answer.info.data[0]
               : 0;
}

static void
note_features(const struct ethtool_gstrings *names,
              const struct ethtool_gfeatures *states, struct nic *nic)
{
    for (uint32_t i = 0; i < names->len; i++) {
        const struct ethtool_get_features_block *block =
            &states->features[i / 32];
        uint32_t bit = UINT32_C(1) << i % 32;
        char name[ETH_GSTRING_LEN + 1] = "";

        memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN,
               ETH_GSTRING_LEN);
        note_feature(name, block->active & bit, block->available & bit, nic);
    }
}

static void
note_feature(const char *name, bool on, bool changes, struct nic *nic)
{
    static const char *const kernel_names[] = {
#define NIC_NAME(NAME, KERNEL, ETHTOOL) KERNEL,
        NIC_FEATURES(NIC_NAME)
#undef NIC_NAME
    };

    for (size_t i = 0; i < NIC_N_FEATURES; i++) {
        if (strcmp(name, kernel_names[i]) == 0) {
            nic->features[i] = (struct nic_setting){
                .is_known = true, .on = on, .is_fixed = !changes};
        }
    }
}

static void
ask_rings(struct asked *asked, struct nic *nic)
{
    struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};

    if (ask(asked, &rings)) {
        nic->rx_ring = rings.rx_pending;
        nic->max_rx_ring = rings.rx_max_pending;
    }
}

static void
ask_pause(struct asked *asked, struct nic *nic)
{
    struct ethtool_pauseparam pause = {.cmd = ETHTOOL_GPAUSEPARAM};

    if (ask(asked, &pause)) {
        nic->rx_pause = pause.rx_pause;
        nic->tx_pause = pause.tx_pause;
        nic->pause_autoneg = pause.autoneg;
    }
}

static void
ask_queues(struct asked *asked, struct nic *nic)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

    if (ask(asked, &channels)) {
        nic->rx_queues = channels.rx_count + channels.combined_count;
    }
}

/* As for the speed, the first answer has the sizes. */
static void
ask_key(struct asked *asked, struct nic *nic)
{
    struct ethtool_rxfh sizes = {.cmd = ETHTOOL_GRSSH};
    struct ethtool_rxfh *answer;

    if (!ask(asked, &sizes) || sizes.indir_size > MAX_INDIRECTION ||
        sizes.key_size == 0 || sizes.key_size > NIC_MAX_KEY) {
        return;
    }
    answer = calloc(1, sizeof *answer +
                           sizes.indir_size * sizeof answer->rss_config[0] +
                           sizes.key_size);
    if (!answer) {
        return;
    }
    answer->cmd = ETHTOOL_GRSSH;
    answer->indir_size = sizes.indir_size;
    answer->key_size = sizes.key_size;
    if (ask(asked, answer) && answer->key_size == sizes.key_size) {
        memcpy(nic->rss_key, answer->rss_config + sizes.indir_size,
               sizes.key_size);
        nic->rss_key_bytes = sizes.key_size;
        nic->rss_xor = answer->rsvd8[0] & RSS_XOR_BITS;
    }
    free(answer);
}

static void
find_addresses(struct nic *nic)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) != 0) {
        return;
    }
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        if (one->ifa_addr && strcmp(one->ifa_name, nic->name) == 0) {
            note_address(one->ifa_addr, nic);
        }
    }
    freeifaddrs(all);
}

static void
note_address(const struct sockaddr *address, struct nic *nic)
{
    char *text = is_of_the_link(address) ? nic->local_address : nic->address;
    const void *bytes = NULL;

    if (address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        bytes =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (bytes && !text[0]) {
        inet_ntop(address->sa_family, bytes, text, NIC_ADDRESS_SIZE);
    }
}

static bool
is_of_the_link(const struct sockaddr *address)
{
    const struct sockaddr_in6 *six = (const void *)address;

    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

/* Five functions of nDPI's are replaced as in ndpi_hotfix.c, by ones that ask
 * the originals once:
 *
 *   ndpi_patricia_search_best()      the lists of sites, by IPv4 address;
 *   ndpi_match_string_subprotocol()  the list of sites, by name;
 *   ndpi_match_custom_category()     the list of categories, by name;
 *   ndpi_check_dga_name()            whether it looks made up by an algorithm;
 *
 * and ndpi_patricia_lookup(), which adds to the lists of addresses: which of
 * the 65536 networks of 16 bits have anything in a list is kept, so that an
 * address of the others, such as most private ones, need not be looked for.
 *
 * The lists are those that nDPI is made with, the same in all modules, and do
 * not change: so answers are never out of date.  A host has one place, where
 * the last one that fell there is; who sends hosts that fall together makes
 * nDPI as slow as it was.  (Parameters have the names of nDPI's header.)
 *
 * Only nDPI 4.2 is known to be that pure; other versions are left alone. */

#include "dissect/ndpi_hosts.h"

#include "dissect/ndpi_shim.h"

#include <arpa/inet.h>
#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_HOSTS = 512, /* By name. */
    N_ADDRESSES = 1024,
    N_NETWORKS = 1 << 16, /* Of 16 bits. */
    NETWORK_BITS = 16,
    MAX_NAME = 95, /* Bytes; longer names are not kept. */
    ADDRESS_BITS = 32
};

/* What is known of a name. */
enum known {
    KNOWN_SITE = 1 << 0,
    KNOWN_CATEGORY = 1 << 1,
    KNOWN_DGA = 1 << 2
};

struct host {
    uint8_t size; /* Of 'name'; 0: no name is here. */
    uint8_t known;
    bool is_dga;
    int site_found, category_found;  /* What the originals returned, */
    ndpi_protocol_match_result site; /* and wrote. */
    ndpi_protocol_category_t category;
    char name[MAX_NAME];
};

struct address {
    const ndpi_patricia_tree_t *list; /* NULL: no address is here. */
    ndpi_patricia_node_t *site;       /* Or NULL. */
    in_addr_t ip;
};

struct ndpi_hosts {
    struct host host[N_HOSTS];
    struct address address[N_ADDRESSES];
    size_t n_learnt;                /* Networks that are in lists, of any */
    uint8_t listed[N_NETWORKS / 8]; /* size; a bit where there is one. */
};

struct ndpi_hosts *
ndpi_hosts_new(void)
{
    return calloc(1, sizeof(struct ndpi_hosts));
}

void
ndpi_hosts_free(struct ndpi_hosts *hosts)
{
    free(hosts);
}

#if NDPI_SHIM_VERSION == 402

#define EXPORTED __attribute__((visibility("default"), used))

typedef ndpi_patricia_node_t *address_function(ndpi_patricia_tree_t *,
                                               ndpi_prefix_t *);
typedef int site_function(struct ndpi_detection_module_struct *, char *, u_int,
                          ndpi_protocol_match_result *);
typedef int category_function(struct ndpi_detection_module_struct *, char *,
                              u_int, ndpi_protocol_category_t *);
typedef int dga_function(struct ndpi_detection_module_struct *,
                         struct ndpi_flow_struct *, char *, u_int8_t);

/* What dlsym() finds. */
union original {
    void *object;
    address_function *address;
    site_function *site;
    category_function *category;
    dga_function *dga;
};

static address_function *match_address, *add_network;
static site_function *match_site;
static category_function *match_category;
static dga_function *check_dga;

static _Thread_local struct ndpi_hosts *in_use, *learning;

void
ndpi_hosts_learn(struct ndpi_hosts *hosts)
{
    learning = hosts;
}

void
ndpi_hosts_use(struct ndpi_hosts *hosts)
{
    in_use = hosts;
}

static uint32_t
mix(uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t
hash_of(const char *name, size_t size)
{
    uint64_t hash = size, part;

    for (; size > 8; size -= 8, name += 8) {
        memcpy(&part, name, 8);
        hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    part = 0;
    memcpy(&part, name, size);
    return mix(hash ^ part);
}

/* The place of that name, where it now is; NULL if it is not kept. */
static struct host *
host_of(const char *name, size_t size)
{
    struct host *host;

    if (in_use == NULL || size == 0 || size > MAX_NAME || name[0] == '\0') {
        return NULL;
    }
    host = &in_use->host[hash_of(name, size) % N_HOSTS];
    if (host->size != size || memcmp(host->name, name, size) != 0) {
        memset(host, 0, sizeof *host);
        host->size = (uint8_t)size;
        memcpy(host->name, name, size);
    }
    return host;
}

static bool
is_ipv4(const ndpi_prefix_t *prefix)
{
    return prefix->family == AF_INET && prefix->bitlen <= ADDRESS_BITS;
}

static unsigned
network_of(const ndpi_prefix_t *prefix)
{
    return ntohl(prefix->add.sin.s_addr) >> (ADDRESS_BITS - NETWORK_BITS);
}

EXPORTED ndpi_patricia_node_t *
ndpi_patricia_lookup(ndpi_patricia_tree_t *patricia, ndpi_prefix_t *prefix)
{
    if (learning != NULL && is_ipv4(prefix)) {
        unsigned n = prefix->bitlen < NETWORK_BITS
                         ? 1U << (NETWORK_BITS - prefix->bitlen)
                         : 1;
        unsigned first = network_of(prefix) / n * n;

        for (unsigned at = first; at < first + n; at++) {
            learning->listed[at / 8] |= (uint8_t)(1 << at % 8);
        }
        learning->n_learnt++;
    }
    return add_network(patricia, prefix);
}

/* Whether no list has anything about that address, for sure. */
static bool
is_unlisted(const struct ndpi_hosts *hosts, const ndpi_prefix_t *prefix)
{
    unsigned network = network_of(prefix);

    return hosts->n_learnt > 0 &&
           (hosts->listed[network / 8] >> network % 8 & 1) == 0;
}

EXPORTED ndpi_patricia_node_t *
ndpi_patricia_search_best(ndpi_patricia_tree_t *patricia, ndpi_prefix_t *prefix)
{
    in_addr_t ip = prefix->add.sin.s_addr;
    struct address *address;

    if (in_use == NULL || patricia == NULL || !is_ipv4(prefix) ||
        prefix->bitlen < ADDRESS_BITS) {
        return match_address(patricia, prefix);
    }
    if (is_unlisted(in_use, prefix)) {
        return NULL;
    }
    address = &in_use->address[mix(ip) % N_ADDRESSES];
    if (address->ip != ip || address->list != patricia) {
        address->ip = ip;
        address->list = patricia;
        address->site = match_address(patricia, prefix);
    }
    return address->site;
}

EXPORTED int
ndpi_match_string_subprotocol(struct ndpi_detection_module_struct *ndpi_struct,
                              char *string_to_match, u_int string_to_match_len,
                              ndpi_protocol_match_result *ret_match)
{
    struct host *host = host_of(string_to_match, string_to_match_len);

    if (host == NULL) {
        return match_site(ndpi_struct, string_to_match, string_to_match_len,
                          ret_match);
    }
    if ((host->known & KNOWN_SITE) == 0) {
        host->site_found = match_site(ndpi_struct, string_to_match,
                                      string_to_match_len, &host->site);
        host->known |= KNOWN_SITE;
    }
    *ret_match = host->site;
    return host->site_found;
}

EXPORTED int
ndpi_match_custom_category(struct ndpi_detection_module_struct *ndpi_struct,
                           char *name, u_int name_len,
                           ndpi_protocol_category_t *id)
{
    struct host *host = host_of(name, name_len);

    if (host == NULL) {
        return match_category(ndpi_struct, name, name_len, id);
    }
    if ((host->known & KNOWN_CATEGORY) == 0) {
        host->category_found =
            match_category(ndpi_struct, name, name_len, &host->category);
        host->known |= KNOWN_CATEGORY;
    }
    *id = host->category;
    return host->category_found;
}

/* The original does not look at conversations whose two protocols are known,
 * and otherwise marks them. */
EXPORTED int
ndpi_check_dga_name(struct ndpi_detection_module_struct *ndpi_str,
                    struct ndpi_flow_struct *flow, char *name,
                    u_int8_t is_hostname)
{
    struct host *host = NULL;

    if (name != NULL && flow != NULL && is_hostname != 0 &&
        flow->detected_protocol_stack[1] == NDPI_PROTOCOL_UNKNOWN) {
        host = host_of(name, strlen(name));
    }
    if (host == NULL) {
        return check_dga(ndpi_str, flow, name, is_hostname);
    }
    if ((host->known & KNOWN_DGA) == 0) {
        /* It looks for the site, and finds this place filled in. */
        host->is_dga = check_dga(ndpi_str, flow, name, is_hostname) != 0;
        host->known |= KNOWN_DGA;
    } else if (host->is_dga) {
        ndpi_set_risk(ndpi_str, flow, NDPI_SUSPICIOUS_DGA_DOMAIN);
    }
    return host->is_dga;
}

static union original
original(const char *name)
{
    return (union original){.object = dlsym(RTLD_NEXT, name)};
}

bool
ndpi_hosts_install(void)
{
    match_address = original("ndpi_patricia_search_best").address;
    add_network = original("ndpi_patricia_lookup").address;
    match_site = original("ndpi_match_string_subprotocol").site;
    match_category = original("ndpi_match_custom_category").category;
    check_dga = original("ndpi_check_dga_name").dga;
    return match_address != NULL && add_network != NULL && match_site != NULL &&
           match_category != NULL && check_dga != NULL;
}

#else

bool
ndpi_hosts_install(void)
{
    return true;
}

void
ndpi_hosts_learn(struct ndpi_hosts *hosts)
{
    (void)hosts;
}

void
ndpi_hosts_use(struct ndpi_hosts *hosts)
{
    (void)hosts;
}

#endif

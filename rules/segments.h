/* Which segment an address is in: longest prefix whose qualifiers hold.
 *
 * Built once from definitions, then read by any thread.  The prefixes are laid
 * out as disjoint ranges in one sorted table, each with the short list of
 * segments that can own it, longest prefix first.  IPv4 finds its range through
 * an index by the upper 16 bits, IPv6 by binary search. */

#ifndef RULES_SEGMENTS_H
#define RULES_SEGMENTS_H

#include "rules/arena.h"
#include "rules/policy.h"

enum {
    SEGMENTS_MAX = 1024, /* Defined by the policy. */
    SEGMENTS_MAX_NETWORKS = 1 << 17,
    SEGMENTS_MAX_CANDIDATES = 1 << 22, /* In all lists together. */
    SEGMENTS_N_VLANS = 4096
};

struct vlan_set {
    uint64_t word[SEGMENTS_N_VLANS / 64];
};

static inline bool
vlan_set_has(const struct vlan_set *set, uint16_t vlan)
{
    return vlan < SEGMENTS_N_VLANS && (set->word[vlan / 64] >> (vlan % 64) & 1);
}

static inline void
vlan_set_add(struct vlan_set *set, uint16_t vlan)
{
    set->word[vlan / 64] |= UINT64_C(1) << (vlan % 64);
}

static inline void
vlan_set_add_range(struct vlan_set *set, uint16_t first, uint16_t last)
{
    for (unsigned at = first / 64; at <= last / 64U; at++) {
        uint64_t bits = UINT64_MAX;

        bits &= at == first / 64U ? UINT64_MAX << first % 64 : UINT64_MAX;
        bits &= at == last / 64U ? UINT64_MAX >> (63 - last % 64) : UINT64_MAX;
        set->word[at] |= bits;
    }
}

struct glob_list {
    const char *const *globs;
    size_t n;
};

struct mac_pattern {
    uint8_t byte[6];
    uint8_t length; /* Bytes that count; 3 is a vendor's prefix. */
};

/* Where the networks of a segment are valid; absent ones say "anywhere". */
struct segment_qualifiers {
    const struct vlan_set *vlans; /* NULL if absent. */
    struct glob_list interfaces, sensors;
    const struct mac_pattern *macs;
    size_t n_macs;
};

struct segment_def {
    const struct prefix *networks, *excludes;
    size_t n_networks, n_excludes;
    const struct segment_qualifiers *qualifiers; /* NULL if it has none. */
};

struct segments; /* Opaque; lives in the arena it was built in. */

/* 'defs[i]' is segment i.  Those of the built-in segments are empty: their
 * networks, and the directed broadcast addresses, are added here.  Returns NULL
 * when out of memory or over SEGMENTS_MAX_CANDIDATES. */
const struct segments *segments_build(struct arena *,
                                      const struct segment_def *defs, size_t n);

segment_id segments_locate(const struct segments *, const struct addr *,
                           const struct policy_place *);

/* Whether an address is on a link where its segment has its networks. */
enum segment_fit {
    SEGMENT_FIT_ANYWHERE, /* Its segment names neither VLANs nor interfaces. */
    SEGMENT_FIT_HERE,     /* It does, and this is one of them. */
    SEGMENT_FIT_ELSEWHERE /* Only for the link is it not of that segment. */
};

enum segment_fit segments_fit(const struct segments *, const struct addr *,
                              const struct policy_place *);

/* False where every address of the segment, as located, is in it wherever it is
 * seen: no qualifier makes a difference. */
bool segments_contested(const struct segments *, segment_id);

/* The longest network of a built-in segment that holds 'addr'; false if there
 * is none, as for directed broadcast addresses.  For people. */
bool segments_builtin_prefix(segment_id, const struct addr *, struct prefix *);

/* The disjoint ranges that make up all addresses, in order: where range 'i'
 * begins, and who may own it, the preferred first.  'k' counts from 0 while the
 * answer is that there are more. */
size_t segments_n_ranges(const struct segments *);
struct addr segments_range_first(const struct segments *, size_t i);
bool segments_range_owner(const struct segments *, size_t i, size_t k,
                          segment_id *owner);

bool segment_qualifiers_hold(const struct segment_qualifiers *,
                             const struct policy_place *);

/* True if VLAN or interface is wrong, and the sensor is not. */
bool segment_qualifiers_refuse_link(const struct segment_qualifiers *,
                                    const struct policy_place *);

/* True if two segments with the same prefix could both claim an address: their
 * qualifiers are of the same kinds and each kind overlaps. */
bool segment_qualifiers_clash(const struct segment_qualifiers *,
                              const struct segment_qualifiers *);

/* Positive if 'a' is to be tried before 'b' for the same prefix: more
 * qualifiers, then VLAN, interface, sensor. */
int segment_qualifiers_compare(const struct segment_qualifiers *a,
                               const struct segment_qualifiers *b);

bool glob_list_match(const struct glob_list *, const char *text);

#endif

/* Where a segment's networks are valid; see segments.h. */

#include "rules/names.h"
#include "rules/segments.h"

#include <string.h>

/* One bit per kind of qualifier; ties between as many go to the higher. */
enum {
    KIND_MAC = 1,
    KIND_SENSOR = 2,
    KIND_INTERFACE = 4,
    KIND_VLAN = 8
};

static unsigned qualifier_kinds(const struct segment_qualifiers *);
static bool vlan_sets_overlap(const struct vlan_set *, const struct vlan_set *);
static bool glob_lists_overlap(const struct glob_list *,
                               const struct glob_list *);
static bool macs_match(const struct segment_qualifiers *, const uint8_t *mac);
static bool macs_overlap(const struct segment_qualifiers *,
                         const struct segment_qualifiers *);

bool
segment_qualifiers_hold(const struct segment_qualifiers *qualifiers,
                        const struct policy_place *place)
{
    if (!qualifiers) {
        return true;
    }
    return (!qualifiers->vlans ||
            vlan_set_has(qualifiers->vlans, place->vlan)) &&
           (!qualifiers->interfaces.n ||
            glob_list_match(&qualifiers->interfaces, place->interface)) &&
           (!qualifiers->sensors.n ||
            glob_list_match(&qualifiers->sensors, place->sensor)) &&
           (!qualifiers->n_macs || macs_match(qualifiers, place->mac));
}

bool
segment_qualifiers_refuse_link(const struct segment_qualifiers *all,
                               const struct policy_place *place)
{
    struct segment_qualifiers link = {.vlans = all->vlans,
                                      .interfaces = all->interfaces};
    struct segment_qualifiers sensor = {.sensors = all->sensors};

    return segment_qualifiers_hold(&sensor, place) &&
           !segment_qualifiers_hold(&link, place);
}

bool
segment_qualifiers_clash(const struct segment_qualifiers *a,
                         const struct segment_qualifiers *b)
{
    unsigned kinds = qualifier_kinds(a);

    if (kinds != qualifier_kinds(b)) {
        return false;
    }
    return (!(kinds & KIND_VLAN) || vlan_sets_overlap(a->vlans, b->vlans)) &&
           (!(kinds & KIND_INTERFACE) ||
            glob_lists_overlap(&a->interfaces, &b->interfaces)) &&
           (!(kinds & KIND_SENSOR) ||
            glob_lists_overlap(&a->sensors, &b->sensors)) &&
           (!(kinds & KIND_MAC) || macs_overlap(a, b));
}

int
segment_qualifiers_compare(const struct segment_qualifiers *a,
                           const struct segment_qualifiers *b)
{
    unsigned kinds_a = qualifier_kinds(a), kinds_b = qualifier_kinds(b);
    int more = __builtin_popcount(kinds_a) - __builtin_popcount(kinds_b);

    return more ? more : (int)kinds_a - (int)kinds_b;
}

bool
glob_list_match(const struct glob_list *list, const char *text)
{
    for (size_t i = 0; text && i < list->n; i++) {
        if (glob_match(list->globs[i], text)) {
            return true;
        }
    }
    return false;
}

static unsigned
qualifier_kinds(const struct segment_qualifiers *qualifiers)
{
    if (!qualifiers) {
        return 0;
    }
    return (qualifiers->vlans ? KIND_VLAN : 0U) |
           (qualifiers->interfaces.n ? KIND_INTERFACE : 0U) |
           (qualifiers->sensors.n ? KIND_SENSOR : 0U) |
           (qualifiers->n_macs ? KIND_MAC : 0U);
}

static bool
vlan_sets_overlap(const struct vlan_set *a, const struct vlan_set *b)
{
    for (size_t i = 0; i < SEGMENTS_N_VLANS / 64; i++) {
        if (a->word[i] & b->word[i]) {
            return true;
        }
    }
    return false;
}

static bool
glob_lists_overlap(const struct glob_list *a, const struct glob_list *b)
{
    for (size_t i = 0; i < a->n * b->n; i++) {
        if (glob_overlap(a->globs[i / b->n], b->globs[i % b->n])) {
            return true;
        }
    }
    return false;
}

static bool
macs_match(const struct segment_qualifiers *qualifiers, const uint8_t *mac)
{
    for (size_t i = 0; mac && i < qualifiers->n_macs; i++) {
        if (memcmp(qualifiers->macs[i].byte, mac, qualifiers->macs[i].length) ==
            0) {
            return true;
        }
    }
    return false;
}

static bool
macs_overlap(const struct segment_qualifiers *a,
             const struct segment_qualifiers *b)
{
    for (size_t i = 0; i < a->n_macs * b->n_macs; i++) {
        const struct mac_pattern *x = &a->macs[i / b->n_macs];
        const struct mac_pattern *y = &b->macs[i % b->n_macs];

        if (memcmp(x->byte, y->byte,
                   x->length < y->length ? x->length : y->length) == 0) {
            return true;
        }
    }
    return false;
}

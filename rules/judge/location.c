/* The locator keeps only what it needs to answer fast; the reasons are found
 * again in the definitions, for the segment it answered. */

#include "rules/judge/location.h"

#include "rules/policy_impl.h"
#include "rules/print/condition_text.h"

static bool best_prefix(const struct prefix *, size_t n, const struct addr *,
                        struct prefix *best);
static void find_owner(const struct policy *, const struct addr *,
                       struct location *);
static void find_passed(const struct policy *, const struct addr *,
                        const struct policy_place *, struct location *);
static const char *failed_qualifier(const struct segment_qualifiers *,
                                    const struct policy_place *);
static void add_passed(struct location *, const struct location_claim *);

void
location_find(const struct policy *policy, const struct addr *addr,
              const struct policy_place *place, struct location *location)
{
    *location = (struct location){.segment = policy_locate(policy, addr, place),
                                  .prefix = {*addr, 128}};
    location->network_of = location->segment;
    find_owner(policy, addr, location);
    find_passed(policy, addr, place, location);
}

static void
find_owner(const struct policy *policy, const struct addr *addr,
           struct location *location)
{
    const struct segment *owner = &policy->segments[location->segment];

    if (best_prefix(owner->def.networks, owner->def.n_networks, addr,
                    &location->prefix)) {
        qualifiers_text(owner->def.qualifiers, location->qualifiers,
                        sizeof location->qualifiers);
        return;
    }
    if (segments_builtin_prefix(location->segment, addr, &location->prefix) ||
        location->segment != SEGMENT_BROADCAST) {
        return;
    }
    /* The narrowest network is the one that ends here. */
    location->prefix.length = 0;
    for (size_t i = 0; i < policy->n_segments; i++) {
        const struct segment_def *def = &policy->segments[i].def;
        struct prefix prefix;

        if (best_prefix(def->networks, def->n_networks, addr, &prefix) &&
            prefix.length > location->prefix.length) {
            location->prefix = prefix;
            location->network_of = (segment_id)i;
        }
    }
}

/* Every segment that would own the address by a longer prefix, or by the same
 * one with qualifiers. */
static void
find_passed(const struct policy *policy, const struct addr *addr,
            const struct policy_place *place, struct location *location)
{
    for (size_t i = 0; i < policy->n_segments; i++) {
        const struct segment_def *def = &policy->segments[i].def;
        struct location_claim claim = {.segment = (segment_id)i};
        struct prefix exclude;

        if (i == location->segment || i == location->network_of ||
            !best_prefix(def->networks, def->n_networks, addr, &claim.prefix) ||
            claim.prefix.length < location->prefix.length) {
            continue;
        }
        claim.failed =
            best_prefix(def->excludes, def->n_excludes, addr, &exclude)
                ? "exclude"
                : failed_qualifier(def->qualifiers, place);
        if (claim.failed) {
            add_passed(location, &claim);
        }
    }
}

static void
add_passed(struct location *location, const struct location_claim *claim)
{
    size_t at = location->n_passed;

    if (at < LOCATION_MAX_PASSED) {
        location->n_passed++;
    } else if (location->passed[--at].prefix.length >= claim->prefix.length) {
        return;
    }
    while (at &&
           location->passed[at - 1].prefix.length < claim->prefix.length) {
        location->passed[at] = location->passed[at - 1];
        at--;
    }
    location->passed[at] = *claim;
}

static bool
best_prefix(const struct prefix *prefixes, size_t n, const struct addr *addr,
            struct prefix *best)
{
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        if (prefix_contains(&prefixes[i], addr) &&
            (!found || prefixes[i].length > best->length)) {
            *best = prefixes[i];
            found = true;
        }
    }
    return found;
}

/* The first kind of qualifier that does not hold; NULL if all do. */
static const char *
failed_qualifier(const struct segment_qualifiers *all,
                 const struct policy_place *place)
{
    struct segment_qualifiers one;

    if (!all) {
        return NULL;
    }
    one = (struct segment_qualifiers){.vlans = all->vlans};
    if (!segment_qualifiers_hold(&one, place)) {
        return "vlans";
    }
    one = (struct segment_qualifiers){.interfaces = all->interfaces};
    if (!segment_qualifiers_hold(&one, place)) {
        return "interfaces";
    }
    one = (struct segment_qualifiers){.sensors = all->sensors};
    if (!segment_qualifiers_hold(&one, place)) {
        return "sensors";
    }
    return segment_qualifiers_hold(all, place) ? NULL : "macs";
}

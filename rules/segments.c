/* Prefixes either nest or are disjoint, so one sweep over the sorted prefixes
 * with a stack of those that are open visits every range once; what can own a
 * range depends only on the innermost open prefix, which gives one candidate
 * list per prefix.  A candidate without qualifiers ends its list. */

#include "rules/segments.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEGMENTS_N = SEGMENTS_MAX + 64 /* With the built-in ones. */
};

static_assert(SEGMENT_N_BUILTIN <= 64, "they have room");

/* An address as a number, so that ranges compare in two steps. */
struct position {
    uint64_t high, low;
};

struct candidate {
    const struct segment_qualifiers *qualifiers;
    segment_id segment;
    bool last; /* Of its list; always holds. */
    uint8_t prefix_length;
};

struct range {
    struct position start;
    uint32_t list; /* Index of its first candidate. */
};

struct segments {
    const struct candidate *candidates;
    const struct range *ranges; /* All families, sorted by start. */
    size_t n_ranges;
    uint64_t contested[SEGMENTS_N / 64]; /* As segments_contested(). */
    /* IPv4: last range that starts at or before each /16. */
    uint32_t v4_index[65537];
};

/* One prefix of one segment; several share a node of the sweep. */
struct claim {
    struct prefix prefix;
    segment_id segment;
    bool exclude;
    const struct segment_qualifiers *qualifiers;
};

struct sweep {
    struct arena *arena;
    struct claim *claims; /* Sorted: start, length, preference. */
    size_t n_claims;
    struct arena_list candidates, ranges;
    struct {
        size_t first, end; /* Its claims. */
        struct position last;
        uint32_t list;
    } open[130];
    size_t depth;
    /* Per segment and family: open prefixes that exclude it.  IPv4 has its
     * place inside ::/0, and an exclude of the one is not one of the other. */
    uint16_t (*excluded)[2];
};

static size_t segments_claims(struct claim *, const struct segment_def *defs,
                              size_t n);
static size_t broadcast_claim(const struct prefix *, struct claim *);
static int claim_compare(const void *, const void *);
static bool sweep_run(struct sweep *);
static bool sweep_open(struct sweep *, size_t first, size_t end);
static bool sweep_close(struct sweep *);
static bool sweep_list(struct sweep *);
static bool sweep_candidate(struct sweep *, const struct claim *, bool *last);
static bool sweep_range(struct sweep *, struct position start);
static const struct candidate *candidates_of(const struct segments *,
                                             const struct addr *);
static struct position position_of(const struct addr *);
static struct position prefix_last(const struct prefix *);
static bool position_before(struct position, struct position);
static size_t range_find(const struct range *, size_t low, size_t high,
                         struct position);
static void segments_index(struct segments *);
static void segments_contend(struct segments *, size_t n_candidates);

static const struct {
    const char *text;
    segment_id segment;
} builtin_networks[] = {
    {"0.0.0.0/0", SEGMENT_INTERNET},
    {"::/0", SEGMENT_INTERNET},
    {"10.0.0.0/8", SEGMENT_UNKNOWN},
    {"100.64.0.0/10", SEGMENT_UNKNOWN},
    {"172.16.0.0/12", SEGMENT_UNKNOWN},
    {"192.168.0.0/16", SEGMENT_UNKNOWN},
    {"fc00::/7", SEGMENT_UNKNOWN},
    {"224.0.0.0/4", SEGMENT_MULTICAST},
    {"ff00::/8", SEGMENT_MULTICAST},
    {"255.255.255.255", SEGMENT_BROADCAST},
    {"169.254.0.0/16", SEGMENT_LINK_LOCAL},
    {"fe80::/10", SEGMENT_LINK_LOCAL},
    {"0.0.0.0/8", SEGMENT_RESERVED},
    {"127.0.0.0/8", SEGMENT_RESERVED},
    {"240.0.0.0/4", SEGMENT_RESERVED},
    {"::", SEGMENT_RESERVED},
    {"::1", SEGMENT_RESERVED},
};

enum {
    N_BUILTIN_NETWORKS = sizeof builtin_networks / sizeof builtin_networks[0]
};

const struct segments *
segments_build(struct arena *arena, const struct segment_def *defs, size_t n)
{
    struct sweep sweep = {.arena = arena};
    struct segments *segments = arena_alloc(arena, sizeof *segments);
    size_t n_claims = N_BUILTIN_NETWORKS;
    bool good;

    for (size_t i = 0; i < n; i++) {
        n_claims += 2 * defs[i].n_networks + defs[i].n_excludes;
    }
    sweep.claims = calloc(n_claims, sizeof *sweep.claims);
    sweep.excluded = calloc(n + 1, sizeof *sweep.excluded);
    good = segments && sweep.claims && sweep.excluded;
    if (good) {
        sweep.n_claims = segments_claims(sweep.claims, defs, n);
        qsort(sweep.claims, sweep.n_claims, sizeof *sweep.claims,
              claim_compare);
        good = sweep_run(&sweep);
    }
    free(sweep.claims);
    free(sweep.excluded);
    if (!good) {
        return NULL;
    }
    segments->candidates = sweep.candidates.items;
    segments->ranges = sweep.ranges.items;
    segments->n_ranges = sweep.ranges.n;
    segments_index(segments);
    segments_contend(segments, sweep.candidates.n);
    return segments;
}

bool
segments_builtin_prefix(segment_id segment, const struct addr *addr,
                        struct prefix *longest)
{
    bool found = false;

    for (size_t i = 0; i < N_BUILTIN_NETWORKS; i++) {
        struct prefix prefix;

        if (builtin_networks[i].segment == segment &&
            prefix_parse(builtin_networks[i].text, &prefix) &&
            prefix_contains(&prefix, addr) &&
            (!found || prefix.length > longest->length)) {
            *longest = prefix;
            found = true;
        }
    }
    return found;
}

segment_id
segments_locate(const struct segments *segments, const struct addr *addr,
                const struct policy_place *place)
{
    const struct candidate *candidate;

    if (place->link_broadcast) {
        return SEGMENT_BROADCAST;
    }
    candidate = candidates_of(segments, addr);
    while (!candidate->last &&
           !segment_qualifiers_hold(candidate->qualifiers, place)) {
        candidate++;
    }
    return candidate->segment;
}

enum segment_fit
segments_fit(const struct segments *segments, const struct addr *addr,
             const struct policy_place *place)
{
    const struct candidate *first = candidates_of(segments, addr);
    enum segment_fit fit = SEGMENT_FIT_ANYWHERE;

    for (const struct candidate *candidate = first;
         candidate->prefix_length == first->prefix_length; candidate++) {
        const struct segment_qualifiers *all = candidate->qualifiers;
        bool bound = all && (all->vlans || all->interfaces.n);

        if (segment_qualifiers_hold(all, place)) {
            return bound ? SEGMENT_FIT_HERE : SEGMENT_FIT_ANYWHERE;
        }
        if (bound && segment_qualifiers_refuse_link(all, place)) {
            fit = SEGMENT_FIT_ELSEWHERE;
        }
        if (candidate->last) {
            break;
        }
    }
    return fit;
}

bool
segments_contested(const struct segments *segments, segment_id segment)
{
    return segments->contested[segment / 64] >> segment % 64 & 1;
}

size_t
segments_n_ranges(const struct segments *segments)
{
    return segments->n_ranges;
}

struct addr
segments_range_first(const struct segments *segments, size_t i)
{
    const struct position *start = &segments->ranges[i].start;
    struct addr addr;

    for (size_t k = 0; k < 8; k++) {
        addr.byte[k] = (uint8_t)(start->high >> (56 - 8 * k));
        addr.byte[8 + k] = (uint8_t)(start->low >> (56 - 8 * k));
    }
    return addr;
}

bool
segments_range_owner(const struct segments *segments, size_t i, size_t k,
                     segment_id *owner)
{
    const struct candidate *candidate =
        &segments->candidates[segments->ranges[i].list + k];

    *owner = candidate->segment;
    return !candidate->last;
}

static size_t
segments_claims(struct claim *claims, const struct segment_def *defs, size_t n)
{
    size_t n_claims = 0;

    for (size_t i = 0; i < N_BUILTIN_NETWORKS; i++) {
        struct claim *claim = &claims[n_claims++];

        claim->segment = builtin_networks[i].segment;
        (void)prefix_parse(builtin_networks[i].text, &claim->prefix);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < defs[i].n_networks; k++) {
            claims[n_claims++] =
                (struct claim){.prefix = defs[i].networks[k],
                               .segment = (segment_id)i,
                               .qualifiers = defs[i].qualifiers};
            n_claims +=
                broadcast_claim(&defs[i].networks[k], &claims[n_claims]);
        }
        for (size_t k = 0; k < defs[i].n_excludes; k++) {
            claims[n_claims++] = (struct claim){.prefix = defs[i].excludes[k],
                                                .segment = (segment_id)i,
                                                .exclude = true};
        }
    }
    return n_claims;
}

/* The last address of an IPv4 network that has one to spare. */
static size_t
broadcast_claim(const struct prefix *prefix, struct claim *claim)
{
    if (!addr_is_ipv4(&prefix->addr) || prefix->length < 96 ||
        prefix->length > 96 + 30) {
        return 0;
    }
    claim->prefix = *prefix;
    for (unsigned bit = prefix->length; bit < 128; bit++) {
        claim->prefix.addr.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    claim->prefix.length = 128;
    claim->segment = SEGMENT_BROADCAST;
    return 1;
}

/* Outer prefixes before inner ones; claims on one prefix by preference. */
static int
claim_compare(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof x->prefix.addr);

    if (order) {
        return order;
    }
    if (x->prefix.length != y->prefix.length) {
        return x->prefix.length < y->prefix.length ? -1 : 1;
    }
    order = segment_qualifiers_compare(y->qualifiers, x->qualifiers);
    if (order) {
        return order;
    }
    if ((x->segment < SEGMENT_N_BUILTIN) != (y->segment < SEGMENT_N_BUILTIN)) {
        return x->segment < SEGMENT_N_BUILTIN ? 1 : -1;
    }
    return x->segment < y->segment ? -1 : x->segment > y->segment;
}

static bool
sweep_run(struct sweep *sweep)
{
    bool good = true;

    for (size_t first = 0, end; good && first < sweep->n_claims; first = end) {
        const struct prefix *prefix = &sweep->claims[first].prefix;
        struct position start = position_of(&prefix->addr);

        end = first + 1;
        while (end < sweep->n_claims &&
               memcmp(&sweep->claims[end].prefix.addr, &prefix->addr,
                      sizeof prefix->addr) == 0 &&
               sweep->claims[end].prefix.length == prefix->length) {
            end++;
        }
        while (good && sweep->depth &&
               position_before(sweep->open[sweep->depth - 1].last, start)) {
            good = sweep_close(sweep);
        }
        good = good && sweep_open(sweep, first, end);
    }
    while (good && sweep->depth) {
        good = sweep_close(sweep);
    }
    return good;
}

static bool
sweep_open(struct sweep *sweep, size_t first, size_t end)
{
    const struct prefix *prefix = &sweep->claims[first].prefix;
    bool is_ipv4 = prefix_is_ipv4(prefix);

    sweep->open[sweep->depth].first = first;
    sweep->open[sweep->depth].end = end;
    sweep->open[sweep->depth].last = prefix_last(prefix);
    sweep->depth++;
    for (size_t i = first; i < end; i++) {
        sweep->excluded[sweep->claims[i].segment][is_ipv4] +=
            sweep->claims[i].exclude;
    }
    return sweep_list(sweep) && sweep_range(sweep, position_of(&prefix->addr));
}

/* What follows the prefix belongs to the one around it again. */
static bool
sweep_close(struct sweep *sweep)
{
    size_t top = --sweep->depth;
    struct position next = sweep->open[top].last;

    for (size_t i = sweep->open[top].first; i < sweep->open[top].end; i++) {
        const struct claim *claim = &sweep->claims[i];

        sweep->excluded[claim->segment][prefix_is_ipv4(&claim->prefix)] -=
            claim->exclude;
    }
    next.low++;
    next.high += next.low == 0;
    if (!sweep->depth || (next.high == 0 && next.low == 0)) {
        return true;
    }
    return sweep_range(sweep, next);
}

/* The candidates of the innermost prefix: its own, then those around it. */
static bool
sweep_list(struct sweep *sweep)
{
    bool last = false, good = true;

    if (sweep->candidates.n >= SEGMENTS_MAX_CANDIDATES) {
        return false;
    }
    sweep->open[sweep->depth - 1].list = (uint32_t)sweep->candidates.n;
    for (size_t level = sweep->depth; good && !last && level-- > 0;) {
        size_t end = sweep->open[level].end;

        for (size_t i = sweep->open[level].first; good && !last && i < end;
             i++) {
            good = sweep_candidate(sweep, &sweep->claims[i], &last);
        }
    }
    return last; /* Unless memory is out: 0.0.0.0/0 and ::/0 are built in. */
}

/* Sets *last if nothing after it can be reached. */
static bool
sweep_candidate(struct sweep *sweep, const struct claim *claim, bool *last)
{
    struct candidate *candidate;

    if (claim->exclude ||
        sweep->excluded[claim->segment][prefix_is_ipv4(&claim->prefix)]) {
        return true;
    }
    candidate =
        arena_list_add(sweep->arena, &sweep->candidates, sizeof *candidate);
    if (!candidate) {
        return false;
    }
    *candidate = (struct candidate){claim->qualifiers, claim->segment,
                                    !claim->qualifiers, claim->prefix.length};
    *last = candidate->last;
    return true;
}

static bool
sweep_range(struct sweep *sweep, struct position start)
{
    struct range *ranges = sweep->ranges.items, *range = NULL;

    if (sweep->ranges.n) {
        range = &ranges[sweep->ranges.n - 1];
    }
    if (!range || position_before(range->start, start)) {
        range = arena_list_add(sweep->arena, &sweep->ranges, sizeof *range);
    }
    if (!range) {
        return false;
    }
    range->start = start;
    range->list = sweep->open[sweep->depth - 1].list;
    return true;
}

static const struct candidate *
candidates_of(const struct segments *segments, const struct addr *addr)
{
    struct position position = position_of(addr);
    size_t low = 0, high = segments->n_ranges - 1;

    if (addr_is_ipv4(addr)) {
        size_t slot = (size_t)(position.low >> 16 & 0xffff);

        low = segments->v4_index[slot];
        high = segments->v4_index[slot + 1];
    }
    low = range_find(segments->ranges, low, high, position);
    return &segments->candidates[segments->ranges[low].list];
}

static struct position
position_of(const struct addr *addr)
{
    struct position position;

    memcpy(&position.high, addr->byte, sizeof position.high);
    memcpy(&position.low, addr->byte + sizeof position.high,
           sizeof position.low);
    position.high = be64toh(position.high);
    position.low = be64toh(position.low);
    return position;
}

static struct position
prefix_last(const struct prefix *prefix)
{
    struct position last = position_of(&prefix->addr);

    if (prefix->length < 64) {
        last.high |= UINT64_MAX >> prefix->length;
        last.low = UINT64_MAX;
    } else if (prefix->length < 128) {
        last.low |= UINT64_MAX >> (prefix->length - 64);
    }
    return last;
}

static bool
position_before(struct position a, struct position b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* The last range in [low, high] that starts at or before 'position'; the one
 * at 'low' does. */
static size_t
range_find(const struct range *ranges, size_t low, size_t high,
           struct position position)
{
    while (low < high) {
        size_t middle = high - (high - low) / 2;

        if (position_before(position, ranges[middle].start)) {
            high = middle - 1;
        } else {
            low = middle;
        }
    }
    return low;
}

static void
segments_index(struct segments *segments)
{
    size_t at = 0;

    for (size_t i = 0; i <= 65536; i++) {
        struct position start = {0, 0xffff00000000 + ((uint64_t)i << 16)};

        while (at + 1 < segments->n_ranges &&
               !position_before(start, segments->ranges[at + 1].start)) {
            at++;
        }
        segments->v4_index[i] = (uint32_t)at;
    }
}

/* All candidates of one list have the same addresses.  What a frame to
 * everybody went to may be any segment's. */
static void
segments_contend(struct segments *segments, size_t n_candidates)
{
    size_t first = 0;
    bool qualified = false;

    segments->contested[0] = UINT64_C(1) << SEGMENT_BROADCAST;
    for (size_t i = 0; i < n_candidates; i++) {
        qualified |= segments->candidates[i].qualifiers != NULL;
        if (!segments->candidates[i].last) {
            continue;
        }
        for (; qualified && first <= i; first++) {
            segment_id segment = segments->candidates[first].segment;

            segments->contested[segment / 64] |= UINT64_C(1) << segment % 64;
        }
        first = i + 1;
        qualified = false;
    }
}

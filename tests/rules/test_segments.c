/* segments.h, against a naive search through every prefix. */

#include "tests/support/test.h"

#include "rules/segments.h"

#include <string.h>

enum {
    MAX_SEGMENTS = 24,
    MAX_PREFIXES = 6
};

static uint32_t seed;

static uint32_t
draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

struct model {
    struct segment_def defs[SEGMENT_N_BUILTIN + MAX_SEGMENTS];
    struct prefix networks[MAX_SEGMENTS][MAX_PREFIXES];
    struct prefix excludes[MAX_SEGMENTS][MAX_PREFIXES];
    struct vlan_set vlans[MAX_SEGMENTS];
    struct segment_qualifiers qualifiers[MAX_SEGMENTS];
    size_t n;
};

static struct addr
draw_addr(void)
{
    const uint8_t ipv4[4] = {10, (uint8_t)draw(3), (uint8_t)draw(3),
                             (uint8_t)(draw(2) ? draw(256) : 255 * draw(2))};
    struct addr addr = {{0x20, 0x01, 0x0d, 0xb8}};

    if (draw(3)) {
        return addr_from_ipv4(ipv4);
    }
    addr.byte[5] = (uint8_t)draw(3);
    addr.byte[7] = (uint8_t)draw(3);
    addr.byte[15] = (uint8_t)draw(4);
    return addr;
}

static struct prefix
draw_prefix(void)
{
    struct prefix prefix = {.addr = draw_addr()};

    prefix.length = addr_is_ipv4(&prefix.addr) ? (uint8_t)(96 + 8 + draw(25))
                                               : (uint8_t)(32 + draw(97));
    prefix_clear_host_bits(&prefix);
    return prefix;
}

static void
draw_model(struct model *model)
{
    memset(model, 0, sizeof *model);
    model->n = SEGMENT_N_BUILTIN + 1 + draw(MAX_SEGMENTS);
    for (size_t i = SEGMENT_N_BUILTIN; i < model->n; i++) {
        size_t k = i - SEGMENT_N_BUILTIN;
        struct segment_def *def = &model->defs[i];

        def->networks = model->networks[k];
        def->excludes = model->excludes[k];
        def->n_networks = 1 + draw(MAX_PREFIXES);
        def->n_excludes = draw(3);
        for (size_t p = 0; p < MAX_PREFIXES; p++) {
            model->networks[k][p] = draw_prefix();
            model->excludes[k][p] = draw_prefix();
        }
        if (draw(3) == 0) {
            vlan_set_add(&model->vlans[k], (uint16_t)draw(3));
            model->qualifiers[k].vlans = &model->vlans[k];
            def->qualifiers = &model->qualifiers[k];
        }
    }
}

static bool
excluded(const struct segment_def *def, const struct addr *addr)
{
    for (size_t i = 0; i < def->n_excludes; i++) {
        if (prefix_contains(&def->excludes[i], addr)) {
            return true;
        }
    }
    return false;
}

/* Is it the last address of this network, of /30 or shorter? */
static bool
is_last_of(const struct prefix *prefix, const struct addr *addr)
{
    struct addr next = *addr;

    if (!addr_is_ipv4(addr) || prefix->length > 126 ||
        !prefix_contains(prefix, addr)) {
        return false;
    }
    for (size_t k = 16; k-- > 0 && !++next.byte[k];) {
    }
    return !prefix_contains(prefix, &next);
}

static bool
directed_broadcast(const struct model *model, const struct addr *addr)
{
    bool found = false;

    for (size_t i = SEGMENT_N_BUILTIN; i < model->n; i++) {
        for (size_t p = 0; p < model->defs[i].n_networks; p++) {
            found |= is_last_of(&model->defs[i].networks[p], addr);
        }
    }
    return found;
}

static segment_id
naive_builtin(const struct addr *addr)
{
    return addr_is_ipv4(addr) && addr->byte[12] == 10 ? SEGMENT_UNKNOWN
                                                      : SEGMENT_INTERNET;
}

/* Of the longest network that has the address; -1 if none. */
static int
longest(const struct segment_def *def, const struct addr *addr)
{
    int length = -1;

    for (size_t p = 0; p < def->n_networks; p++) {
        if (prefix_contains(&def->networks[p], addr) &&
            def->networks[p].length > length) {
            length = def->networks[p].length;
        }
    }
    return length;
}

static segment_id
naive_locate(const struct model *model, const struct addr *addr,
             const struct policy_place *place)
{
    segment_id best = naive_builtin(addr);
    int best_length = best == SEGMENT_UNKNOWN ? 104 : 0, best_rank = -1;

    if (directed_broadcast(model, addr)) {
        best = SEGMENT_BROADCAST;
        best_length = 128;
    }
    for (size_t i = SEGMENT_N_BUILTIN; i < model->n; i++) {
        const struct segment_def *def = &model->defs[i];
        int rank = def->qualifiers ? 1 : 0, length = longest(def, addr);

        if (length < 0 || excluded(def, addr) ||
            !segment_qualifiers_hold(def->qualifiers, place)) {
            continue;
        }
        if (length > best_length ||
            (length == best_length && rank > best_rank)) {
            best = (segment_id)i;
            best_length = length;
            best_rank = rank;
        }
    }
    return best;
}

static void
locating_agrees_with_a_search_through_every_prefix(void **state)
{
    static struct model model;

    (void)state;
    for (uint32_t round = 0; round < 400; round++) {
        struct arena arena = {0};
        const struct segments *segments;

        seed = round + 1;
        draw_model(&model);
        segments = segments_build(&arena, model.defs, model.n);
        assert_non_null(segments);
        for (int i = 0; i < 300; i++) {
            struct policy_place place = {
                .vlan = (uint16_t)draw(4), .interface = "", .sensor = ""};
            struct addr addr = draw_addr();

            assert_int_equal(segments_locate(segments, &addr, &place),
                             naive_locate(&model, &addr, &place));
        }
        arena_done(&arena);
    }
}

static void
built_in_segments_cover_every_address(void **state)
{
    static const struct {
        const char *addr;
        enum policy_builtin segment;
    } cases[] = {
        {"8.8.8.8", SEGMENT_INTERNET},
        {"198.51.100.1", SEGMENT_INTERNET},
        {"2001:db8::1", SEGMENT_INTERNET},
        {"10.0.0.0", SEGMENT_UNKNOWN},
        {"10.255.255.255", SEGMENT_UNKNOWN},
        {"11.0.0.0", SEGMENT_INTERNET},
        {"172.31.0.1", SEGMENT_UNKNOWN},
        {"172.32.0.1", SEGMENT_INTERNET},
        {"100.127.255.255", SEGMENT_UNKNOWN},
        {"fd00::1", SEGMENT_UNKNOWN},
        {"0.0.0.0", SEGMENT_RESERVED},
        {"127.0.0.1", SEGMENT_RESERVED},
        {"::", SEGMENT_RESERVED},
        {"::1", SEGMENT_RESERVED},
        {"::2", SEGMENT_INTERNET},
        {"169.254.169.254", SEGMENT_LINK_LOCAL},
        {"fe80::1", SEGMENT_LINK_LOCAL},
        {"224.0.0.1", SEGMENT_MULTICAST},
        {"ff02::1", SEGMENT_MULTICAST},
        {"250.0.0.1", SEGMENT_RESERVED},
        {"255.255.255.255", SEGMENT_BROADCAST},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SEGMENT_MULTICAST},
    };
    const struct segment_def none[SEGMENT_N_BUILTIN] = {{0}};
    struct arena arena = {0};
    const struct segments *segments =
        segments_build(&arena, none, SEGMENT_N_BUILTIN);
    struct policy_place place = {.interface = "", .sensor = ""};

    (void)state;
    assert_non_null(segments);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr addr;

        assert_true(addr_parse(cases[i].addr, &addr));
        assert_int_equal(segments_locate(segments, &addr, &place),
                         cases[i].segment);
    }
    place.link_broadcast = true;
    assert_int_equal(segments_locate(segments, &(struct addr){{0}}, &place),
                     SEGMENT_BROADCAST);
    arena_done(&arena);
}

static void
qualifiers_of_the_same_kinds_clash_when_all_overlap(void **state)
{
    const char *const eth[] = {"eth*"}, *const zero[] = {"*0"};
    struct vlan_set ten = {{UINT64_C(1) << 10}}, both = {{UINT64_C(3) << 10}};
    struct vlan_set other = {{UINT64_C(1) << 20}};
    struct segment_qualifiers a = {.vlans = &ten}, b = {.vlans = &both};

    (void)state;
    assert_true(segment_qualifiers_clash(NULL, NULL));
    assert_false(segment_qualifiers_clash(&a, NULL));
    assert_true(segment_qualifiers_clash(&a, &b));
    b.vlans = &other;
    assert_false(segment_qualifiers_clash(&a, &b));
    b.vlans = &both;
    a.interfaces = (struct glob_list){eth, 1};
    assert_false(segment_qualifiers_clash(&a, &b));
    assert_true(segment_qualifiers_compare(&a, &b) > 0);
    b.interfaces = (struct glob_list){zero, 1};
    assert_true(segment_qualifiers_clash(&a, &b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locating_agrees_with_a_search_through_every_prefix),
        cmocka_unit_test(built_in_segments_cover_every_address),
        cmocka_unit_test(qualifiers_of_the_same_kinds_clash_when_all_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

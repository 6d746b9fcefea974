/* Builds sample frames from their text; see samples.h. */

#include "tests/dissect/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
layer_tcp(struct frame_builder *b)
{
    build_tcp(b, 40000, 443, TCP_SYN);
    build_tcp_numbers(b, 1000, 0, 0x2000);
    build_payload(b, "payload", 7);
}

static void
layer_inner4(struct frame_builder *b)
{
    build_ipv4(b, "10.0.0.1", "10.0.0.2");
}

static void
layer_inner6(struct frame_builder *b)
{
    build_ipv6(b, "2001:db8::1", "2001:db8::2");
}

static void
layer_seg4(struct frame_builder *b)
{
    layer_inner4(b);
    layer_tcp(b);
}

static void
layer_seg6(struct frame_builder *b)
{
    layer_inner6(b);
    layer_tcp(b);
}

static void
layer_outer4(struct frame_builder *b)
{
    build_ipv4(b, "192.0.2.1", "192.0.2.2");
}

static void
layer_outer6(struct frame_builder *b)
{
    build_ipv6(b, "2001:db8:1::1", "2001:db8:1::2");
}

static const struct {
    const char *name;
    void (*build)(struct frame_builder *);
} plain_layers[] = {
    {"eth", build_ethernet},  {"eth8023", build_ethernet_8023},
    {"snap", build_llc_snap}, {"pppoe", build_pppoe},
    {"ppp", build_ppp},       {"sll", build_sll},
    {"sll2", build_sll2},     {"ah", build_authentication},
    {"gre", build_gre},       {"erspan1", build_erspan_1},
    {"tcp", layer_tcp},       {"inner4", layer_inner4},
    {"inner6", layer_inner6}, {"seg4", layer_seg4},
    {"seg6", layer_seg6},     {"outer4", layer_outer4},
    {"outer6", layer_outer6},
};

static void
layer_hex(struct frame_builder *b, const char *hex, size_t n_digits)
{
    char bytes[128];

    for (size_t i = 0; i < n_digits / 2; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (char)strtoul(digits, NULL, 16);
    }
    build_hand_made(b, bytes, n_digits / 2);
}

/* A layer with numbers, such as "vlan:42". */
static bool
layer_with_numbers(struct frame_builder *b, const char *name,
                   const unsigned n[3])
{
    if (strcmp(name, "vlan") == 0) {
        build_vlan(b, 0x8100, (uint16_t)n[0]);
    } else if (strcmp(name, "tag") == 0) {
        build_vlan(b, (uint16_t)n[0], (uint16_t)n[1]);
    } else if (strcmp(name, "mpls") == 0) {
        build_mpls(b, n[0]);
    } else if (strcmp(name, "options") == 0) {
        build_ipv4_options(b, n[0]);
    } else if (strcmp(name, "ext") == 0) {
        build_ipv6_extension(b, (uint8_t)n[0], n[1]);
    } else if (strcmp(name, "fragment") == 0) {
        build_ipv6_fragment(b, n[0], 0, 0);
    } else if (strcmp(name, "udp") == 0) {
        build_udp(b, 50000, (uint16_t)n[0]);
    } else if (strcmp(name, "proto") == 0) {
        build_protocol(b, (uint8_t)n[0]);
    } else if (strcmp(name, "pad") == 0) {
        build_trailer(b, n[0]);
    } else {
        return false;
    }
    return true;
}

static bool
tunnel_with_numbers(struct frame_builder *b, const char *name,
                    const unsigned n[3])
{
    if (strcmp(name, "gre") == 0) {
        build_gre_key(b, n[0]);
    } else if (strcmp(name, "erspan2") == 0) {
        build_erspan_2(b, (uint16_t)n[0], (uint16_t)n[1]);
    } else if (strcmp(name, "erspan3") == 0) {
        build_erspan_3(b, (uint16_t)n[0], (uint16_t)n[1], (int)n[2]);
    } else if (strcmp(name, "vxlan") == 0) {
        build_vxlan(b, n[0]);
    } else if (strcmp(name, "gpe") == 0) {
        build_vxlan_gpe(b, n[0]);
    } else if (strcmp(name, "geneve") == 0) {
        build_geneve(b, n[0], n[1]);
    } else if (strcmp(name, "gtp") == 0) {
        build_gtp_u(b, n[0]);
    } else {
        return false;
    }
    return true;
}

static bool
plain_layer(struct frame_builder *b, const char *name)
{
    for (size_t i = 0; i < sizeof plain_layers / sizeof *plain_layers; i++) {
        if (strcmp(plain_layers[i].name, name) == 0) {
            plain_layers[i].build(b);
            return true;
        }
    }
    return false;
}

static void
add_layer(struct frame_builder *b, const char *word, size_t size)
{
    char name[32] = "";
    unsigned n[3] = {0};
    char *number;

    if (*word == '=') {
        layer_hex(b, word + 1, size - 1);
        return;
    }
    memcpy(name, word, size < sizeof name ? size : sizeof name - 1);
    if (plain_layer(b, name)) {
        return;
    }
    number = strchr(name, ':');
    for (int i = 0; i < 3 && number && *number == ':'; i++) {
        *number = '\0';
        n[i] = (unsigned)strtoul(number + 1, &number, 10);
    }
    if (!layer_with_numbers(b, name, n) && !tunnel_with_numbers(b, name, n)) {
        fprintf(stderr, "samples: no such layer: %s\n", name);
        exit(1);
    }
}

struct frame
sample_build(struct frame_builder *b, const struct sample *sample)
{
    const char *word = sample->layers;

    build_start(b, sample->link);
    while (*word) {
        size_t size = strcspn(word, " ");

        add_layer(b, word, size);
        word += size + strspn(word + size, " ");
    }
    return build_frame(b);
}

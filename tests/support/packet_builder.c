/* A frame builder for tests; see packet_builder.h.
 *
 * Independent of dissect/ on purpose: a mistake there must not be made here
 * too. */

#include "tests/support/packet_builder.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_PLAIN,
    KIND_LENGTH_8023,
    KIND_MPLS,
    KIND_PPPOE,
    KIND_IPV4,
    KIND_IPV6,
    KIND_TCP,
    KIND_UDP,
    KIND_ICMP,
    KIND_ICMPV6,
    KIND_GTP_U
};

/* Whose numbers a "what comes next" field holds. */
enum naming {
    NAMING_NONE,
    NAMING_ETHERTYPE,
    NAMING_PROTOCOL,
    NAMING_PPP,
    NAMING_GPE
};

/* One layer's number under each naming; 0 if it has none. */
struct names {
    uint16_t ethertype;
    uint8_t protocol;
    uint16_t ppp;
    uint8_t gpe;
};

static const uint8_t dst_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t src_mac[6] = {2, 0, 0, 0, 0, 1};

static uint8_t *
add_bytes(struct frame_builder *b, size_t size)
{
    uint8_t *start = b->data + b->size;

    if (size > sizeof b->data - b->size) {
        fprintf(stderr, "packet_builder: the frame grows too large\n");
        exit(1);
    }
    memset(start, 0, size);
    b->size += size;
    return start;
}

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static void
name_next(struct frame_builder *b, const struct names *names)
{
    struct built_layer *last;
    uint8_t *field;

    if (b->n_layers == 0) {
        return;
    }
    last = &b->layers[b->n_layers - 1];
    field = b->data + last->next;
    switch ((enum naming)last->naming) {
    case NAMING_ETHERTYPE: put16(field, names->ethertype); break;
    case NAMING_PROTOCOL: *field = names->protocol; break;
    case NAMING_PPP: put16(field, names->ppp); break;
    case NAMING_GPE: *field = names->gpe; break;
    case NAMING_NONE:
    default: break;
    }
}

/* Adds a layer of 'size' bytes whose "what comes next" field is at 'next'. */
static uint8_t *
add_layer(struct frame_builder *b, enum kind kind, size_t size,
          const struct names *names, size_t next, enum naming naming)
{
    if (b->n_layers == FRAME_BUILDER_MAX_LAYERS) {
        fprintf(stderr, "packet_builder: too many layers\n");
        exit(1);
    }
    name_next(b, names);
    b->layers[b->n_layers++] = (struct built_layer){
        .kind = (uint8_t)kind,
        .at = (uint16_t)b->size,
        .next = (uint16_t)(b->size + next),
        .naming = (uint8_t)naming,
    };
    return add_bytes(b, size);
}

void
build_start(struct frame_builder *b, uint16_t link)
{
    b->size = 0;
    b->trailer = 0;
    b->n_layers = 0;
    b->link = link;
}

void
build_ethernet(struct frame_builder *b)
{
    static const struct names names = {.ethertype = 0x6558, .gpe = 3};
    uint8_t *h = add_layer(b, KIND_PLAIN, 14, &names, 12, NAMING_ETHERTYPE);

    memcpy(h, dst_mac, 6);
    memcpy(h + 6, src_mac, 6);
}

void
build_ethernet_8023(struct frame_builder *b)
{
    static const struct names names = {.ethertype = 0x6558, .gpe = 3};
    uint8_t *h = add_layer(b, KIND_LENGTH_8023, 14, &names, 12, NAMING_NONE);

    memcpy(h, dst_mac, 6);
    memcpy(h + 6, src_mac, 6);
}

void
build_llc_snap(struct frame_builder *b)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_PLAIN, 8, &names, 6, NAMING_ETHERTYPE);

    h[0] = h[1] = 0xaa;
    h[2] = 0x03;
}

void
build_vlan(struct frame_builder *b, uint16_t tpid, uint16_t id)
{
    struct names names = {.ethertype = tpid};
    uint8_t *h = add_layer(b, KIND_PLAIN, 4, &names, 2, NAMING_ETHERTYPE);

    put16(h, id);
}

void
build_mpls(struct frame_builder *b, uint32_t label)
{
    static const struct names names = {0x8847, 137, 0x0281, 5};
    bool follows =
        b->n_layers > 0 && b->layers[b->n_layers - 1].kind == KIND_MPLS;
    uint8_t *h;

    if (follows) {
        b->data[b->layers[b->n_layers - 1].at + 2] &= 0xfe;
    }
    h = add_layer(b, KIND_MPLS, 4, &names, 0, NAMING_NONE);
    put32(h, label << 12 | 0x100 | 64);
}

void
build_pppoe(struct frame_builder *b)
{
    static const struct names names = {.ethertype = 0x8864};
    uint8_t *h = add_layer(b, KIND_PPPOE, 6, &names, 0, NAMING_NONE);

    h[0] = 0x11;
    put16(h + 2, 7); /* Session. */
}

void
build_ppp(struct frame_builder *b)
{
    static const struct names names = {.ethertype = 0x880b};

    add_layer(b, KIND_PLAIN, 2, &names, 0, NAMING_PPP);
}

void
build_sll(struct frame_builder *b)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_PLAIN, 16, &names, 14, NAMING_ETHERTYPE);

    put16(h + 2, 1);
    put16(h + 4, 6);
    memcpy(h + 6, src_mac, 6);
}

void
build_sll2(struct frame_builder *b)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_PLAIN, 20, &names, 0, NAMING_ETHERTYPE);

    put16(h + 8, 1);
    h[11] = 6;
    memcpy(h + 12, src_mac, 6);
}

static void
put_address(uint8_t *at, int family, const char *text)
{
    if (inet_pton(family, text, at) != 1) {
        fprintf(stderr, "packet_builder: '%s' is not an address\n", text);
        exit(1);
    }
}

void
build_ipv4(struct frame_builder *b, const char *src, const char *dst)
{
    static const struct names names = {0x0800, 4, 0x0021, 1};
    uint8_t *h = add_layer(b, KIND_IPV4, 20, &names, 9, NAMING_PROTOCOL);

    h[0] = 0x45;
    put16(h + 4, 0x1234);
    h[8] = 64;
    h[9] = 0xfd; /* For experiments, until a layer follows. */
    put_address(h + 12, AF_INET, src);
    put_address(h + 16, AF_INET, dst);
}

void
build_ipv4_fragment(struct frame_builder *b, uint16_t id, uint16_t at, int more)
{
    uint8_t *h = b->data + b->layers[b->n_layers - 1].at;

    put16(h + 4, id);
    put16(h + 6, at / 8U | (more ? 0x2000U : 0U));
}

void
build_ipv4_options(struct frame_builder *b, size_t size)
{
    uint8_t *h = b->data + b->layers[b->n_layers - 1].at;

    memset(add_bytes(b, size), 1, size); /* No operation. */
    h[0] = (uint8_t)(0x45 + size / 4);
}

void
build_ipv6(struct frame_builder *b, const char *src, const char *dst)
{
    static const struct names names = {0x86dd, 41, 0x0057, 2};
    uint8_t *h = add_layer(b, KIND_IPV6, 40, &names, 6, NAMING_PROTOCOL);

    h[0] = 0x60;
    h[6] = 59;
    h[7] = 64;
    put_address(h + 8, AF_INET6, src);
    put_address(h + 24, AF_INET6, dst);
}

void
build_ipv6_extension(struct frame_builder *b, uint8_t kind, size_t size)
{
    struct names names = {.protocol = kind};
    uint8_t *h = add_layer(b, KIND_PLAIN, size, &names, 0, NAMING_PROTOCOL);

    h[0] = 59;
    h[1] = (uint8_t)(size / 8 - 1);
}

void
build_ipv6_fragment(struct frame_builder *b, uint32_t id, uint16_t at, int more)
{
    static const struct names names = {.protocol = 44};
    uint8_t *h = add_layer(b, KIND_PLAIN, 8, &names, 0, NAMING_PROTOCOL);

    h[0] = 59;
    put16(h + 2, at | (more ? 1U : 0U));
    put32(h + 4, id);
}

void
build_authentication(struct frame_builder *b)
{
    static const struct names names = {.protocol = 51};
    uint8_t *h = add_layer(b, KIND_PLAIN, 24, &names, 0, NAMING_PROTOCOL);

    h[0] = 59;
    h[1] = 4;
}

void
build_tcp(struct frame_builder *b, uint16_t src, uint16_t dst, uint8_t flags)
{
    static const struct names names = {.protocol = 6};
    uint8_t *h = add_layer(b, KIND_TCP, 20, &names, 0, NAMING_NONE);

    put16(h, src);
    put16(h + 2, dst);
    h[12] = 0x50;
    h[13] = flags;
    put16(h + 14, 0x2000);
}

void
build_tcp_numbers(struct frame_builder *b, uint32_t seq, uint32_t ack,
                  uint16_t window)
{
    uint8_t *h = b->data + b->layers[b->n_layers - 1].at;

    put32(h + 4, seq);
    put32(h + 8, ack);
    put16(h + 14, window);
}

void
build_udp(struct frame_builder *b, uint16_t src, uint16_t dst)
{
    static const struct names names = {.protocol = 17};
    uint8_t *h = add_layer(b, KIND_UDP, 8, &names, 0, NAMING_NONE);

    put16(h, src);
    put16(h + 2, dst);
}

void
build_sctp(struct frame_builder *b, uint16_t src, uint16_t dst)
{
    static const struct names names = {.protocol = 132};
    uint8_t *h = add_layer(b, KIND_PLAIN, 12, &names, 0, NAMING_NONE);

    put16(h, src);
    put16(h + 2, dst);
}

static void
add_icmp(struct frame_builder *b, enum kind kind, const struct names *names,
         const uint8_t type_and_code[2], uint16_t id)
{
    uint8_t *h = add_layer(b, kind, 8, names, 0, NAMING_NONE);

    memcpy(h, type_and_code, 2);
    put16(h + 4, id);
}

void
build_icmp(struct frame_builder *b, uint8_t type, uint8_t code, uint16_t id)
{
    static const struct names names = {.protocol = 1};

    add_icmp(b, KIND_ICMP, &names, (uint8_t[]){type, code}, id);
}

void
build_icmpv6(struct frame_builder *b, uint8_t type, uint8_t code, uint16_t id)
{
    static const struct names names = {.protocol = 58};

    add_icmp(b, KIND_ICMPV6, &names, (uint8_t[]){type, code}, id);
}

void
build_protocol(struct frame_builder *b, uint8_t protocol)
{
    struct names names = {.protocol = protocol};

    add_layer(b, KIND_PLAIN, 0, &names, 0, NAMING_NONE);
}

void
build_gre(struct frame_builder *b)
{
    static const struct names names = {.protocol = 47};

    add_layer(b, KIND_PLAIN, 4, &names, 2, NAMING_ETHERTYPE);
}

void
build_gre_key(struct frame_builder *b, uint32_t key)
{
    static const struct names names = {.protocol = 47};
    uint8_t *h = add_layer(b, KIND_PLAIN, 8, &names, 2, NAMING_ETHERTYPE);

    h[0] = 0x20;
    put32(h + 4, key);
}

void
build_erspan_1(struct frame_builder *b)
{
    static const struct names names = {.protocol = 47};

    put16(add_layer(b, KIND_PLAIN, 4, &names, 0, NAMING_NONE) + 2, 0x88be);
}

void
build_erspan_2(struct frame_builder *b, uint16_t session, uint16_t vlan)
{
    static const struct names names = {.protocol = 47};
    uint8_t *h = add_layer(b, KIND_PLAIN, 16, &names, 0, NAMING_NONE);

    h[0] = 0x10; /* GRE with a sequence number. */
    put16(h + 2, 0x88be);
    put16(h + 8, 0x1000U | vlan);
    put16(h + 10, session);
}

void
build_erspan_3(struct frame_builder *b, uint16_t session, uint16_t vlan,
               int subheader)
{
    static const struct names names = {.protocol = 47};
    uint8_t *h =
        add_layer(b, KIND_PLAIN, subheader ? 28 : 20, &names, 0, NAMING_NONE);

    h[0] = 0x10;
    put16(h + 2, 0x22eb);
    put16(h + 8, 0x2000U | vlan);
    put16(h + 10, session);
    h[19] = subheader ? 1 : 0;
}

void
build_vxlan(struct frame_builder *b, uint32_t vni)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_PLAIN, 8, &names, 0, NAMING_NONE);

    h[0] = 0x08;
    put32(h + 4, vni << 8);
}

void
build_vxlan_gpe(struct frame_builder *b, uint32_t vni)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_PLAIN, 8, &names, 3, NAMING_GPE);

    h[0] = 0x0c;
    put32(h + 4, vni << 8);
}

void
build_geneve(struct frame_builder *b, uint32_t vni, size_t option_bytes)
{
    static const struct names names = {0};
    uint8_t *h =
        add_layer(b, KIND_PLAIN, 8 + option_bytes, &names, 2, NAMING_ETHERTYPE);

    h[0] = (uint8_t)(option_bytes / 4);
    put32(h + 4, vni << 8);
}

void
build_gtp_u(struct frame_builder *b, uint32_t teid)
{
    static const struct names names = {0};
    uint8_t *h = add_layer(b, KIND_GTP_U, 8, &names, 0, NAMING_NONE);

    h[0] = 0x30;
    h[1] = 0xff;
    put32(h + 4, teid);
}

void
build_hand_made(struct frame_builder *b, const char *bytes, size_t size)
{
    uint8_t *h = add_bytes(b, size);

    if (bytes) {
        memcpy(h, bytes, size);
    }
    if (b->n_layers > 0) {
        b->layers[b->n_layers - 1].naming = NAMING_NONE;
    }
}

void
build_payload(struct frame_builder *b, const void *bytes, size_t size)
{
    uint8_t *start = add_bytes(b, size);

    if (size > 0) {
        memcpy(start, bytes, size);
    }
}

void
build_zeros(struct frame_builder *b, size_t size)
{
    add_bytes(b, size);
}

void
build_trailer(struct frame_builder *b, size_t size)
{
    add_bytes(b, size);
    b->trailer += size;
}

/* RFC 1071, over 'size' bytes, begun with 'sum'. */
static uint16_t
checksum(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* Of the pseudo header: the addresses of the IP layer before 'layer'. */
static uint32_t
pseudo_sum(const struct frame_builder *b, size_t layer, uint8_t protocol,
           size_t size)
{
    while (layer > 0 && b->layers[layer].kind != KIND_IPV4 &&
           b->layers[layer].kind != KIND_IPV6) {
        layer--;
    }
    if (b->layers[layer].kind == KIND_IPV4) {
        return (uint16_t)~checksum(protocol + (uint32_t)size,
                                   b->data + b->layers[layer].at + 12, 8);
    }
    return (uint16_t)~checksum(protocol + (uint32_t)size,
                               b->data + b->layers[layer].at + 8, 32);
}

static void
finish_layer(struct frame_builder *b, size_t n)
{
    uint8_t *h = b->data + b->layers[n].at;
    size_t size = b->size - b->trailer - b->layers[n].at;

    switch ((enum kind)b->layers[n].kind) {
    case KIND_LENGTH_8023: put16(h + 12, (uint32_t)size - 14); break;
    case KIND_PPPOE: put16(h + 4, (uint32_t)size - 6); break;
    case KIND_GTP_U: put16(h + 2, (uint32_t)size - 8); break;
    case KIND_IPV4:
        put16(h + 2, (uint32_t)size);
        put16(h + 10, 0);
        put16(h + 10, checksum(0, h, 4 * (size_t)(h[0] & 0xf)));
        break;
    case KIND_IPV6: put16(h + 4, (uint32_t)size - 40); break;
    case KIND_TCP:
        put16(h + 16, 0);
        put16(h + 16, checksum(pseudo_sum(b, n, 6, size), h, size));
        break;
    case KIND_UDP:
        put16(h + 4, (uint32_t)size);
        put16(h + 6, 0);
        put16(h + 6, checksum(pseudo_sum(b, n, 17, size), h, size));
        break;
    case KIND_ICMP:
        put16(h + 2, 0);
        put16(h + 2, checksum(0, h, size));
        break;
    case KIND_ICMPV6:
        put16(h + 2, 0);
        put16(h + 2, checksum(pseudo_sum(b, n, 58, size), h, size));
        break;
    case KIND_MPLS:
    case KIND_PLAIN:
    default: break;
    }
}

struct frame
build_frame(struct frame_builder *b)
{
    for (size_t n = b->n_layers; n-- > 0;) {
        finish_layer(b, n);
    }
    return (struct frame){
        .data = b->data,
        .number = 1,
        .captured = (uint32_t)b->size,
        .wire_size = (uint32_t)b->size,
        .link = b->link,
    };
}

uint8_t *
build_layer(struct frame_builder *b, size_t n)
{
    return b->data + b->layers[n].at;
}

/* The packet that an ICMP error is about, as far as the error quotes it.
 *
 * RFC 792 asks for the IP header and 8 bytes; RFC 1812 and RFC 4443 for as much
 * as fits.  What a middlebox or the capture cut off is simply missing: without
 * both addresses nothing is quoted, without four bytes of transport there are
 * no ports. */

#include "dissect/walk.h"

enum {
    MAX_EXTENSIONS = 8
};

static bool read_ipv4(struct cursor *, struct packet_quoted *);
static bool read_ipv6(struct cursor *, struct packet_quoted *);
static bool skip_extensions(struct cursor *, struct packet_quoted *);
static void read_transport(struct cursor, struct packet_quoted *);

void
quoted_read(struct walk *w)
{
    struct packet_quoted quoted = {.protocol = 0};
    struct cursor c = w->at;
    struct bytes h;
    bool sound = false;

    if (cursor_peek(&c, 1, &h)) {
        switch (bytes_u8(h, 0) >> 4) {
        case 4: sound = read_ipv4(&c, &quoted); break;
        case 6: sound = read_ipv6(&c, &quoted); break;
        default: break;
        }
    }
    if (sound) {
        w->packet->flags |= PACKET_ICMP_ERROR;
        w->packet->quoted = quoted;
    }
}

static bool
read_ipv4(struct cursor *c, struct packet_quoted *quoted)
{
    struct bytes h;
    uint32_t header;

    if (!cursor_take(c, 20, &h)) {
        return false;
    }
    quoted->src = addr_from_ipv4(bytes_part(h, 12, 4).data);
    quoted->dst = addr_from_ipv4(bytes_part(h, 16, 4).data);
    quoted->protocol = bytes_u8(h, 9);
    header = (bytes_u8(h, 0) & 0xfU) * 4;
    if (header >= 20 && (bytes_be16(h, 6) & 0x1fff) == 0 &&
        cursor_skip(c, header - 20) && skip_extensions(c, quoted)) {
        read_transport(*c, quoted);
    }
    return header >= 20;
}

static bool
read_ipv6(struct cursor *c, struct packet_quoted *quoted)
{
    struct bytes h;

    if (!cursor_take(c, 40, &h)) {
        return false;
    }
    memcpy(quoted->src.byte, bytes_part(h, 8, 16).data, 16);
    memcpy(quoted->dst.byte, bytes_part(h, 24, 16).data, 16);
    quoted->protocol = bytes_u8(h, 6);
    if (skip_extensions(c, quoted)) {
        read_transport(*c, quoted);
    }
    return true;
}

/* Steps over the headers that ip.c steps over.  Returns false where no
 * transport header follows. */
static bool
skip_extensions(struct cursor *c, struct packet_quoted *quoted)
{
    for (int i = 0; i < MAX_EXTENSIONS; i++) {
        uint32_t size;
        struct bytes h;

        switch (quoted->protocol) {
        case 0:
        case 43:
        case 44:
        case 60:
        case PROTOCOL_AH: break;
        default: return true;
        }
        if (!cursor_peek(c, 4, &h)) {
            return false;
        }
        size = (bytes_u8(h, 1) + 1U) * 8;
        if (quoted->protocol == 44) {
            size = 8;
        } else if (quoted->protocol == PROTOCOL_AH) {
            size = (bytes_u8(h, 1) + 2U) * 4;
        }
        if (!cursor_skip(c, size)) {
            return false;
        }
        if (quoted->protocol == 44 && bytes_be16(h, 2) & 0xfff8) {
            quoted->protocol = bytes_u8(h, 0);
            return false;
        }
        quoted->protocol = bytes_u8(h, 0);
    }
    return false;
}

static void
read_transport(struct cursor c, struct packet_quoted *quoted)
{
    struct bytes h;

    if (!cursor_take(&c, 4, &h)) {
        return;
    }
    switch (quoted->protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
    case PROTOCOL_DCCP:
    case PROTOCOL_UDP_LITE:
        quoted->src_port = bytes_be16(h, 0);
        quoted->dst_port = bytes_be16(h, 2);
        quoted->has_ports = true;
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        quoted->src_port = bytes_u8(h, 0);
        quoted->dst_port = bytes_u8(h, 1);
        quoted->has_ports = true;
        break;
    default: break;
    }
}

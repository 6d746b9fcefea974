/* The newer format, draft-ietf-opsawg-pcapng: blocks, each with its length at
 * both ends.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                          Block type                           |
 *   |                      Block total length                       |
 *   /                  Body, padded to 32 bits                      /
 *   |                      Block total length                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * libpcap reads such a file only if all its interfaces have one link type and
 * one snapshot length; captures merged from several sensors do not.  Here each
 * interface keeps its own, and interfaces are numbered through all sections.
 * Blocks that bring no packets (statistics, names, secrets, custom ones) are
 * skipped.  A simple packet has no time stamp: it gets that of the packet
 * before it. */

#include "capture/byte_order.h"
#include "capture/file_kind.h"
#include "capture/file_reader.h"
#include "capture/pcapng_interfaces.h"

#include <stdlib.h>

enum {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* Obsolete, but still found. */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_ENHANCED_PACKET = 6,
    BLOCK_SECTION = 0x0a0d0d0a, /* Reads the same in both byte orders. */

    BLOCK_HEADER_BYTES = 8,
    BLOCK_MIN_BYTES = 12,
    BLOCK_MAX_BYTES = BYTE_STREAM_MAX_BYTES, /* 16 MiB, as in Wireshark. */
    SECTION_MIN_BYTES = 28,
    VERSION_MAJOR = 1,
    VERSION_MINOR = 0,
    VERSION_MINOR_ALIAS = 2 /* Some write it, and mean 0. */
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)

struct pcapng_reader {
    struct file_reader base;
    bool big_endian;        /* This section. */
    unsigned section_start; /* Number of its first interface. */
    struct pcapng_interfaces interfaces;
    struct wall_time last_time; /* Of the packet before. */
};

/* The fields of a packet block, whichever of the three. */
struct packet_block {
    uint32_t interface; /* In its section. */
    bool has_time;
    uint64_t ticks;
    uint32_t captured;
    uint32_t wire;
    unsigned header_size;
};

static enum source_status pcapng_read(struct file_reader *, struct frame *,
                                      size_t max_frames, size_t *n_frames);
static const char *pcapng_interface_name(const struct file_reader *,
                                         uint16_t interface);
static void pcapng_close(struct file_reader *);
static bool pcapng_start(struct pcapng_reader *, struct error *);
static bool packet_take(struct pcapng_reader *, struct frame *);
static const char *packet_make(struct pcapng_reader *, const uint8_t *block,
                               uint32_t length, struct frame *);
static bool packet_read(const struct pcapng_reader *, const uint8_t *block,
                        uint32_t length, struct packet_block *);
static void packet_read_simple(const struct pcapng_reader *,
                               const uint8_t *block, uint32_t length,
                               struct packet_block *);
static enum source_status block_await(struct pcapng_reader *);
static enum source_status block_handle(struct pcapng_reader *, uint32_t type,
                                       uint32_t length);
static enum source_status interface_read(struct pcapng_reader *,
                                         uint32_t length);
static enum source_status section_read(struct pcapng_reader *, uint32_t length);
static enum source_status section_byte_order(struct pcapng_reader *);

static const struct file_reader_class pcapng_class = {
    .read = pcapng_read,
    .interface_name = pcapng_interface_name,
    .close = pcapng_close,
};

struct file_reader *
source_pcapng_new(struct byte_stream *stream, uint16_t file,
                  struct error *error)
{
    struct pcapng_reader *ng = calloc(1, sizeof *ng);

    if (!ng) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to read it");
        return NULL;
    }
    ng->base.class = &pcapng_class;
    ng->base.stream = stream;
    ng->base.file = file;
    ng->base.first_link = FRAME_LINK_UNKNOWN;
    if (!pcapng_start(ng, error)) {
        pcapng_close(&ng->base);
        return NULL;
    }
    return &ng->base;
}

static struct pcapng_reader *
pcapng_of(struct file_reader *reader)
{
    return (struct pcapng_reader *)reader;
}

static enum source_status
pcapng_read(struct file_reader *reader, struct frame *frames, size_t max_frames,
            size_t *n_frames)
{
    struct pcapng_reader *ng = pcapng_of(reader);
    size_t n = 0;

    while (n < max_frames && packet_take(ng, &frames[n])) {
        n++;
    }
    *n_frames = n;
    /* Reading on would move the frames just made. */
    return n || !max_frames ? SOURCE_MORE : block_await(ng);
}

static const char *
pcapng_interface_name(const struct file_reader *reader, uint16_t interface)
{
    const struct pcapng_reader *ng = (const struct pcapng_reader *)reader;

    return pcapng_interfaces_name(&ng->interfaces, interface);
}

static void
pcapng_close(struct file_reader *reader)
{
    struct pcapng_reader *ng = pcapng_of(reader);

    pcapng_interfaces_done(&ng->interfaces);
    free(ng);
}

/* Reads to the first interface, so that a filter can be checked against its
 * link type before any packet. */
static bool
pcapng_start(struct pcapng_reader *ng, struct error *error)
{
    struct byte_stream *stream = ng->base.stream;
    enum source_status status = SOURCE_MORE;

    if (!file_reader_header(stream, SECTION_MIN_BYTES, error)) {
        return false;
    }
    while (status == SOURCE_MORE && !ng->interfaces.n) {
        status = block_await(ng);
        if (stream->interrupted) {
            return error_set(error, ERROR_SYSTEM, NULL, "interrupted");
        }
    }
    if (status == SOURCE_ERROR) {
        *error = ng->base.failure;
        return false;
    }
    if (ng->interfaces.n) {
        ng->base.first_link = ng->interfaces.list[0].link;
    }
    return true;
}

static uint32_t
u32_at(const struct pcapng_reader *ng, const uint8_t *at)
{
    return byte_order_u32(at, ng->big_endian);
}

static bool
block_has_packet(uint32_t type)
{
    return type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET ||
           type == BLOCK_PACKET;
}

/* Makes a frame of the next block if it is a good packet and all of it is in
 * the window. */
static bool
packet_take(struct pcapng_reader *ng, struct frame *frame)
{
    struct byte_stream *stream = ng->base.stream;
    const uint8_t *block = stream->next;
    size_t left = byte_stream_left(stream);
    uint32_t length;

    if (left < BLOCK_MIN_BYTES || !block_has_packet(u32_at(ng, block))) {
        return false;
    }
    length = u32_at(ng, block + 4);
    if (length < BLOCK_MIN_BYTES || length % 4 || length > left ||
        u32_at(ng, block + length - 4) != length ||
        packet_make(ng, block, length, frame)) {
        return false;
    }
    frame->number = ++ng->base.n_frames;
    ng->last_time = frame->time;
    stream->next = block + length;
    return true;
}

/* Fills in all of the frame but its number.  Returns what is wrong, or NULL. */
static const char *
packet_make(struct pcapng_reader *ng, const uint8_t *block, uint32_t length,
            struct frame *frame)
{
    const struct pcapng_interface *interface;
    struct packet_block packet;

    if (!packet_read(ng, block, length, &packet)) {
        return "the block is too short for its kind";
    }
    if (packet.interface >= ng->interfaces.n - ng->section_start) {
        return "its interface is not described";
    }
    interface = &ng->interfaces.list[ng->section_start + packet.interface];
    if (!packet.has_time) {
        packet_read_simple(ng, block, length, &packet);
        if (interface->snap_length &&
            packet.captured > interface->snap_length) {
            packet.captured = interface->snap_length;
        }
    }
    if (packet.captured > SOURCE_MAX_FRAME_BYTES) {
        return "the captured length is larger than the limit";
    }
    if (packet.captured > length - packet.header_size - 4) {
        return "the captured length is larger than the block";
    }
    frame->time = packet.has_time
                      ? pcapng_time_of(&interface->time, packet.ticks)
                      : ng->last_time;
    frame->data = block + packet.header_size;
    frame->captured = packet.captured;
    frame->wire_size =
        packet.wire > packet.captured ? packet.wire : packet.captured;
    frame->link = interface->link;
    frame->interface = (uint16_t)(ng->section_start + packet.interface);
    frame->file = ng->base.file;
    return NULL;
}

/* False if the block has no room for its fields. */
static bool
packet_read(const struct pcapng_reader *ng, const uint8_t *block,
            uint32_t length, struct packet_block *packet)
{
    uint32_t type = u32_at(ng, block);

    *packet = (struct packet_block){.has_time = true, .header_size = 28};
    if (type == BLOCK_SIMPLE_PACKET) {
        packet->has_time = false;
        packet->header_size = 12;
        return length >= packet->header_size + 4;
    }
    if (length < packet->header_size + 4) {
        return false;
    }
    packet->interface = type == BLOCK_PACKET
                            ? byte_order_u16(block + 8, ng->big_endian)
                            : u32_at(ng, block + 8);
    /* High word first, in both byte orders. */
    packet->ticks =
        (uint64_t)u32_at(ng, block + 12) << 32 | u32_at(ng, block + 16);
    packet->captured = u32_at(ng, block + 20);
    packet->wire = u32_at(ng, block + 24);
    return true;
}

/* A simple packet says only how long it was on the wire. */
static void
packet_read_simple(const struct pcapng_reader *ng, const uint8_t *block,
                   uint32_t length, struct packet_block *packet)
{
    uint32_t room = length - packet->header_size - 4;

    packet->wire = u32_at(ng, block + 8);
    packet->captured = packet->wire < room ? packet->wire : room;
}

/* Brings the next block into the window; a packet stays there to be taken, any
 * other block is handled. */
static enum source_status
block_await(struct pcapng_reader *ng)
{
    struct byte_stream *stream = ng->base.stream;
    enum byte_stream_status status;
    uint32_t length;
    uint32_t type;

    status = byte_stream_fill(stream, BLOCK_MIN_BYTES);
    if (status != BYTE_STREAM_READY) {
        return file_reader_filled(&ng->base, status, "block header",
                                  BLOCK_MIN_BYTES);
    }
    type = u32_at(ng, stream->next);
    if (type == BLOCK_SECTION && section_byte_order(ng) == SOURCE_ERROR) {
        return SOURCE_ERROR;
    }
    length = u32_at(ng, stream->next + 4);
    if (length < BLOCK_MIN_BYTES || length % 4) {
        return file_reader_fail(&ng->base, ERROR_SYNTAX,
                                "a block cannot be %u bytes long", length);
    }
    if (length > BLOCK_MAX_BYTES) {
        return file_reader_fail(
            &ng->base, ERROR_LIMIT,
            "a block of %u bytes is larger than the limit of %d", length,
            BLOCK_MAX_BYTES);
    }
    status = byte_stream_fill(stream, length);
    if (status != BYTE_STREAM_READY) {
        return file_reader_filled(&ng->base, status, "block", length);
    }
    if (u32_at(ng, stream->next + length - 4) != length) {
        return file_reader_fail(&ng->base, ERROR_SYNTAX,
                                "the block's two lengths differ: %u and %u",
                                length, u32_at(ng, stream->next + length - 4));
    }
    return block_handle(ng, type, length);
}

static enum source_status
block_handle(struct pcapng_reader *ng, uint32_t type, uint32_t length)
{
    struct byte_stream *stream = ng->base.stream;
    enum source_status status = SOURCE_MORE;
    struct frame frame;

    if (block_has_packet(type)) {
        const char *problem = packet_make(ng, stream->next, length, &frame);

        return problem
                   ? file_reader_fail(&ng->base, ERROR_SYNTAX, "%s", problem)
                   : SOURCE_MORE;
    }
    if (type == BLOCK_SECTION) {
        status = section_read(ng, length);
    } else if (type == BLOCK_INTERFACE) {
        status = interface_read(ng, length);
    }
    if (status == SOURCE_MORE) {
        stream->next += length;
    }
    return status;
}

static enum source_status
interface_read(struct pcapng_reader *ng, uint32_t length)
{
    const uint8_t *body = ng->base.stream->next + BLOCK_HEADER_BYTES;
    struct error error;

    if (!pcapng_interfaces_add(&ng->interfaces, body, length - BLOCK_MIN_BYTES,
                               ng->big_endian, &error)) {
        return file_reader_fail(&ng->base, error.code,
                                "description of an interface: %s",
                                error.message);
    }
    return SOURCE_MORE;
}

static enum source_status
section_read(struct pcapng_reader *ng, uint32_t length)
{
    const uint8_t *block = ng->base.stream->next;
    unsigned major;
    unsigned minor;

    if (length < SECTION_MIN_BYTES) {
        return file_reader_fail(&ng->base, ERROR_SYNTAX,
                                "a section header of %u bytes is too short",
                                length);
    }
    major = byte_order_u16(block + 12, ng->big_endian);
    minor = byte_order_u16(block + 14, ng->big_endian);
    if (major != VERSION_MAJOR ||
        (minor != VERSION_MINOR && minor != VERSION_MINOR_ALIAS)) {
        return file_reader_fail(&ng->base, ERROR_UNSUPPORTED,
                                "pcapng version %u.%u is not supported", major,
                                minor);
    }
    ng->section_start = ng->interfaces.n;
    return SOURCE_MORE;
}

/* Each section has the byte order of the machine that wrote it, and even the
 * length of its header can only be read once that is known. */
static enum source_status
section_byte_order(struct pcapng_reader *ng)
{
    const uint8_t *block = ng->base.stream->next;

    ng->big_endian = byte_order_u32(block + 8, true) == BYTE_ORDER_MAGIC;
    if (!ng->big_endian &&
        byte_order_u32(block + 8, false) != BYTE_ORDER_MAGIC) {
        return file_reader_fail(&ng->base, ERROR_SYNTAX,
                                "a section header without byte-order magic");
    }
    return SOURCE_MORE;
}

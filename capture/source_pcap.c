/* The classic format, draft-ietf-opsawg-pcap: a file header, then one header
 * and the bytes of each packet.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                            Seconds                            |
 *   |                   Microseconds or nanoseconds                 |
 *   |                        Captured length                        |
 *   |                    Length on the wire                         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The packets of a batch are parsed where read(2) put them: this loop is the
 * product's whole cost of reading a file, and there is one for the commonest
 * variant, with all that varies made constants.  The snapshot length of the
 * file header is not believed: files from which it was edited out, or which
 * merge several captures, hold longer packets, and those bytes are good.  A
 * frame check sequence that the header announces stays part of the frame: the
 * lengths inside it tell what is payload. */

#include "capture/byte_order.h"
#include "capture/file_kind.h"
#include "capture/file_reader.h"

#include <stdlib.h>

enum {
    FILE_HEADER_BYTES = 24,
    RECORD_HEADER_BYTES = 16,
    MODIFIED_RECORD_HEADER_BYTES = 24 /* Interface and protocol added. */
};

/* Where old versions have the two lengths in the other order. */
enum length_order {
    LENGTHS_CAPTURED_FIRST,
    LENGTHS_WIRE_FIRST,
    LENGTHS_SMALLER_CAPTURED /* Programs that wrote it disagreed. */
};

/* What differs between records of one variant and another. */
struct record_form {
    bool big_endian;
    unsigned header_size;
    enum length_order length_order;
};

static const struct record_form common_form = {false, RECORD_HEADER_BYTES,
                                               LENGTHS_CAPTURED_FIRST};

struct pcap_reader {
    struct file_reader base;
    struct record_form form;
    bool is_common; /* 'form' is the common one. */
    uint16_t link;
    int64_t fraction_ns; /* Unit of the second word of a time stamp. */
};

static enum source_status pcap_read(struct file_reader *, struct frame *,
                                    size_t max_frames, size_t *n_frames);
static const char *pcap_interface_name(const struct file_reader *,
                                       uint16_t interface);
static void pcap_close(struct file_reader *);
static bool pcap_start(struct pcap_reader *, struct error *);
static bool pcap_check_version(struct pcap_reader *, const uint8_t *header,
                               struct error *);
static inline size_t records_take(struct pcap_reader *, struct record_form,
                                  struct frame *, size_t max_frames);
static enum source_status record_await(struct pcap_reader *);
static inline void record_lengths(struct record_form, const uint8_t *record,
                                  uint32_t *captured, uint32_t *wire);

static const struct file_reader_class pcap_class = {
    .read = pcap_read,
    .interface_name = pcap_interface_name,
    .close = pcap_close,
};

struct file_reader *
source_pcap_new(struct byte_stream *stream, uint16_t file, struct error *error)
{
    struct pcap_reader *pcap = calloc(1, sizeof *pcap);

    if (!pcap) {
        error_set(error, ERROR_MEMORY, NULL, "no memory to read it");
        return NULL;
    }
    pcap->base.class = &pcap_class;
    pcap->base.stream = stream;
    pcap->base.file = file;
    if (!pcap_start(pcap, error)) {
        free(pcap);
        return NULL;
    }
    return &pcap->base;
}

static struct pcap_reader *
pcap_of(struct file_reader *reader)
{
    return (struct pcap_reader *)reader;
}

static enum source_status
pcap_read(struct file_reader *reader, struct frame *frames, size_t max_frames,
          size_t *n_frames)
{
    struct pcap_reader *pcap = pcap_of(reader);

    *n_frames = pcap->is_common
                    ? records_take(pcap, common_form, frames, max_frames)
                    : records_take(pcap, pcap->form, frames, max_frames);
    /* Reading on would move the frames just made. */
    return *n_frames || !max_frames ? SOURCE_MORE : record_await(pcap);
}

static const char *
pcap_interface_name(const struct file_reader *reader, uint16_t interface)
{
    (void)reader;
    (void)interface;
    return "";
}

static void
pcap_close(struct file_reader *reader)
{
    free(reader);
}

static bool
pcap_start(struct pcap_reader *pcap, struct error *error)
{
    struct byte_stream *stream = pcap->base.stream;
    const uint8_t *header;
    bool big_endian;
    uint32_t magic;

    if (!file_reader_header(stream, FILE_HEADER_BYTES, error)) {
        return false;
    }
    header = stream->next;
    big_endian = file_kind_is_pcap_magic(byte_order_u32(header, true));
    magic = byte_order_u32(header, big_endian);
    pcap->form.big_endian = big_endian;
    pcap->form.header_size = magic == PCAP_MAGIC_MODIFIED
                                 ? MODIFIED_RECORD_HEADER_BYTES
                                 : RECORD_HEADER_BYTES;
    pcap->fraction_ns = magic == PCAP_MAGIC_NANOSECOND ? 1 : MICROSECOND_NS;
    pcap->link = file_reader_link(byte_order_u32(header + 20, big_endian));
    pcap->base.first_link = pcap->link;
    if (!pcap_check_version(pcap, header, error)) {
        return false;
    }
    pcap->is_common = pcap->form.big_endian == common_form.big_endian &&
                      pcap->form.header_size == common_form.header_size &&
                      pcap->form.length_order == common_form.length_order;
    stream->next += FILE_HEADER_BYTES;
    return true;
}

/* 2.4 since 1998; before 2.3, and in DG/UX's tcpdump, lengths are swapped. */
static bool
pcap_check_version(struct pcap_reader *pcap, const uint8_t *header,
                   struct error *error)
{
    unsigned major = byte_order_u16(header + 4, pcap->form.big_endian);
    unsigned minor = byte_order_u16(header + 6, pcap->form.big_endian);

    if (major == 2 && minor < 3) {
        pcap->form.length_order = LENGTHS_WIRE_FIRST;
    } else if ((major == 2 && minor == 3) || (major == 543 && minor == 0)) {
        pcap->form.length_order = LENGTHS_SMALLER_CAPTURED;
    } else if (major != 2 || minor != 4) {
        return error_set(error, ERROR_UNSUPPORTED, NULL,
                         "pcap version %u.%u is not supported", major, minor);
    }
    return true;
}

/* Makes frames of the next records as far as all of each is in the window. */
__attribute__((always_inline)) static inline size_t
records_take(struct pcap_reader *pcap, struct record_form form,
             struct frame *frames, size_t max_frames)
{
    struct byte_stream *stream = pcap->base.stream;
    const uint8_t *record = stream->next, *end = stream->end;
    size_t n = 0;

    while (n < max_frames && (size_t)(end - record) >= form.header_size) {
        size_t room = (size_t)(end - record) - form.header_size;
        struct frame *frame = &frames[n];
        uint32_t captured, wire;

        record_lengths(form, record, &captured, &wire);
        if (captured > SOURCE_MAX_FRAME_BYTES || captured > room) {
            break;
        }
        /* Cannot overflow: both words are 32 bits, and unsigned until 2106. */
        frame->time.ns =
            (int64_t)byte_order_u32(record, form.big_endian) * SECOND_NS +
            (int64_t)byte_order_u32(record + 4, form.big_endian) *
                pcap->fraction_ns;
        frame->data = record + form.header_size;
        frame->number = pcap->base.n_frames + ++n;
        frame->captured = captured;
        frame->wire_size = wire > captured ? wire : captured;
        frame->link = pcap->link;
        frame->interface = 0;
        frame->file = pcap->base.file;
        record = frame->data + captured;
    }
    stream->next = record;
    pcap->base.n_frames += n;
    return n;
}

/* Reads on until the next record is in the window, or says why it will never
 * be. */
static enum source_status
record_await(struct pcap_reader *pcap)
{
    struct byte_stream *stream = pcap->base.stream;
    size_t header_size = pcap->form.header_size;
    enum byte_stream_status status;
    uint32_t captured;
    uint32_t wire;

    status = byte_stream_fill(stream, header_size);
    if (status != BYTE_STREAM_READY) {
        return file_reader_filled(&pcap->base, status, "packet header",
                                  header_size);
    }
    record_lengths(pcap->form, stream->next, &captured, &wire);
    if (captured > SOURCE_MAX_FRAME_BYTES) {
        return file_reader_fail(
            &pcap->base, ERROR_SYNTAX,
            "captured length %u is larger than the limit of %d", captured,
            SOURCE_MAX_FRAME_BYTES);
    }
    status = byte_stream_fill(stream, header_size + captured);
    return file_reader_filled(&pcap->base, status, "packet",
                              header_size + captured);
}

__attribute__((always_inline)) static inline void
record_lengths(struct record_form form, const uint8_t *record,
               uint32_t *captured, uint32_t *wire)
{
    uint32_t first = byte_order_u32(record + 8, form.big_endian);
    uint32_t second = byte_order_u32(record + 12, form.big_endian);
    bool swap =
        form.length_order == LENGTHS_WIRE_FIRST ||
        (form.length_order == LENGTHS_SMALLER_CAPTURED && first > second);

    *captured = swap ? second : first;
    *wire = swap ? first : second;
}

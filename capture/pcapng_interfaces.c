/* Interface Description Blocks, draft-ietf-opsawg-pcapng section 4.2.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |           Link type           |           Reserved            |
 *   |                        Snapshot length                        |
 *   |          Option code          |         Option length         |
 *   /                 Option value, padded to 32 bits               /
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

#include "capture/pcapng_interfaces.h"

#include "capture/byte_order.h"
#include "capture/file_reader.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPTION_END = 0,
    OPTION_NAME = 2,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14,

    FIXED_BYTES = 8,
    OPTION_HEADER_BYTES = 4,
    OFFSET_BYTES = 8,
    FIRST_CAPACITY = 4
};

static bool interfaces_reserve(struct pcapng_interfaces *);
static const char *options_read(struct pcapng_interface *,
                                const uint8_t *options, uint32_t size,
                                bool big_endian);
static const char *option_apply(struct pcapng_interface *, uint16_t code,
                                const uint8_t *value, uint16_t size,
                                bool big_endian);
static const char *name_apply(struct pcapng_interface *, const uint8_t *value,
                              uint16_t size);

void
pcapng_interfaces_done(struct pcapng_interfaces *interfaces)
{
    for (unsigned i = 0; i < interfaces->n; i++) {
        free(interfaces->list[i].name);
    }
    free(interfaces->list);
}

const char *
pcapng_interfaces_add(struct pcapng_interfaces *interfaces, const uint8_t *body,
                      uint32_t size, bool big_endian)
{
    struct pcapng_interface interface = {0};
    const char *problem;

    if (size < FIXED_BYTES) {
        return "the block is too short";
    }
    if (interfaces->n == PCAPNG_MAX_INTERFACES) {
        return "more interfaces than the limit of 65535";
    }
    if (!interfaces_reserve(interfaces)) {
        return "no memory for it";
    }
    interface.link = file_reader_link(byte_order_u16(body, big_endian));
    interface.snap_length = byte_order_u32(body + 4, big_endian);
    pcapng_time_set_resolution(&interface.time, PCAPNG_TIME_MICROSECONDS);
    problem = options_read(&interface, body + FIXED_BYTES, size - FIXED_BYTES,
                           big_endian);
    if (problem) {
        free(interface.name);
        return problem;
    }
    interfaces->list[interfaces->n++] = interface;
    return NULL;
}

const char *
pcapng_interfaces_name(const struct pcapng_interfaces *interfaces,
                       unsigned number)
{
    const char *name =
        number < interfaces->n ? interfaces->list[number].name : NULL;

    return name ? name : "";
}

/* Makes room for one more. */
static bool
interfaces_reserve(struct pcapng_interfaces *interfaces)
{
    struct pcapng_interface *list;
    unsigned capacity;

    if (interfaces->n < interfaces->capacity) {
        return true;
    }
    capacity = interfaces->capacity ? 2 * interfaces->capacity : FIRST_CAPACITY;
    list = realloc(interfaces->list, capacity * sizeof *list);
    if (list) {
        interfaces->list = list;
        interfaces->capacity = capacity;
    }
    return list;
}

static const char *
options_read(struct pcapng_interface *interface, const uint8_t *options,
             uint32_t size, bool big_endian)
{
    while (size >= OPTION_HEADER_BYTES) {
        uint16_t code = byte_order_u16(options, big_endian);
        uint16_t length = byte_order_u16(options + 2, big_endian);
        uint32_t padded = OPTION_HEADER_BYTES + ((length + 3U) & ~3U);
        const char *problem;

        if (code == OPTION_END) {
            return NULL;
        }
        if (padded > size) {
            return "an option reaches beyond the block";
        }
        problem = option_apply(interface, code, options + OPTION_HEADER_BYTES,
                               length, big_endian);
        if (problem) {
            return problem;
        }
        options += padded;
        size -= padded;
    }
    return NULL;
}

static const char *
option_apply(struct pcapng_interface *interface, uint16_t code,
             const uint8_t *value, uint16_t size, bool big_endian)
{
    switch (code) {
    case OPTION_NAME: return name_apply(interface, value, size);
    case OPTION_RESOLUTION:
        return size == 1 && pcapng_time_set_resolution(&interface->time, *value)
                   ? NULL
                   : "bad resolution of time stamps (if_tsresol)";
    case OPTION_OFFSET:
        if (size != OFFSET_BYTES) {
            return "bad offset of time stamps (if_tsoffset)";
        }
        pcapng_time_set_offset(&interface->time,
                               (int64_t)byte_order_u64(value, big_endian));
        return NULL;
    default: return NULL;
    }
}

static const char *
name_apply(struct pcapng_interface *interface, const uint8_t *value,
           uint16_t size)
{
    free(interface->name);
    interface->name =
        strndup((const char *)value,
                size < PCAPNG_MAX_NAME_BYTES ? size : PCAPNG_MAX_NAME_BYTES);
    return interface->name ? NULL : "no memory for its name";
}

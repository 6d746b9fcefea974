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
#include "capture/error.h"
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

struct option {
    uint16_t code;
    uint16_t size;
    const uint8_t *value;
};

static bool interfaces_reserve(struct pcapng_interfaces *);
static bool options_read(struct pcapng_interface *, const uint8_t *options,
                         uint32_t size, bool big_endian, struct error *);
static bool option_apply(struct pcapng_interface *, const struct option *,
                         bool big_endian, struct error *);
static bool name_apply(struct pcapng_interface *, const struct option *,
                       struct error *);

void
pcapng_interfaces_done(struct pcapng_interfaces *interfaces)
{
    for (unsigned i = 0; i < interfaces->n; i++) {
        free(interfaces->list[i].name);
    }
    free(interfaces->list);
}

bool
pcapng_interfaces_add(struct pcapng_interfaces *interfaces, const uint8_t *body,
                      uint32_t size, bool big_endian, struct error *error)
{
    struct pcapng_interface interface = {0};

    if (size < FIXED_BYTES) {
        return error_set(error, ERROR_SYNTAX, NULL, "the block is too short");
    }
    if (interfaces->n == PCAPNG_MAX_INTERFACES) {
        return error_set(error, ERROR_LIMIT, NULL,
                         "more interfaces than the limit of %d",
                         PCAPNG_MAX_INTERFACES);
    }
    if (!interfaces_reserve(interfaces)) {
        return error_set(error, ERROR_MEMORY, NULL, "no memory for it");
    }
    interface.link = file_reader_link(byte_order_u16(body, big_endian));
    interface.snap_length = byte_order_u32(body + 4, big_endian);
    pcapng_time_set_resolution(&interface.time, PCAPNG_TIME_MICROSECONDS);
    if (!options_read(&interface, body + FIXED_BYTES, size - FIXED_BYTES,
                      big_endian, error)) {
        free(interface.name);
        return false;
    }
    interfaces->list[interfaces->n++] = interface;
    return true;
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

static bool
options_read(struct pcapng_interface *interface, const uint8_t *options,
             uint32_t size, bool big_endian, struct error *error)
{
    while (size >= OPTION_HEADER_BYTES) {
        struct option option = {
            .code = byte_order_u16(options, big_endian),
            .size = byte_order_u16(options + 2, big_endian),
            .value = options + OPTION_HEADER_BYTES,
        };
        uint32_t padded = OPTION_HEADER_BYTES + ((option.size + 3U) & ~3U);

        if (option.code == OPTION_END) {
            break;
        }
        if (padded > size) {
            return error_set(error, ERROR_SYNTAX, NULL,
                             "an option reaches beyond the block");
        }
        if (!option_apply(interface, &option, big_endian, error)) {
            return false;
        }
        options += padded;
        size -= padded;
    }
    return true;
}

static bool
option_apply(struct pcapng_interface *interface, const struct option *option,
             bool big_endian, struct error *error)
{
    switch (option->code) {
    case OPTION_NAME: return name_apply(interface, option, error);
    case OPTION_RESOLUTION:
        return (option->size == 1 &&
                pcapng_time_set_resolution(&interface->time, *option->value)) ||
               error_set(error, ERROR_SYNTAX, NULL,
                         "bad resolution of time stamps (if_tsresol)");
    case OPTION_OFFSET:
        if (option->size != OFFSET_BYTES) {
            return error_set(error, ERROR_SYNTAX, NULL,
                             "bad offset of time stamps (if_tsoffset)");
        }
        pcapng_time_set_offset(
            &interface->time,
            (int64_t)byte_order_u64(option->value, big_endian));
        return true;
    default: return true;
    }
}

static bool
name_apply(struct pcapng_interface *interface, const struct option *option,
           struct error *error)
{
    size_t size = option->size < PCAPNG_MAX_NAME_BYTES ? option->size
                                                       : PCAPNG_MAX_NAME_BYTES;

    free(interface->name);
    interface->name = strndup((const char *)option->value, size);
    return interface->name ||
           error_set(error, ERROR_MEMORY, NULL, "no memory for its name");
}

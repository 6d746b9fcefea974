/* Signatures, longest knowledge first; see file_kind.h. */

#include "capture/file_kind.h"

#include "capture/byte_order.h"

#include <string.h>

enum {
    PCAPNG_SECTION_HEADER = 0x0a0d0d0a, /* The same in both byte orders. */

    /* A record of the Endace format starts with its time as a little-endian
     * 32.32 fixed-point number, then type, flags and a big-endian length. */
    ERF_HEADER_BYTES = 16,
    ERF_MAX_TYPE = 48,
    ERF_FIRST_SECOND = 788918400 /* 1995-01-01. */
};

struct signature {
    const char *bytes;
    unsigned size;
    const char *name;
};

static bool looks_like_erf(const uint8_t *data, size_t size);
static bool looks_like_text(const uint8_t *data, size_t size);

static const struct signature signatures[] = {
    {"snoop\0\0\0", 8, "a snoop capture"},
    {"TRSNIFF data    ", 16, "a Sniffer capture"},
    {"XCP", 4, "a NetXRay or Sniffer capture"},
    {"RTSS", 4, "a Network Monitor capture"},
    {"GMBU", 4, "a Network Monitor capture"},
    {"\x7fver", 4, "an EtherPeek capture"},
    {"5VW\x16", 4, "a 5Views capture"},
    {"btsnoop", 8, "a Bluetooth snoop capture"},
    {"\xa1\xb2\x34\xcd", 4, "an unusual variant of pcap"},
    {"\xcd\x34\xb2\xa1", 4, "an unusual variant of pcap"},
    {"\xa1\x2b\x3c\x4d", 4, "an unusual variant of pcap"},
    {"\x4d\x3c\x2b\xa1", 4, "an unusual variant of pcap"},
    {"\xfd"
     "7zXZ",
     6, "xz-compressed data"},
    {"BZh", 3, "bzip2-compressed data"},
    {"\x04\x22\x4d\x18", 4, "lz4-compressed data"},
    {"\x1f\x9d", 2, "data compressed with compress"},
    {"\x1f\x8b", 2, "gzip-compressed data, twice over"},
    {"\x28\xb5\x2f\xfd", 4, "zstd-compressed data, twice over"},
    {"PK\x03\x04", 4, "a zip archive"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive"},
    {"\x7f"
     "ELF",
     4, "a program"},
};

bool
file_kind_is_pcap_magic(uint32_t magic)
{
    return magic == PCAP_MAGIC_MICROSECOND || magic == PCAP_MAGIC_NANOSECOND ||
           magic == PCAP_MAGIC_MODIFIED;
}

enum file_kind
file_kind_detect(const uint8_t *data, size_t size)
{
    if (size < FILE_KIND_MAGIC_BYTES) {
        return FILE_KIND_OTHER;
    }
    if (byte_order_u32(data, true) == PCAPNG_SECTION_HEADER) {
        return FILE_KIND_PCAPNG;
    }
    return file_kind_is_pcap_magic(byte_order_u32(data, true)) ||
                   file_kind_is_pcap_magic(byte_order_u32(data, false))
               ? FILE_KIND_PCAP
               : FILE_KIND_OTHER;
}

const char *
file_kind_name(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *signature = &signatures[i];

        if (size >= signature->size &&
            !memcmp(data, signature->bytes, signature->size)) {
            return signature->name;
        }
    }
    if (looks_like_text(data, size)) {
        return "text";
    }
    return looks_like_erf(data, size) ? "an ERF capture" : NULL;
}

static bool
looks_like_erf(const uint8_t *data, size_t size)
{
    return size >= ERF_HEADER_BYTES && (data[8] & 0x7f) <= ERF_MAX_TYPE &&
           (data[8] & 0x7f) > 0 &&
           byte_order_u32(data + 4, false) >= ERF_FIRST_SECOND &&
           byte_order_u16(data + 10, true) >= ERF_HEADER_BYTES;
}

static bool
looks_like_text(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((data[i] < ' ' && data[i] != '\n' && data[i] != '\r' &&
             data[i] != '\t') ||
            data[i] >= 0x7f) {
            return false;
        }
    }
    return size > 0;
}

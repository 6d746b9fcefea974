/* What a file is, by its first bytes.
 *
 * Tells the captures that are read from those that are not, and names the
 * latter, so that an error says more than "unknown format".  Pure. */

#ifndef CAPTURE_FILE_KIND_H
#define CAPTURE_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILE_KIND_MAGIC_BYTES = 4, /* Enough for what is read... */
    FILE_KIND_NAME_BYTES = 16  /* ...and for a good name of what is not. */
};

enum file_kind {
    FILE_KIND_OTHER,
    FILE_KIND_PCAP,
    FILE_KIND_PCAPNG
};

/* First word of a pcap file, in the order of the machine that wrote it. */
#define PCAP_MAGIC_MICROSECOND UINT32_C(0xa1b2c3d4)
#define PCAP_MAGIC_NANOSECOND  UINT32_C(0xa1b23c4d)
#define PCAP_MAGIC_MODIFIED    UINT32_C(0xa1b2cd34) /* Longer packet headers. */

bool file_kind_is_pcap_magic(uint32_t magic);

enum file_kind file_kind_detect(const uint8_t *data, size_t size);

/* What a file of FILE_KIND_OTHER looks like: "a snoop capture", "text"; or NULL
 * if nobody knows.  Never more than a guess. */
const char *file_kind_name(const uint8_t *data, size_t size);

#endif

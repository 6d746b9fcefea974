/* The formats as their drafts have them, written without looking at how the
 * product reads them. */

#define ZLIB_CONST /* zlib only reads its input: let its pointer say so. */

#include "tests/support/capture_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static void *check_pointer(void *pointer);
static uint8_t *grow(struct capture_file *, size_t size);
static void store(struct capture_file *, uint8_t *at, uint64_t value,
                  size_t size);
static void option(struct capture_file *, uint16_t code, const void *value,
                   uint16_t size);
static void pad(struct capture_file *);

void
capture_file_init(struct capture_file *file, bool big_endian)
{
    *file = (struct capture_file){.big_endian = big_endian};
}

void
capture_file_done(struct capture_file *file)
{
    free(file->data);
}

void
capture_file_bytes(struct capture_file *file, const void *data, size_t size)
{
    if (size) {
        memcpy(grow(file, size), data, size);
    }
}

void
capture_file_u16(struct capture_file *file, uint16_t value)
{
    store(file, grow(file, 2), value, 2);
}

void
capture_file_u32(struct capture_file *file, uint32_t value)
{
    store(file, grow(file, 4), value, 4);
}

void
capture_file_u64(struct capture_file *file, uint64_t value)
{
    store(file, grow(file, 8), value, 8);
}

void
capture_file_patch_u32(struct capture_file *file, size_t at, uint32_t value)
{
    store(file, file->data + at, value, 4);
}

void
capture_file_payload(struct capture_file *file, uint32_t size, uint8_t seed)
{
    uint8_t *at = size ? grow(file, size) : NULL;

    for (uint32_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(seed + i);
    }
}

void
capture_file_pcap(struct capture_file *file, uint32_t magic, uint32_t link)
{
    capture_file_u32(file, magic);
    capture_file_u16(file, 2);
    capture_file_u16(file, 4);
    capture_file_u64(file, 0);
    capture_file_u32(file, 262144);
    capture_file_u32(file, link);
}

void
capture_file_pcap_packet(struct capture_file *file,
                         const struct capture_packet *packet, uint8_t seed)
{
    capture_file_u32(file, packet->seconds);
    capture_file_u32(file, packet->fraction);
    capture_file_u32(file, packet->captured);
    capture_file_u32(file, packet->wire);
    capture_file_payload(file, packet->captured, seed);
}

void
capture_file_section(struct capture_file *file)
{
    size_t start = capture_file_begin(file, 0x0a0d0d0a);

    capture_file_u32(file, 0x1a2b3c4d);
    capture_file_u16(file, 1);
    capture_file_u16(file, 0);
    capture_file_u64(file, UINT64_MAX);
    capture_file_end(file, start);
}

void
capture_file_interface(struct capture_file *file,
                       const struct capture_interface *interface)
{
    size_t start = capture_file_begin(file, 1);

    capture_file_u16(file, interface->link);
    capture_file_u16(file, 0);
    capture_file_u32(file, interface->snap_length);
    if (interface->name) {
        option(file, 2, interface->name, (uint16_t)strlen(interface->name));
    }
    if (interface->has_resolution) {
        option(file, 9, &interface->resolution, 1);
    }
    if (interface->offset) {
        uint8_t value[8];

        store(file, value, (uint64_t)interface->offset, sizeof value);
        option(file, 14, value, sizeof value);
    }
    option(file, 0, NULL, 0);
    capture_file_end(file, start);
}

void
capture_file_enhanced(struct capture_file *file,
                      const struct capture_packet *packet, uint8_t seed)
{
    size_t start = capture_file_begin(file, 6);

    capture_file_u32(file, packet->interface);
    capture_file_u32(file, (uint32_t)(packet->ticks >> 32));
    capture_file_u32(file, (uint32_t)packet->ticks);
    capture_file_u32(file, packet->captured);
    capture_file_u32(file, packet->wire);
    capture_file_payload(file, packet->captured, seed);
    capture_file_end(file, start);
}

void
capture_file_obsolete(struct capture_file *file,
                      const struct capture_packet *packet, uint8_t seed)
{
    size_t start = capture_file_begin(file, 2);

    capture_file_u16(file, (uint16_t)packet->interface);
    capture_file_u16(file, 0xffff); /* Drops: unknown. */
    capture_file_u32(file, (uint32_t)(packet->ticks >> 32));
    capture_file_u32(file, (uint32_t)packet->ticks);
    capture_file_u32(file, packet->captured);
    capture_file_u32(file, packet->wire);
    capture_file_payload(file, packet->captured, seed);
    capture_file_end(file, start);
}

void
capture_file_simple(struct capture_file *file,
                    const struct capture_packet *packet, uint8_t seed)
{
    size_t start = capture_file_begin(file, 3);

    capture_file_u32(file, packet->wire);
    capture_file_payload(file, packet->captured, seed);
    capture_file_end(file, start);
}

size_t
capture_file_begin(struct capture_file *file, uint32_t type)
{
    size_t start = file->size;

    capture_file_u32(file, type);
    capture_file_u32(file, 0);
    return start;
}

void
capture_file_end(struct capture_file *file, size_t start)
{
    uint32_t length;

    pad(file);
    length = (uint32_t)(file->size - start + 4);
    capture_file_u32(file, length);
    capture_file_patch_u32(file, start + 4, length);
}

void
capture_file_gzip(struct capture_file *to, const uint8_t *from, size_t size)
{
    z_stream zlib = {.next_in = from, .avail_in = (unsigned)size};
    uLong bound;

    if (deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)) {
        abort();
    }
    bound = deflateBound(&zlib, size);
    zlib.next_out = grow(to, bound);
    zlib.avail_out = (unsigned)bound;
    if (deflate(&zlib, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    to->size -= zlib.avail_out;
    deflateEnd(&zlib);
}

void
capture_file_zstd(struct capture_file *to, const uint8_t *from, size_t size)
{
    ZSTD_CCtx *zstd = check_pointer(ZSTD_createCCtx());
    size_t bound = ZSTD_compressBound(size);
    size_t written;

    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    written = ZSTD_compress2(zstd, grow(to, bound), bound, from, size);
    if (ZSTD_isError(written)) {
        abort();
    }
    to->size -= bound - written;
    ZSTD_freeCCtx(zstd);
}

void
capture_file_save(const char *path, const void *data, size_t size)
{
    FILE *file = check_pointer(fopen(path, "wb"));

    if (fwrite(data, 1, size, file) != size || fclose(file)) {
        abort();
    }
}

static void *
check_pointer(void *pointer)
{
    if (!pointer) {
        perror("capture_file");
        abort();
    }
    return pointer;
}

static uint8_t *
grow(struct capture_file *file, size_t size)
{
    uint8_t *at;

    if (file->size + size > file->capacity) {
        file->capacity = 2 * (file->size + size);
        file->data = check_pointer(realloc(file->data, file->capacity));
    }
    at = file->data + file->size;
    file->size += size;
    return at;
}

static void
store(struct capture_file *file, uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (file->big_endian ? size - 1 - i : i);

        at[i] = (uint8_t)(value >> shift);
    }
}

static void
option(struct capture_file *file, uint16_t code, const void *value,
       uint16_t size)
{
    capture_file_u16(file, code);
    capture_file_u16(file, size);
    capture_file_bytes(file, value, size);
    pad(file);
}

/* Every block starts at a multiple of 4, so the file's size will do. */
static void
pad(struct capture_file *file)
{
    while (file->size % 4) {
        *grow(file, 1) = 0;
    }
}

/* Writes capture files, in memory, for tests: every byte order, resolution and
 * block kind, and also wrong ones.
 *
 * A failed allocation or write ends the test program: nothing here returns an
 * error. */

#ifndef TESTS_SUPPORT_CAPTURE_FILE_H
#define TESTS_SUPPORT_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_file {
    uint8_t *data; /* Owned. */
    size_t size;
    size_t capacity;
    bool big_endian; /* Of what is added next. */
};

/* A packet's header as pcap and pcapng can carry it. */
struct capture_packet {
    uint32_t interface;
    uint32_t seconds;
    uint32_t fraction; /* Microseconds or nanoseconds. */
    uint64_t ticks;    /* For pcapng. */
    uint32_t captured;
    uint32_t wire;
};

/* An interface of a pcapng file; a value of 0 leaves the option out. */
struct capture_interface {
    const char *name;
    int64_t offset; /* if_tsoffset. */
    uint32_t snap_length;
    uint16_t link;
    bool has_resolution;
    uint8_t resolution; /* if_tsresol. */
};

void capture_file_init(struct capture_file *, bool big_endian);
void capture_file_done(struct capture_file *);

/* The pieces everything else is made of, in the file's byte order. */
void capture_file_bytes(struct capture_file *, const void *data, size_t size);
void capture_file_u16(struct capture_file *, uint16_t value);
void capture_file_u32(struct capture_file *, uint32_t value);
void capture_file_u64(struct capture_file *, uint64_t value);
void capture_file_patch_u32(struct capture_file *, size_t at, uint32_t value);

/* Bytes 0, 1, 2... plus 'seed', so that every packet is different. */
void capture_file_payload(struct capture_file *, uint32_t size, uint8_t seed);

void capture_file_pcap(struct capture_file *, uint32_t magic, uint32_t link);
void capture_file_pcap_packet(struct capture_file *,
                              const struct capture_packet *, uint8_t seed);

void capture_file_section(struct capture_file *);
void capture_file_interface(struct capture_file *,
                            const struct capture_interface *);
void capture_file_enhanced(struct capture_file *, const struct capture_packet *,
                           uint8_t seed);
void capture_file_obsolete(struct capture_file *, const struct capture_packet *,
                           uint8_t seed);
void capture_file_simple(struct capture_file *, const struct capture_packet *,
                         uint8_t seed);

/* Any block: writes the header, returns where it starts; capture_file_end()
 * pads it and writes the length at both ends. */
size_t capture_file_begin(struct capture_file *, uint32_t type);
void capture_file_end(struct capture_file *, size_t start);

/* Adds to 'to' the first 'size' bytes of 'from', compressed. */
void capture_file_gzip(struct capture_file *to, const uint8_t *from,
                       size_t size);
void capture_file_zstd(struct capture_file *to, const uint8_t *from,
                       size_t size);

/* Writes bytes to 'path', replacing what is there. */
void capture_file_save(const char *path, const void *data, size_t size);

#endif

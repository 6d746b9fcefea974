/* The format of segments; see spool_segment.h. */

#include "tools/spool/spool_segment.h"

#include "tools/spool/crc32c.h"

#include <endian.h>
#include <string.h>

#define HEADER_MAGIC "segspool"
#define FRAME_MAGIC  UINT32_C(0x31526753) /* "SgR1" */

/* Where what is; see spool_segment.h. */
enum {
    HEADER_VERSION = 8,
    HEADER_VERSION_CRC = 12,
    HEADER_KIND = 16,
    HEADER_SALT = 20,
    HEADER_NUMBER = 24,
    HEADER_FIRST = 32,
    HEADER_AFTER = 40,
    HEADER_CRC = 60,
    FRAME_LENGTH = 4,
    FRAME_CRC = 8,
    FRAME_KIND = 12,
    FRAME_TYPE = 13,
    FRAME_MS = 16,
    FRAME_SEQ = 24,
    FRAME_SERIAL = 32,
    GAP_REASON = 4,
    GAP_FIRST = 8,
    GAP_LAST = 16,
    GAP_AFTER = 24,
    GAP_BEFORE = 40
};

static enum spool_header_status decode_copy(const uint8_t *bytes,
                                            struct spool_segment_header *header,
                                            uint32_t *version);
static uint32_t frame_crc(const char *at, size_t bytes, uint32_t salt);
static void put_32(void *at, uint32_t value);
static void put_64(void *at, uint64_t value);
static uint32_t get_32(const void *at);
static uint64_t get_64(const void *at);

void
spool_header_encode(const struct spool_segment_header *header,
                    uint8_t bytes[SPOOL_SEGMENT_START])
{
    memset(bytes, 0, SPOOL_HEADER_BYTES);
    memcpy(bytes, HEADER_MAGIC, sizeof HEADER_MAGIC - 1);
    put_32(bytes + HEADER_VERSION, SPOOL_VERSION);
    put_32(bytes + HEADER_VERSION_CRC, crc32c(0, bytes, HEADER_VERSION_CRC));
    put_32(bytes + HEADER_KIND, header->kind);
    put_32(bytes + HEADER_SALT, header->salt);
    put_64(bytes + HEADER_NUMBER, header->number);
    put_64(bytes + HEADER_FIRST, header->first_serial);
    put_64(bytes + HEADER_AFTER, header->after_serial);
    put_32(bytes + HEADER_CRC, crc32c(0, bytes, HEADER_CRC));
    memcpy(bytes + SPOOL_HEADER_BYTES, bytes, SPOOL_HEADER_BYTES);
}

enum spool_header_status
spool_header_decode(const uint8_t *bytes, size_t size,
                    struct spool_segment_header *header, uint32_t *version)
{
    enum spool_header_status status = SPOOL_HEADER_CORRUPT;

    for (size_t at = 0; at < SPOOL_SEGMENT_START; at += SPOOL_HEADER_BYTES) {
        if (at + SPOOL_HEADER_BYTES <= size && status == SPOOL_HEADER_CORRUPT) {
            status = decode_copy(bytes + at, header, version);
        }
    }
    return status;
}

void
spool_frame_encode(char *at, const struct spool_record *record)
{
    size_t bytes = spool_frame_bytes(record->size);

    put_32(at, FRAME_MAGIC);
    put_32(at + FRAME_LENGTH, (uint32_t)record->size);
    put_32(at + FRAME_CRC, 0);
    put_32(at + FRAME_KIND, record->kind | (uint32_t)record->type << 8);
    put_64(at + FRAME_MS, record->id.ms);
    put_64(at + FRAME_SEQ, record->id.seq);
    put_64(at + FRAME_SERIAL, record->serial);
    memcpy(at + SPOOL_FRAME_HEAD, record->bytes, record->size);
    memset(at + SPOOL_FRAME_HEAD + record->size, 0,
           bytes - SPOOL_FRAME_HEAD - record->size);
}

size_t
spool_frame_sign(char *at, uint32_t salt)
{
    size_t bytes = spool_frame_bytes(get_32(at + FRAME_LENGTH));

    put_32(at + FRAME_CRC, frame_crc(at, bytes, salt));
    return bytes;
}

void
spool_frame_read(const char *at, struct spool_record *record)
{
    *record = (struct spool_record){
        .kind = (enum event_kind)(unsigned char)at[FRAME_KIND],
        .type = (enum spool_type)(unsigned char)at[FRAME_TYPE],
        .id = {get_64(at + FRAME_MS), get_64(at + FRAME_SEQ)},
        .serial = get_64(at + FRAME_SERIAL),
        .bytes = at + SPOOL_FRAME_HEAD,
        .size = get_32(at + FRAME_LENGTH)};
}

bool
spool_frame_decode(const char *at, size_t left, uint32_t salt,
                   struct spool_record *record)
{
    size_t bytes = spool_frame_claimed(at, left);

    if (bytes == 0 || bytes > left ||
        get_32(at + FRAME_CRC) != frame_crc(at, bytes, salt)) {
        return false;
    }
    if ((unsigned char)at[FRAME_KIND] >= EVENT_N_KINDS ||
        (unsigned char)at[FRAME_TYPE] > SPOOL_GAP) {
        return false;
    }
    spool_frame_read(at, record);
    return true;
}

size_t
spool_frame_search(const char *at, size_t left)
{
    size_t n = 0;

    while (n + sizeof(uint32_t) <= left && get_32(at + n) != FRAME_MAGIC) {
        n += SPOOL_ALIGN;
    }
    return n + sizeof(uint32_t) <= left
               ? n
               : (left + SPOOL_ALIGN - 1) & ~(size_t)(SPOOL_ALIGN - 1);
}

size_t
spool_frame_claimed(const char *at, size_t left)
{
    if (left < SPOOL_FRAME_HEAD || get_32(at) != FRAME_MAGIC ||
        get_32(at + FRAME_LENGTH) > SPOOL_MAX_RECORD) {
        return 0;
    }
    return spool_frame_bytes(get_32(at + FRAME_LENGTH));
}

void
spool_gap_encode(const struct spool_gap *gap, char bytes[SPOOL_GAP_BYTES])
{
    put_32(bytes, gap->kind);
    put_32(bytes + GAP_REASON, gap->reason);
    put_64(bytes + GAP_FIRST, gap->first_serial);
    put_64(bytes + GAP_LAST, gap->last_serial);
    put_64(bytes + GAP_AFTER, gap->after.ms);
    put_64(bytes + GAP_AFTER + sizeof(uint64_t), gap->after.seq);
    put_64(bytes + GAP_BEFORE, gap->before.ms);
    put_64(bytes + GAP_BEFORE + sizeof(uint64_t), gap->before.seq);
}

bool
spool_gap_decode(const struct spool_record *record, struct spool_gap *gap)
{
    const char *bytes = record->bytes;

    if (record->type != SPOOL_GAP || record->size != SPOOL_GAP_BYTES ||
        get_32(bytes) >= EVENT_N_KINDS ||
        get_32(bytes + GAP_REASON) >= SPOOL_N_REASONS) {
        return false;
    }
    *gap = (struct spool_gap){
        .kind = (enum event_kind)get_32(bytes),
        .reason = (enum spool_reason)get_32(bytes + GAP_REASON),
        .first_serial = get_64(bytes + GAP_FIRST),
        .last_serial = get_64(bytes + GAP_LAST),
        .after = {get_64(bytes + GAP_AFTER),
                  get_64(bytes + GAP_AFTER + sizeof(uint64_t))},
        .before = {get_64(bytes + GAP_BEFORE),
                   get_64(bytes + GAP_BEFORE + sizeof(uint64_t))}};
    return true;
}

const char *
spool_reason_name(enum spool_reason reason)
{
    static const char *const names[] = {
#define SPOOL_REASON_NAME(NAME, TEXT) [SPOOL_##NAME] = (TEXT),
        SPOOL_REASONS(SPOOL_REASON_NAME)
#undef SPOOL_REASON_NAME
    };

    return names[reason];
}

static enum spool_header_status
decode_copy(const uint8_t *bytes, struct spool_segment_header *header,
            uint32_t *version)
{
    if (memcmp(bytes, HEADER_MAGIC, strlen(HEADER_MAGIC)) != 0 ||
        get_32(bytes + HEADER_VERSION_CRC) !=
            crc32c(0, bytes, HEADER_VERSION_CRC)) {
        return SPOOL_HEADER_CORRUPT;
    }
    if (get_32(bytes + HEADER_VERSION) != SPOOL_VERSION) {
        *version = get_32(bytes + HEADER_VERSION);
        return SPOOL_HEADER_VERSION;
    }
    if (get_32(bytes + HEADER_CRC) != crc32c(0, bytes, HEADER_CRC) ||
        get_32(bytes + HEADER_KIND) >= EVENT_N_KINDS) {
        return SPOOL_HEADER_CORRUPT;
    }
    *header = (struct spool_segment_header){
        .kind = (enum event_kind)get_32(bytes + HEADER_KIND),
        .salt = get_32(bytes + HEADER_SALT),
        .number = get_64(bytes + HEADER_NUMBER),
        .first_serial = get_64(bytes + HEADER_FIRST),
        .after_serial = get_64(bytes + HEADER_AFTER)};
    return SPOOL_HEADER_OK;
}

static uint32_t
frame_crc(const char *at, size_t bytes, uint32_t salt)
{
    return crc32c(crc32c(salt, at, FRAME_CRC), at + FRAME_KIND,
                  bytes - FRAME_KIND);
}

static void
put_32(void *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void
put_64(void *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint32_t
get_32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t
get_64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

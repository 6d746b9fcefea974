/* The two-slot state file; see spool_state.h. */

#include "tools/spool/spool_state.h"

#include "tools/spool/crc32c.h"
#include "tools/spool/spool_failpoint.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define STATE_MAGIC "segstate"

enum {
    STATE_VERSION = 1,
    SLOT_VERSION = 8,
    SLOT_VERSION_CRC = 12,
    SLOT_GENERATION = 16,
    SLOT_SALT = 24,
    SLOT_LAST = 32,
    SLOT_MARKS = 48,
    SLOT_CRC = SPOOL_SLOT_BYTES - 4,
    N_WORDS = sizeof(struct spool_mark) / sizeof(uint64_t)
};

static_assert(sizeof(struct spool_mark) == N_WORDS * sizeof(uint64_t),
              "a mark has no padding");
static_assert(SLOT_MARKS + EVENT_N_KINDS * sizeof(struct spool_mark) <=
                  SLOT_CRC,
              "all marks fit in a slot");

static enum spool_state_status
decode_slot(const uint8_t *slot, struct spool_state *state, uint32_t *version);
static void encode_slot(uint8_t *slot, const struct spool_state *state);
static void put_32(uint8_t *at, uint32_t value);
static void put_64s(uint8_t *at, const void *from, size_t n);
static uint32_t get_32(const uint8_t *at);
static void get_64s(const uint8_t *at, void *to, size_t n);

enum spool_state_status
spool_state_read(int fd, struct spool_state *state, uint32_t *version)
{
    uint8_t bytes[SPOOL_STATE_BYTES] = {0};
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    enum spool_state_status result = SPOOL_STATE_CORRUPT;
    struct spool_state slot;

    if (n <= 0) {
        return n < 0 ? SPOOL_STATE_FAILED : SPOOL_STATE_NONE;
    }
    for (size_t at = 0; at < sizeof bytes; at += SPOOL_SLOT_DISTANCE) {
        enum spool_state_status status =
            decode_slot(bytes + at, &slot, version);

        if (status == SPOOL_STATE_VERSION) {
            return status;
        }
        if (status == SPOOL_STATE_OK &&
            (result != SPOOL_STATE_OK || slot.generation > state->generation)) {
            *state = slot;
            result = SPOOL_STATE_OK;
        }
    }
    return result;
}

bool
spool_state_write(int fd, struct spool_state *state)
{
    uint8_t slot[SPOOL_SLOT_BYTES];
    off_t at;
    ssize_t n;

    state->generation++;
    at = state->generation % 2 ? SPOOL_SLOT_DISTANCE : 0;
    encode_slot(slot, state);
    errno = SPOOL_FAILPOINT("write state");
    n = errno ? -1 : pwrite(fd, slot, sizeof slot, at);
    if (n == (ssize_t)sizeof slot) {
        return true;
    }
    state->generation--; /* This slot again: the other one is sound. */
    if (n >= 0) {
        errno = ENOSPC;
    }
    return false;
}

static enum spool_state_status
decode_slot(const uint8_t *slot, struct spool_state *state, uint32_t *version)
{
    if (memcmp(slot, STATE_MAGIC, strlen(STATE_MAGIC)) != 0 ||
        get_32(slot + SLOT_VERSION_CRC) != crc32c(0, slot, SLOT_VERSION_CRC)) {
        return SPOOL_STATE_CORRUPT;
    }
    if (get_32(slot + SLOT_VERSION) != STATE_VERSION) {
        *version = get_32(slot + SLOT_VERSION);
        return SPOOL_STATE_VERSION;
    }
    if (get_32(slot + SLOT_CRC) != crc32c(0, slot, SLOT_CRC)) {
        return SPOOL_STATE_CORRUPT;
    }
    get_64s(slot + SLOT_GENERATION, &state->generation, 1);
    state->salt = get_32(slot + SLOT_SALT);
    get_64s(slot + SLOT_LAST, &state->last, 2);
    get_64s(slot + SLOT_MARKS, state->marks, (size_t)EVENT_N_KINDS * N_WORDS);
    return SPOOL_STATE_OK;
}

static void
encode_slot(uint8_t *slot, const struct spool_state *state)
{
    memset(slot, 0, SPOOL_SLOT_BYTES);
    memcpy(slot, STATE_MAGIC, sizeof STATE_MAGIC - 1);
    put_32(slot + SLOT_VERSION, STATE_VERSION);
    put_32(slot + SLOT_VERSION_CRC, crc32c(0, slot, SLOT_VERSION_CRC));
    put_64s(slot + SLOT_GENERATION, &state->generation, 1);
    put_32(slot + SLOT_SALT, state->salt);
    put_64s(slot + SLOT_LAST, &state->last, 2);
    put_64s(slot + SLOT_MARKS, state->marks, (size_t)EVENT_N_KINDS * N_WORDS);
    put_32(slot + SLOT_CRC, crc32c(0, slot, SLOT_CRC));
}

static void
put_32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

/* 'n' numbers of 64 bits that lie one after the other. */
static void
put_64s(uint8_t *at, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;

        memcpy(&value, (const uint8_t *)from + i * sizeof value, sizeof value);
        value = htole64(value);
        memcpy(at + i * sizeof value, &value, sizeof value);
    }
}

static uint32_t
get_32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static void
get_64s(const uint8_t *at, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;

        memcpy(&value, at + i * sizeof value, sizeof value);
        value = le64toh(value);
        memcpy((uint8_t *)to + i * sizeof value, &value, sizeof value);
    }
}

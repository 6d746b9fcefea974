/* CRC-32C; see crc32c.h.
 *
 * The instruction takes three cycles and one can begin in each, so long input
 * is worked on in three stretches at once.  Joining them takes what it does to
 * a CRC that a stretch of zeros follows: a linear map, so it is looked up for
 * each of the CRC's four bytes.  The tables are filled before main(), and so
 * before there are threads. */

#include "tools/spool/crc32c.h"

#include <endian.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

enum {
    N_BYTES = 256,
    N_SLICES = 8,       /* Bytes looked up at once. */
    STRETCH_BYTES = 256 /* Three make 768: most events have one or two. */
};

#define POLYNOMIAL UINT32_C(0x82f63b78) /* Reflected. */

static uint32_t slices[N_SLICES][N_BYTES];
static uint32_t over_stretch[4][N_BYTES];

static void fill_tables(void) __attribute__((constructor));
static uint32_t through_zeros(uint32_t crc, size_t n);
static uint32_t add_byte(uint32_t crc, uint8_t byte);
static uint32_t add_word(uint32_t crc, const uint8_t *at);

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t start, const uint8_t *at, size_t size);
static uint32_t skip_stretch(uint32_t crc);
static uint64_t word_at(const uint8_t *at);
#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return by_instruction(crc, bytes, size);
    }
#endif
    return crc32c_portable(crc, bytes, size);
}

uint32_t
crc32c_portable(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    crc = ~crc;
    for (; size >= N_SLICES; size -= N_SLICES, at += N_SLICES) {
        crc = add_word(crc, at);
    }
    for (; size > 0; size--, at++) {
        crc = add_byte(crc, *at);
    }
    return ~crc;
}

static void
fill_tables(void)
{
    for (uint32_t byte = 0; byte < N_BYTES; byte++) {
        uint32_t crc = byte;

        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        }
        slices[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < N_BYTES; byte++) {
        for (unsigned i = 1; i < N_SLICES; i++) {
            slices[i][byte] = add_byte(slices[i - 1][byte], 0);
        }
        for (unsigned i = 0; i < 4; i++) {
            over_stretch[i][byte] = through_zeros(byte << 8 * i, STRETCH_BYTES);
        }
    }
}

static uint32_t
through_zeros(uint32_t crc, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc = add_byte(crc, 0);
    }
    return crc;
}

static uint32_t
add_byte(uint32_t crc, uint8_t byte)
{
    return crc >> 8 ^ slices[0][(uint8_t)crc ^ byte];
}

static uint32_t
add_word(uint32_t crc, const uint8_t *at)
{
    uint32_t low, high;

    memcpy(&low, at, sizeof low);
    memcpy(&high, at + sizeof low, sizeof high);
    low = le32toh(low) ^ crc;
    high = le32toh(high);
    return slices[7][low & 0xff] ^ slices[6][low >> 8 & 0xff] ^
           slices[5][low >> 16 & 0xff] ^ slices[4][low >> 24] ^
           slices[3][high & 0xff] ^ slices[2][high >> 8 & 0xff] ^
           slices[1][high >> 16 & 0xff] ^ slices[0][high >> 24];
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t start, const uint8_t *at, size_t size)
{
    const size_t stretch = STRETCH_BYTES;
    uint64_t crc = (uint32_t)~start;

    for (; size >= 3 * stretch; size -= 3 * stretch) {
        uint64_t second = 0;
        uint64_t third = 0;

        for (size_t i = 0; i < stretch; i += sizeof crc) {
            crc = _mm_crc32_u64(crc, word_at(at + i));
            second = _mm_crc32_u64(second, word_at(at + stretch + i));
            third = _mm_crc32_u64(third, word_at(at + 2 * stretch + i));
        }
        crc = skip_stretch((uint32_t)crc) ^ second;
        crc = skip_stretch((uint32_t)crc) ^ third;
        at += 3 * stretch;
    }
    for (; size >= sizeof crc; size -= sizeof crc, at += sizeof crc) {
        crc = _mm_crc32_u64(crc, word_at(at));
    }
    for (; size > 0; size--, at++) {
        crc = _mm_crc32_u8((uint32_t)crc, *at);
    }
    return ~(uint32_t)crc;
}

static uint32_t
skip_stretch(uint32_t crc)
{
    return over_stretch[0][crc & 0xff] ^ over_stretch[1][crc >> 8 & 0xff] ^
           over_stretch[2][crc >> 16 & 0xff] ^ over_stretch[3][crc >> 24];
}

static uint64_t
word_at(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}
#endif

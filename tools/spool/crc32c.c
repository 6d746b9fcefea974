/* CRC-32C; see crc32c.h.
 *
 * The instruction takes three cycles and one can begin in each, so long input
 * is worked on in three stretches at once.  Joining them takes what it does to
 * a CRC that a stretch of zeros follows: a linear map, so it is looked up for
 * each of the CRC's four bytes.
 *
 * Linear also is what becomes of a byte, the sum (XOR) of what becomes of its
 * bits: so the tables are written as eight numbers each, and the compiler makes
 * the rest of them. */

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

/* A table of all bytes, from what becomes of those of one bit, lowest first. */
#define BYTES(...)                                                             \
    {                                                                          \
        BYTES_64(0, __VA_ARGS__), BYTES_64(64, __VA_ARGS__),                   \
            BYTES_64(128, __VA_ARGS__), BYTES_64(192, __VA_ARGS__)             \
    }
#define BYTES_64(n, ...)                                                       \
    BYTES_16((n), __VA_ARGS__), BYTES_16((n) + 16, __VA_ARGS__),               \
        BYTES_16((n) + 32, __VA_ARGS__), BYTES_16((n) + 48, __VA_ARGS__)
#define BYTES_16(n, ...)                                                       \
    BYTES_4((n), __VA_ARGS__), BYTES_4((n) + 4, __VA_ARGS__),                  \
        BYTES_4((n) + 8, __VA_ARGS__), BYTES_4((n) + 12, __VA_ARGS__)
#define BYTES_4(n, ...)                                                        \
    BYTE((n), __VA_ARGS__), BYTE((n) + 1, __VA_ARGS__),                        \
        BYTE((n) + 2, __VA_ARGS__), BYTE((n) + 3, __VA_ARGS__)
#define BYTE(n, b0, b1, b2, b3, b4, b5, b6, b7)                                \
    (((n) >> 0 & 1 ? (b0) : 0) ^ ((n) >> 1 & 1 ? (b1) : 0) ^                   \
     ((n) >> 2 & 1 ? (b2) : 0) ^ ((n) >> 3 & 1 ? (b3) : 0) ^                   \
     ((n) >> 4 & 1 ? (b4) : 0) ^ ((n) >> 5 & 1 ? (b5) : 0) ^                   \
     ((n) >> 6 & 1 ? (b6) : 0) ^ ((n) >> 7 & 1 ? (b7) : 0))

/* What becomes of a byte with 0, 1, 2, ... zeros behind it.  The last number of
 * the first table is the polynomial, reflected. */
static const uint32_t slices[N_SLICES][N_BYTES] = {
    BYTES(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f,
          0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    BYTES(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181,
          0x7f8be302, 0xff17c604, 0xfbc3faf9),
    BYTES(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a,
          0xe144fb14, 0xc76580d9, 0x8b277743),
    BYTES(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d,
          0xd725148b, 0xaba65fe7, 0x52a0c93f),
    BYTES(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3,
          0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    BYTES(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e,
          0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    BYTES(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6,
          0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    BYTES(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4,
          0x0d006599, 0x1a00cb32, 0x34019664)};

static uint32_t add_byte(uint32_t crc, uint8_t byte);
static uint32_t add_word(uint32_t crc, const uint8_t *at);

#if defined(__x86_64__)
/* What becomes of each byte of a CRC in a stretch of zeros. */
static const uint32_t over_stretch[4][N_BYTES] = {
    BYTES(0xdcb17aa4, 0xbc8e83b9, 0x7cf17183, 0xf9e2e306, 0xf629b0fd,
          0xe9bf170b, 0xd69258e7, 0xa8c8c73f),
    BYTES(0x547df88f, 0xa8fbf11e, 0x541b94cd, 0xa837299a, 0x558225c5,
          0xab044b8a, 0x53e4e1e5, 0xa7c9c3ca),
    BYTES(0x4a7ff165, 0x94ffe2ca, 0x2c13b365, 0x582766ca, 0xb04ecd94,
          0x6571edd9, 0xcae3dbb2, 0x902bc195),
    BYTES(0x25bbf5db, 0x4b77ebb6, 0x96efd76c, 0x2833d829, 0x5067b052,
          0xa0cf60a4, 0x4472b7b9, 0x88e56f72)};

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

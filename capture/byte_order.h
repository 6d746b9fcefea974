/* Unsigned numbers out of bytes that may have any alignment and either order.
 *
 * For capture file headers, whose order is that of the machine that wrote them.
 * The caller has checked that the bytes are there. */

#ifndef CAPTURE_BYTE_ORDER_H
#define CAPTURE_BYTE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t
byte_order_u16(const uint8_t *at, bool big_endian)
{
    int value = big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0];

    return (uint16_t)value;
}

static inline uint32_t
byte_order_u32(const uint8_t *at, bool big_endian)
{
    return big_endian ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
                            (uint32_t)at[2] << 8 | at[3]
                      : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 |
                            (uint32_t)at[1] << 8 | at[0];
}

static inline uint64_t
byte_order_u64(const uint8_t *at, bool big_endian)
{
    uint64_t first = byte_order_u32(at, big_endian);
    uint64_t second = byte_order_u32(at + 4, big_endian);

    return big_endian ? first << 32 | second : second << 32 | first;
}

#endif

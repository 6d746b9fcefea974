/* Each kind of tick gets by without 128-bit arithmetic; see pcapng_time.h. */

#include "capture/pcapng_time.h"

enum {
    RESOLUTION_BINARY = 0x80, /* Set: 2^-n; not set: 10^-n. */
    MAX_DECIMAL = 19,         /* 10^19 < 2^64. */
    MAX_BINARY = 63,
    NANOSECOND_DIGITS = 9,
    FRACTION_BITS = 34 /* 2^34 * 10^9 < 2^64. */
};

static int64_t bounded(int64_t ns);
static uint64_t ns_of_binary(uint64_t ticks, unsigned shift);
static uint64_t multiply_saturated(uint64_t a, uint64_t b);

bool
pcapng_time_set_resolution(struct pcapng_time *time, uint8_t resolution)
{
    unsigned n = resolution & (RESOLUTION_BINARY - 1);
    uint64_t multiply = 1;
    uint64_t divide = 1;

    if (resolution & RESOLUTION_BINARY) {
        time->multiply = 0;
        time->divide = 1;
        time->shift = n;
        return n <= MAX_BINARY;
    }
    if (n > MAX_DECIMAL) {
        return false;
    }
    for (; n < NANOSECOND_DIGITS; n++) {
        multiply *= 10;
    }
    for (; n > NANOSECOND_DIGITS; n--) {
        divide *= 10;
    }
    time->multiply = multiply;
    time->divide = divide;
    return true;
}

void
pcapng_time_set_offset(struct pcapng_time *time, int64_t seconds)
{
    if (__builtin_mul_overflow(seconds, SECOND_NS, &time->offset_ns)) {
        time->offset_ns = seconds < 0 ? INT64_MIN : INT64_MAX;
    }
}

struct wall_time
pcapng_time_of(const struct pcapng_time *time, uint64_t ticks)
{
    uint64_t ns;
    int64_t sum;

    if (!time->multiply) {
        ns = ns_of_binary(ticks, time->shift);
    } else if (time->divide == 1) {
        ns = multiply_saturated(ticks, time->multiply);
    } else {
        ns = ticks / time->divide;
    }
    if (__builtin_add_overflow(ns, time->offset_ns, &sum)) {
        sum = INT64_MAX;
    }
    return (struct wall_time){bounded(sum)};
}

static int64_t
bounded(int64_t ns)
{
    if (ns < WALL_TIME_FIRST_NS) {
        return WALL_TIME_FIRST_NS;
    }
    return ns > WALL_TIME_LAST_NS ? WALL_TIME_LAST_NS : ns;
}

static uint64_t
ns_of_binary(uint64_t ticks, unsigned shift)
{
    uint64_t seconds = ticks >> shift;
    uint64_t fraction = ticks - (seconds << shift);
    uint64_t ns = multiply_saturated(seconds, SECOND_NS);

    /* Bits below 2^-34 s, a seventeenth of a nanosecond, are dropped. */
    if (shift > FRACTION_BITS) {
        fraction >>= shift - FRACTION_BITS;
        shift = FRACTION_BITS;
    }
    fraction = fraction * (uint64_t)SECOND_NS >> shift;
    return ns > UINT64_MAX - fraction ? UINT64_MAX : ns + fraction;
}

static uint64_t
multiply_saturated(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

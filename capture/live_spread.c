/* The program, step by step; see live_spread.h.
 *
 * It runs on frames as the kernel's taps see them: of what came in, the link's
 * header and one VLAN tag are gone already, and the protocol is beside the
 * frame; what goes out still has its header.  X is the offset of the layer at
 * hand.  A read behind the end of a frame ends the program with 0: the first
 * handle, for both directions alike. */

#include "capture/live_spread.h"

#include <assert.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

enum {
    PROTOCOL_OF_ICMP = 1,
    PROTOCOL_OF_ICMPV6 = 58,
    ICMPV6_FIRST_INFORMATION = 128, /* RFC 4443 2.1: errors are below. */
    IPV6_BYTES = 40,
    ICMP_BYTES = 8 /* RFC 792, RFC 4443: before the quoted packet. */
};

/* The scratch memory. */
enum {
    LAYER,
    SOURCE,
    DESTINATION,
    SUM,
    TYPE
};

static void find_network(struct live_spread *, unsigned header_bytes);
static void skip_vlans(struct live_spread *);
static void hash_ipv4(struct live_spread *, uint64_t seed);
static void enter_icmp_error(struct live_spread *);
static void hash_ipv6(struct live_spread *, uint64_t seed);
static void enter_icmpv6_error(struct live_spread *);
static void add_words(struct live_spread *, uint32_t source,
                      uint32_t destination, uint64_t *seed);
static uint32_t next_factor(uint64_t *seed);
static unsigned step(struct live_spread *, unsigned code, uint32_t k);
static void fold(struct live_spread *, uint32_t n_bits);
static void move_layer(struct live_spread *, uint32_t n_bytes);
static void finish(struct live_spread *);
static void jump_if(struct live_spread *, unsigned at);
static void jump_unless(struct live_spread *, unsigned at);

void
live_spread_make(struct live_spread *spread, unsigned header_bytes,
                 uint64_t seed)
{
    unsigned not_ipv4, not_ipv6;

    spread->n_steps = 0;
    find_network(spread, header_bytes);
    skip_vlans(spread);
    not_ipv4 = step(spread, BPF_JMP + BPF_JEQ + BPF_K, ETH_P_IP);
    hash_ipv4(spread, seed);
    jump_unless(spread, not_ipv4);
    not_ipv6 = step(spread, BPF_JMP + BPF_JEQ + BPF_K, ETH_P_IPV6);
    hash_ipv6(spread, seed);
    jump_unless(spread, not_ipv6);
    step(spread, BPF_RET + BPF_K, 0);
}

static void
find_network(struct live_spread *spread, unsigned header_bytes)
{
    unsigned comes_in;

    step(spread, BPF_LDX + BPF_IMM, 0);
    step(spread, BPF_LD + BPF_B + BPF_ABS,
         (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
    comes_in = step(spread, BPF_JMP + BPF_JEQ + BPF_K, PACKET_OUTGOING);
    step(spread, BPF_LDX + BPF_IMM, header_bytes);
    jump_unless(spread, comes_in);
    step(spread, BPF_LD + BPF_W + BPF_ABS,
         (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
}

/* A is the protocol of the layer at X, before and after. */
static void
skip_vlans(struct live_spread *spread)
{
    for (unsigned i = 0; i < LIVE_SPREAD_VLANS; i++) {
        unsigned q, ad, other;

        q = step(spread, BPF_JMP + BPF_JEQ + BPF_K, ETH_P_8021Q);
        ad = step(spread, BPF_JMP + BPF_JEQ + BPF_K, ETH_P_8021AD);
        other = step(spread, BPF_JMP + BPF_JEQ + BPF_K, ETH_P_QINQ1);
        jump_if(spread, q);
        jump_if(spread, ad);
        step(spread, BPF_LD + BPF_H + BPF_IND, 2); /* Behind the tag. */
        step(spread, BPF_ST, TYPE);
        move_layer(spread, 4);
        step(spread, BPF_LD + BPF_MEM, TYPE);
        jump_unless(spread, other);
    }
}

static void
hash_ipv4(struct live_spread *spread, uint64_t seed)
{
    step(spread, BPF_STX, LAYER);
    enter_icmp_error(spread);
    step(spread, BPF_LD + BPF_IMM, 0);
    step(spread, BPF_ST, SUM);
    add_words(spread, 12, 16, &seed);
    finish(spread);
}

/* To the quoted packet, if it is an error and no later fragment. */
static void
enter_icmp_error(struct live_spread *spread)
{
    static const uint8_t errors[] = {3, 4, 5, 11, 12}; /* RFC 792 */
    unsigned found[sizeof errors];
    unsigned other, later;

    step(spread, BPF_LD + BPF_B + BPF_IND, 9);
    other = step(spread, BPF_JMP + BPF_JEQ + BPF_K, PROTOCOL_OF_ICMP);
    step(spread, BPF_LD + BPF_H + BPF_IND, 6);
    later = step(spread, BPF_JMP + BPF_JSET + BPF_K, 0x1fff);
    step(spread, BPF_LD + BPF_B + BPF_IND, 0);
    step(spread, BPF_ALU + BPF_AND + BPF_K, 0x0f);
    step(spread, BPF_ALU + BPF_LSH + BPF_K, 2);
    step(spread, BPF_ALU + BPF_ADD + BPF_X, 0);
    step(spread, BPF_MISC + BPF_TAX, 0);
    step(spread, BPF_LD + BPF_B + BPF_IND, 0);
    for (unsigned i = 0; i < sizeof errors; i++) {
        found[i] = step(spread, BPF_JMP + BPF_JEQ + BPF_K, errors[i]);
    }
    step(spread, BPF_LDX + BPF_MEM, LAYER);
    step(spread, BPF_JMP + BPF_JA, 4); /* Over the move. */
    for (unsigned i = 0; i < sizeof errors; i++) {
        jump_if(spread, found[i]);
    }
    move_layer(spread, ICMP_BYTES);
    step(spread, BPF_STX, LAYER);
    jump_if(spread, later);
    jump_unless(spread, other);
}

static void
hash_ipv6(struct live_spread *spread, uint64_t seed)
{
    enter_icmpv6_error(spread);
    step(spread, BPF_STX, LAYER);
    step(spread, BPF_LD + BPF_IMM, 0);
    step(spread, BPF_ST, SUM);
    for (uint32_t i = 0; i < 16; i += 4) {
        add_words(spread, 8 + i, 24 + i, &seed);
    }
    finish(spread);
}

static void
enter_icmpv6_error(struct live_spread *spread)
{
    unsigned other, information;

    step(spread, BPF_LD + BPF_B + BPF_IND, 6);
    other = step(spread, BPF_JMP + BPF_JEQ + BPF_K, PROTOCOL_OF_ICMPV6);
    step(spread, BPF_LD + BPF_B + BPF_IND, IPV6_BYTES);
    information =
        step(spread, BPF_JMP + BPF_JGE + BPF_K, ICMPV6_FIRST_INFORMATION);
    move_layer(spread, IPV6_BYTES + ICMP_BYTES);
    jump_if(spread, information);
    jump_unless(spread, other);
}

/* SUM += (s ^ d) * one factor + (s + d) * another: exchanging the two changes
 * nothing.  Leaves X at the layer. */
static void
add_words(struct live_spread *spread, uint32_t source, uint32_t destination,
          uint64_t *seed)
{
    static const unsigned joins[] = {BPF_XOR, BPF_ADD};

    step(spread, BPF_LD + BPF_W + BPF_IND, source);
    step(spread, BPF_ST, SOURCE);
    step(spread, BPF_LD + BPF_W + BPF_IND, destination);
    step(spread, BPF_ST, DESTINATION);
    for (unsigned i = 0; i < 2; i++) {
        step(spread, BPF_LDX + BPF_MEM, DESTINATION);
        step(spread, BPF_LD + BPF_MEM, SOURCE);
        step(spread, BPF_ALU + joins[i] + BPF_X, 0);
        step(spread, BPF_ALU + BPF_MUL + BPF_K, next_factor(seed));
        step(spread, BPF_LDX + BPF_MEM, SUM);
        step(spread, BPF_ALU + BPF_ADD + BPF_X, 0);
        step(spread, BPF_ST, SUM);
    }
    step(spread, BPF_LDX + BPF_MEM, LAYER);
}

/* Odd, so that no bit is lost; from Steele and others' SplitMix64. */
static uint32_t
next_factor(uint64_t *seed)
{
    uint64_t mixed = *seed += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(mixed >> 32) | 1;
}

/* Addresses come in regular series, and so would the sums: they are mixed as at
 * the end of Appleby's MurmurHash3.  The upper bits are the best. */
static void
finish(struct live_spread *spread)
{
    step(spread, BPF_LD + BPF_MEM, SUM);
    fold(spread, 16);
    step(spread, BPF_ALU + BPF_MUL + BPF_K, 0x85ebca6b);
    fold(spread, 13);
    step(spread, BPF_ALU + BPF_MUL + BPF_K, 0xc2b2ae35);
    step(spread, BPF_ALU + BPF_RSH + BPF_K, 16);
    step(spread, BPF_RET + BPF_A, 0);
}

/* A ^= A >> n_bits. */
static void
fold(struct live_spread *spread, uint32_t n_bits)
{
    step(spread, BPF_MISC + BPF_TAX, 0);
    step(spread, BPF_ALU + BPF_RSH + BPF_K, n_bits);
    step(spread, BPF_ALU + BPF_XOR + BPF_X, 0);
}

static void
move_layer(struct live_spread *spread, uint32_t n_bytes)
{
    step(spread, BPF_MISC + BPF_TXA, 0);
    step(spread, BPF_ALU + BPF_ADD + BPF_K, n_bytes);
    step(spread, BPF_MISC + BPF_TAX, 0);
}

/* Returns its place, for the jumps. */
static unsigned
step(struct live_spread *spread, unsigned code, uint32_t k)
{
    assert(spread->n_steps < LIVE_SPREAD_MAX_STEPS);
    spread->steps[spread->n_steps] =
        (struct sock_filter){.code = (uint16_t)code, .k = k};
    return spread->n_steps++;
}

/* The condition at 'at' leads here if it holds; */
static void
jump_if(struct live_spread *spread, unsigned at)
{
    spread->steps[at].jt = (uint8_t)(spread->n_steps - at - 1);
}

/* or if it does not. */
static void
jump_unless(struct live_spread *spread, unsigned at)
{
    spread->steps[at].jf = (uint8_t)(spread->n_steps - at - 1);
}

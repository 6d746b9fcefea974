/* The lowest four bits of the packed word count the letters in it. */

#include "flows/history.h"

#include "flows/flow_parts.h"

enum {
    BITS = 5,
    COUNT_BITS = 4,
    INLINE_LETTERS = 12,
    END_BIT = 0x10,
    MORE_LETTERS = FLOW_HISTORY_SIZE - INLINE_LETTERS
};

static void add_more(struct flow *, unsigned code);
static char letter_of(const struct flow *, unsigned code);

void
history_add(struct flow *flow, enum history_letter letter, unsigned end)
{
    unsigned n = flow->history & ((1U << COUNT_BITS) - 1);
    unsigned code = (unsigned)letter | (end ? END_BIT : 0);

    if (n < INLINE_LETTERS) {
        flow->history |= (uint64_t)code << (COUNT_BITS + BITS * n);
        flow->history++;
    } else {
        add_more(flow, code);
    }
}

void
history_add_scaled(struct flow *flow, enum history_letter letter, unsigned end,
                   uint64_t count)
{
    while (count >= 10 && count % 10 == 0) {
        count /= 10;
    }
    if (count == 1) {
        history_add(flow, letter, end);
    }
}

void
history_format(const struct flow *flow, const struct flow_part *more,
               char text[FLOW_HISTORY_SIZE + 1])
{
    unsigned n = flow->history & ((1U << COUNT_BITS) - 1);
    unsigned i;

    for (i = 0; i < n; i++) {
        unsigned shift = COUNT_BITS + BITS * i;

        text[i] = letter_of(flow, (unsigned)(flow->history >> shift) & 0x1f);
    }
    for (unsigned j = 0; more && j < more->n; j++, i++) {
        text[i] = letter_of(flow, more->letters.more[j]);
    }
    text[i] = '\0';
}

static void
add_more(struct flow *flow, unsigned code)
{
    struct flow_part *part = flow_part_get(flow, FLOW_PART_LETTERS);

    if (part->n == MORE_LETTERS) {
        flow->flags |= FLOW_HISTORY_CUT;
        return;
    }
    part->letters.more[part->n++] = (uint8_t)code;
}

static char
letter_of(const struct flow *flow, unsigned code)
{
    static const char upper[] = "SHADFRGCTWIQX^";
    static const char lower[] = "shadfrgctwiqx^";
    unsigned end = (code & END_BIT) != 0;
    unsigned letter = code & ~(unsigned)END_BIT;

    if (end == flow_initiator(flow)) {
        return upper[letter];
    }
    return lower[letter];
}

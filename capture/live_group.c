/* Who shares an interface; see live_group.h.
 *
 * From the first to join until the first to leave is a term.  Each has a number
 * that the kernel finds for it, so that nobody else's group is joined, and so
 * that a group is never joined to which sockets of an interface that is gone
 * still belong.
 *
 * All there is to know is in one word, changed at once: only one member can be
 * the next to join, and if the term has ended meanwhile, it has not joined. */

#include "capture/live_group.h"

#include "capture/error.h"
#include "capture/live_spread.h"

#include <linux/if_packet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Bits of the word, from below: */
enum {
    JOINED_BITS = 16,                  /* how many have joined, */
    ID_BITS = 16,                      /* the kernel's number of the group, */
    TERM_SHIFT = JOINED_BITS + ID_BITS /* and the term. */
};

struct live_group {
    unsigned n_members;
    uint64_t seed;
    _Atomic uint64_t word;
};

static bool found(const struct live_group *, int fd, unsigned header_bytes,
                  uint16_t *id);
static bool follow(int fd, uint16_t id);
static uint64_t make_word(uint64_t term, uint16_t id, unsigned n_joined);
static uint64_t term_of(uint64_t word);
static uint16_t id_of(uint64_t word);
static unsigned joined_of(uint64_t word);

struct live_group *
live_group_new(unsigned n_members, uint64_t seed, struct error *error)
{
    struct live_group *group = calloc(1, sizeof *group);

    if (!group) {
        error_set(error, ERROR_MEMORY, NULL, "no memory for a group");
        return NULL;
    }
    group->n_members = n_members;
    group->seed = seed;
    atomic_init(&group->word, make_word(1, 0, 0));
    return group;
}

void
live_group_free(struct live_group *group)
{
    free(group);
}

enum live_join
live_group_join(struct live_group *group, unsigned number, int fd,
                unsigned header_bytes, uint64_t *term, struct error *error)
{
    uint64_t word = atomic_load(&group->word);
    uint16_t id = id_of(word);
    bool good;

    if (joined_of(word) != number) {
        return LIVE_JOIN_EARLY;
    }
    good = number == 0 ? found(group, fd, header_bytes, &id) : follow(fd, id);
    if (!good) {
        error_set_errno(error, NULL, "workers cannot share the interface");
        return LIVE_JOIN_FAILED;
    }
    *term = term_of(word);
    return atomic_compare_exchange_strong(&group->word, &word,
                                          make_word(*term, id, number + 1))
               ? LIVE_JOIN_DONE
               : LIVE_JOIN_EARLY;
}

static bool
found(const struct live_group *group, int fd, unsigned header_bytes,
      uint16_t *id)
{
    unsigned wanted = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    unsigned made = 0;
    socklen_t size = sizeof made;
    struct live_spread spread;
    struct sock_fprog program;

    live_spread_make(&spread, header_bytes, group->seed);
    program = (struct sock_fprog){.len = (unsigned short)spread.n_steps,
                                  .filter = spread.steps};
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted) ||
        getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &made, &size) ||
        setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program,
                   sizeof program)) {
        return false;
    }
    *id = (uint16_t)made;
    return true;
}

static bool
follow(int fd, uint16_t id)
{
    unsigned wanted = (unsigned)PACKET_FANOUT_CBPF << 16 | id;

    return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted) ==
           0;
}

bool
live_group_awaits(const struct live_group *group, unsigned number)
{
    return joined_of(atomic_load(&group->word)) == number;
}

bool
live_group_is_complete(const struct live_group *group, uint64_t term)
{
    uint64_t word = atomic_load(&group->word);

    return term_of(word) == term && joined_of(word) == group->n_members;
}

bool
live_group_is_over(const struct live_group *group, uint64_t term)
{
    return term_of(atomic_load(&group->word)) != term;
}

void
live_group_leave(struct live_group *group, uint64_t term)
{
    uint64_t word = atomic_load(&group->word);

    while (term_of(word) == term &&
           !atomic_compare_exchange_weak(&group->word, &word,
                                         make_word(term + 1, 0, 0))) {
    }
}

static uint64_t
make_word(uint64_t term, uint16_t id, unsigned n_joined)
{
    return term << TERM_SHIFT | (uint64_t)id << JOINED_BITS | n_joined;
}

static uint64_t
term_of(uint64_t word)
{
    return word >> TERM_SHIFT;
}

static uint16_t
id_of(uint64_t word)
{
    return (uint16_t)(word >> JOINED_BITS);
}

static unsigned
joined_of(uint64_t word)
{
    return (uint16_t)word;
}

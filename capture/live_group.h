/* The handles that share one interface, one of each worker.
 *
 * The kernel gives every frame to one of them (PACKET_FANOUT), and to which
 * depends on the order in which they joined.  So they join in the order of
 * their numbers, and none takes frames before all have joined; then a
 * conversation is with one worker from its first packet on, and with the same
 * on every interface.  When one leaves, because the interface went away or
 * failed, all have to join again.
 *
 * Any thread, without a lock. */

#ifndef CAPTURE_LIVE_GROUP_H
#define CAPTURE_LIVE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct live_group; /* Opaque. */

enum live_join {
    LIVE_JOIN_DONE,
    LIVE_JOIN_EARLY, /* Not its turn: try again. */
    LIVE_JOIN_FAILED
};

/* As live_spread_make() for 'seed'.  NULL and '*error' without memory. */
struct live_group *live_group_new(unsigned n_members, uint64_t seed,
                                  struct error *error);
void live_group_free(struct live_group *); /* Accepts NULL; nobody is in. */

/* Member 'number', from 0, joins with an active packet socket.  '*term' is for
 * the other calls. */
enum live_join live_group_join(struct live_group *, unsigned number, int fd,
                               unsigned header_bytes, uint64_t *term,
                               struct error *error);

/* Whether member 'number' may join now. */
bool live_group_awaits(const struct live_group *, unsigned number);

/* Everybody is in. */
bool live_group_is_complete(const struct live_group *, uint64_t term);

/* Somebody left since: leave as well. */
bool live_group_is_over(const struct live_group *, uint64_t term);

/* To be called before the socket is closed. */
void live_group_leave(struct live_group *, uint64_t term);

#endif

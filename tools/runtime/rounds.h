/* Rounds of lanes that take packets by themselves.
 *
 * The desk (desk.h) takes what the workers noticed round by round, so every
 * worker must end the same rounds, however few packets it has.  Lanes ask here
 * how many rounds are to end; any of them can want one more, because of the
 * time or because its tray is full.  Another policy comes into force on all
 * lanes with the end of one round, and the run ends with one for all.
 *
 * Any thread; a lane that takes packets all the time asks without a lock. */

#ifndef TOOLS_RUNTIME_ROUNDS_H
#define TOOLS_RUNTIME_ROUNDS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct policy;

struct rounds {
    pthread_mutex_t lock;
    unsigned n_lanes;
    _Atomic uint64_t wanted; /* Rounds that are to end. */
    _Atomic uint64_t last;   /* UINT64_MAX: not yet known. */
    struct policy *policy;   /* That comes with the end of */
    uint64_t policy_round;   /* this one; */
    unsigned n_to_take;      /* lanes that have not taken it yet. */
};

void rounds_init(struct rounds *, unsigned n_lanes);
void rounds_done(struct rounds *);

/* That 'round' ends, counting from 1.  False if that was known already. */
bool rounds_want(struct rounds *, uint64_t round);

/* How many are to end; a lane ends those it has not. */
uint64_t rounds_wanted(const struct rounds *);

/* To a lane that has just ended 'round': the policy to go on with, a reference,
 * or NULL. */
struct policy *rounds_take_policy(struct rounds *, uint64_t round);

/* Whether nothing comes after 'round'. */
bool rounds_is_last(const struct rounds *, uint64_t round);

/* Whether the last round is known. */
bool rounds_have_last(const struct rounds *);

/* Wants a round, and another policy from its end on.  False while some lane has
 * not taken the policy before. */
bool rounds_set_policy(struct rounds *, struct policy *);

/* Wants a last round. */
void rounds_finish(struct rounds *);

#endif

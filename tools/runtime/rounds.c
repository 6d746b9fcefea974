/* Rounds by agreement; see rounds.h. */

#include "tools/runtime/rounds.h"

#include "rules/policy.h"

#include <stddef.h>

static void want_next(struct rounds *);

void
rounds_init(struct rounds *rounds, unsigned n_lanes)
{
    pthread_mutex_init(&rounds->lock, NULL);
    rounds->n_lanes = n_lanes;
    atomic_init(&rounds->wanted, 0);
    atomic_init(&rounds->last, UINT64_MAX);
    rounds->policy = NULL;
    rounds->policy_round = 0;
    rounds->n_to_take = 0;
}

void
rounds_done(struct rounds *rounds)
{
    policy_unref(rounds->policy);
    pthread_mutex_destroy(&rounds->lock);
}

bool
rounds_want(struct rounds *rounds, uint64_t round)
{
    bool news = false;

    if (rounds_wanted(rounds) >= round) {
        return false;
    }
    pthread_mutex_lock(&rounds->lock);
    if (!rounds_have_last(rounds) && rounds_wanted(rounds) < round) {
        want_next(rounds);
        news = true;
    }
    pthread_mutex_unlock(&rounds->lock);
    return news;
}

uint64_t
rounds_wanted(const struct rounds *rounds)
{
    return atomic_load_explicit(&rounds->wanted, memory_order_acquire);
}

struct policy *
rounds_take_policy(struct rounds *rounds, uint64_t round)
{
    struct policy *policy = NULL;

    pthread_mutex_lock(&rounds->lock);
    if (rounds->n_to_take && rounds->policy_round == round) {
        policy = policy_ref(rounds->policy);
        if (--rounds->n_to_take == 0) {
            policy_unref(rounds->policy);
            rounds->policy = NULL;
        }
    }
    pthread_mutex_unlock(&rounds->lock);
    return policy;
}

bool
rounds_is_last(const struct rounds *rounds, uint64_t round)
{
    return atomic_load_explicit(&rounds->last, memory_order_acquire) == round;
}

bool
rounds_have_last(const struct rounds *rounds)
{
    return atomic_load_explicit(&rounds->last, memory_order_acquire) !=
           UINT64_MAX;
}

bool
rounds_set_policy(struct rounds *rounds, struct policy *policy)
{
    bool good;

    pthread_mutex_lock(&rounds->lock);
    good = rounds->n_to_take == 0 && !rounds_have_last(rounds);
    if (good) {
        rounds->policy = policy_ref(policy);
        rounds->policy_round = rounds_wanted(rounds) + 1;
        rounds->n_to_take = rounds->n_lanes;
        want_next(rounds);
    }
    pthread_mutex_unlock(&rounds->lock);
    return good;
}

void
rounds_finish(struct rounds *rounds)
{
    pthread_mutex_lock(&rounds->lock);
    if (!rounds_have_last(rounds)) {
        want_next(rounds);
        atomic_store_explicit(&rounds->last, rounds_wanted(rounds),
                              memory_order_release);
    }
    pthread_mutex_unlock(&rounds->lock);
}

/* With the lock. */
static void
want_next(struct rounds *rounds)
{
    atomic_store_explicit(&rounds->wanted, rounds_wanted(rounds) + 1,
                          memory_order_release);
}

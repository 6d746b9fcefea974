/* rounds.h: lanes end the same rounds, and take policies at the same ones. */

#include "tests/support/test.h"

#include "rules/policy.h"
#include "tools/runtime/rounds.h"

#include <pthread.h>
#include <sched.h>

enum {
    N_LANES = 4,
    N_POLICIES = 50
};

struct lane {
    struct rounds *rounds;
    uint64_t wants_every; /* Asks for a round after so many looks. */
    uint64_t n_rounds;
    uint64_t taken[N_POLICIES]; /* After which rounds. */
    unsigned n_taken;
};

static void
end_round(struct lane *lane)
{
    struct policy *policy = rounds_take_policy(lane->rounds, ++lane->n_rounds);

    if (policy) {
        lane->taken[lane->n_taken++] = lane->n_rounds;
        policy_unref(policy);
    }
}

static void *
run(void *argument)
{
    struct lane *lane = argument;
    uint64_t n_looks = 0;

    while (!rounds_is_last(lane->rounds, lane->n_rounds)) {
        if (++n_looks % lane->wants_every == 0) {
            rounds_want(lane->rounds, lane->n_rounds + 1);
        }
        while (lane->n_rounds < rounds_wanted(lane->rounds)) {
            end_round(lane);
        }
    }
    return NULL;
}

static void
lanes_end_the_same_rounds_and_take_every_policy_at_the_same(void **state)
{
    struct lane lanes[N_LANES] = {{.rounds = NULL}};
    struct policy *policy = policy_observe_all();
    pthread_t threads[N_LANES];
    struct rounds rounds;
    unsigned n_set = 0;

    (void)state;
    assert_non_null(policy);
    rounds_init(&rounds, N_LANES);
    for (unsigned i = 0; i < N_LANES; i++) {
        lanes[i] =
            (struct lane){.rounds = &rounds, .wants_every = 1 + i * 1000};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &lanes[i]), 0);
    }
    while (n_set < N_POLICIES) {
        n_set += rounds_set_policy(&rounds, policy);
        sched_yield();
    }
    rounds_finish(&rounds);
    for (unsigned i = 0; i < N_LANES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(lanes[i].n_rounds, lanes[0].n_rounds);
        assert_int_equal(lanes[i].n_taken, N_POLICIES);
        assert_memory_equal(lanes[i].taken, lanes[0].taken,
                            sizeof lanes[i].taken);
    }
    assert_false(rounds_set_policy(&rounds, policy));
    rounds_done(&rounds);
    policy_unref(policy);
}

static void
a_round_is_wanted_once(void **state)
{
    struct rounds rounds;

    (void)state;
    rounds_init(&rounds, 2);
    assert_true(rounds_want(&rounds, 1));
    assert_false(rounds_want(&rounds, 1));
    assert_int_equal(rounds_wanted(&rounds), 1);
    assert_false(rounds_have_last(&rounds));
    rounds_finish(&rounds);
    rounds_finish(&rounds);
    assert_true(rounds_have_last(&rounds));
    assert_true(rounds_is_last(&rounds, 2));
    assert_false(rounds_want(&rounds, 3));
    rounds_done(&rounds);
}

/* What was set and not taken by all is not lost from sight. */
static void
a_policy_waits_for_the_one_before(void **state)
{
    struct policy *policy = policy_observe_all(), *taken;
    struct rounds rounds;

    (void)state;
    rounds_init(&rounds, 2);
    assert_true(rounds_set_policy(&rounds, policy));
    assert_false(rounds_set_policy(&rounds, policy));
    for (unsigned i = 0; i < 2; i++) {
        taken = rounds_take_policy(&rounds, 1);
        assert_ptr_equal(taken, policy);
        policy_unref(taken);
    }
    assert_null(rounds_take_policy(&rounds, 1));
    assert_true(rounds_set_policy(&rounds, policy));
    rounds_done(&rounds); /* And with it, one that nobody took. */
    policy_unref(policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            lanes_end_the_same_rounds_and_take_every_policy_at_the_same),
        cmocka_unit_test(a_round_is_wanted_once),
        cmocka_unit_test(a_policy_waits_for_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What it costs to load a mebibyte written to be slow to load.
 *
 *     build/tests/bench/bench_load
 *
 * CPU time, the best of some runs; the target is 100 ms. */

#include "rules/policy.h"
#include "rules/problems.h"
#include "tests/rules/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    N_RUNS = 5
};

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static double
measure(const char *text, size_t size, struct problems *problems)
{
    double best = 1e9;

    for (unsigned i = 0; i < N_RUNS; i++) {
        double start = now(), taken;

        problems_done(problems);
        policy_unref(
            policy_load_bytes("bench.yaml", text, size, NULL, problems));
        taken = now() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

int
main(void)
{
    printf("     ms  first finding  text\n");
    for (size_t i = 0; i < hostile_n_policies; i++) {
        struct problems problems;
        size_t size;
        char *text = hostile_text(&hostile_policies[i], &size);
        double taken;

        if (!text) {
            return 1;
        }
        problems_init(&problems);
        taken = measure(text, size, &problems);
        printf("%7.1f  %-13s  %s\n", taken,
               problems.n ? problems.list[0].code : "-",
               hostile_policies[i].name);
        problems_done(&problems);
        free(text);
    }
    return 0;
}

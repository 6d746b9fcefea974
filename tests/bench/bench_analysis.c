/* What the exact analysis of a policy costs, by rules and by segments.
 *
 *     build/tests/bench/bench_analysis
 *
 * CPU time of policy_analyze() alone.  Rules are between random segments for
 * well-known services, single ports, ranges and applications, some to a single
 * address; the last one hides nothing and is hidden by nothing.  'growth' is
 * the cost by that of the line before, next to how much larger the policy is:
 * rules are looked at in every situation they are in, so the cost grows faster
 * than they do. */

#include "rules/analysis/analysis.h"
#include "rules/problems.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TEXT_PER_LINE = 200
};

struct size {
    unsigned n_segments, n_rules;
};

static uint32_t seed;

static uint32_t
draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static size_t
write_rule(char *text, size_t size, struct size all, unsigned number)
{
    static const char *const services[] = {
        "https", "ssh", "smb", "dns", "ldap", "tcp/8000-8100", "any"};
    static const char *const apps[] = {"app: TLS, ", "app: SSH, ", "",
                                       "",           "",           ""};
    char service[24], addr[40] = "";
    unsigned n = all.n_segments, to = draw(n);

    snprintf(service, sizeof service, "tcp/%u", 1 + draw(2000));
    if (draw(10) == 0) {
        snprintf(addr, sizeof addr, "to_addr: 10.%u.%u.%u, ", to >> 8,
                 to & 255U, 1 + draw(8));
    }
    return (size_t)snprintf(
        text, size,
        "- {id: r%u, from: [s%u,s%u], to: [s%u,s%u], service: %s, %s%saction: "
        "%s}\n",
        number, draw(n), draw(n), to, draw(n),
        draw(2) ? services[draw(7)] : service, apps[draw(6)], addr,
        draw(4) ? "allow" : "deny");
}

static size_t
write_policy(char *text, size_t size, struct size all)
{
    size_t n = (size_t)snprintf(text, size, "version: 1\nsegments:\n");

    seed = 1;
    for (unsigned i = 0; i < all.n_segments; i++) {
        n += (size_t)snprintf(text + n, size - n,
                              "  s%u: {networks: [10.%u.%u.0/24, "
                              "\"2001:db8:%x::/48\"]}\n",
                              i, i >> 8, i & 255U, i);
    }
    n += (size_t)snprintf(text + n, size - n, "rules:\n");
    for (unsigned i = 0; i < all.n_rules; i++) {
        n += write_rule(text + n, size - n, all, i);
    }
    return n;
}

static double
measure(struct size all, double before)
{
    size_t size = (size_t)(all.n_rules + all.n_segments + 2) * TEXT_PER_LINE;
    char *text = malloc(size);
    struct problems problems;
    struct policy *policy;
    double start, taken;
    size_t found = 0;

    if (!text) {
        exit(1);
    }
    problems_init(&problems);
    policy = policy_load_bytes("bench.yaml", text,
                               write_policy(text, size, all), NULL, &problems);
    if (!policy) {
        problems_print(&problems, stderr);
        exit(1);
    }
    start = now();
    policy_analyze(policy, &problems);
    taken = now() - start;
    for (unsigned i = 0; i < PROBLEM_N_SEVERITIES; i++) {
        found += problems.n_kept[i] + problems.n_left_out[i];
    }
    printf("%8u %6u %9.1f %8.1f %8zu%s\n", all.n_segments, all.n_rules, taken,
           before > 0 ? taken / before : 1.0, found,
           problems.n && strcmp(problems.list[0].code, "W-ANALYSIS") == 0
               ? "  not analysed"
               : "");
    policy_unref(policy);
    problems_done(&problems);
    free(text);
    return taken;
}

int
main(void)
{
    static const struct size sizes[] = {{60, 10},    {60, 100},   {60, 1000},
                                        {60, 10000}, {10, 1000},  {30, 1000},
                                        {100, 1000}, {300, 1000}, {1000, 1000}};
    double before = 0;

    printf("segments  rules        ms   growth findings\n");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool first = i == 0 || sizes[i].n_rules < sizes[i - 1].n_rules;

        before = measure(sizes[i], first ? 0 : before);
    }
    return 0;
}

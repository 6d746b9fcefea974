/* What one verdict costs, by the number of rules.
 *
 *     build/tests/bench/bench_judge
 *     build/tests/bench/bench_judge policy 1000 >POLICY
 *
 * The second writes the policy, to run others with: results/judge.md has what
 * of a replay's time goes into verdicts.
 *
 * 60 segments, rules between random ones for well-known services, single ports
 * and applications; questions between random hosts.  Half of the questions meet
 * a rule, the others fall to the default and look for near misses too. */

#include "rules/judge/flow_test.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N_SEGMENTS = 60,
    N_QUESTIONS = 4096,
    N_ROUNDS = 400,
    TEXT_PER_RULE = 160
};

static uint32_t seed = 1;

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

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static size_t
write_policy(char *text, size_t size, unsigned n_rules)
{
    static const char *const services[] = {"https", "ssh",  "smb",
                                           "dns",   "ldap", "tcp/8000-8100"};
    size_t n = (size_t)snprintf(text, size, "version: 1\nsegments:\n");

    for (unsigned i = 0; i < N_SEGMENTS; i++) {
        n += (size_t)snprintf(text + n, size - n,
                              "  s%u: {networks: [10.%u.0.0/16, "
                              "\"2001:db8:%x::/48\"]}\n",
                              i, i, i);
    }
    n += (size_t)snprintf(text + n, size - n, "rules:\n");
    for (unsigned i = 0; i < n_rules; i++) {
        char service[24];

        snprintf(service, sizeof service, "tcp/%u", 1 + draw(2000));
        n += (size_t)snprintf(
            text + n, size - n,
            "- {id: r%u, from: [s%u,s%u], to: [s%u,s%u], service: %s, "
            "%saction: %s}\n",
            i, draw(N_SEGMENTS), draw(N_SEGMENTS), draw(N_SEGMENTS),
            draw(N_SEGMENTS), draw(2) ? services[draw(6)] : service,
            draw(5) ? "" : "app: TLS, ", draw(4) ? "allow" : "deny");
    }
    return n;
}

static void
draw_questions(const struct policy *policy, struct question *questions)
{
    static const uint16_t ports[] = {443, 22, 445, 53, 389, 8050, 1234, 777};
    const struct policy_place place = {.interface = "", .sensor = ""};

    for (size_t i = 0; i < N_QUESTIONS; i++) {
        const uint8_t src[4] = {10, (uint8_t)draw(N_SEGMENTS), 1, 2};
        const uint8_t dst[4] = {10, (uint8_t)draw(N_SEGMENTS), 3, 4};

        questions[i] = (struct question){.src = addr_from_ipv4(src),
                                         .dst = addr_from_ipv4(dst),
                                         .src_port = 40000,
                                         .dst_port = ports[draw(8)],
                                         .protocol = 6,
                                         .ip_version = 4,
                                         .interface = "",
                                         .sensor = "",
                                         .app = (enum question_app)draw(4)};
        questions[i].src_segment =
            policy_locate(policy, &questions[i].src, &place);
        questions[i].dst_segment =
            policy_locate(policy, &questions[i].dst, &place);
    }
}

static void
measure(unsigned n_rules)
{
    static struct question questions[N_QUESTIONS];
    size_t size = (size_t)n_rules * TEXT_PER_RULE + 16384, n, hits = 0;
    const struct policy_place place = {.interface = "", .sensor = ""};
    char *text = malloc(size);
    struct problems problems;
    const double n_asked = (double)N_ROUNDS * (double)N_QUESTIONS;
    double start, load, locate, judged;
    struct policy *policy;
    unsigned sum = 0;

    if (!text) {
        return;
    }
    n = write_policy(text, size, n_rules);
    problems_init(&problems);
    start = now();
    policy = policy_load_bytes("bench.yaml", text, n, NULL, &problems);
    load = now() - start;
    if (!policy) {
        problems_print(&problems, stderr);
        exit(1);
    }
    draw_questions(policy, questions);
    start = now();
    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < N_QUESTIONS; i++) {
            struct verdict verdict;

            judge(policy, &questions[i], &verdict);
            hits += verdict.rule >= 0 && (uint32_t)verdict.rule < n_rules;
        }
    }
    judged = now() - start;
    start = now();
    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < N_QUESTIONS; i++) {
            sum += policy_locate(policy, &questions[i].src, &place);
        }
    }
    locate = now() - start;
    printf("%6u rules: %7.1f ns per verdict (%2.0f %% by a rule), "
           "%5.1f ns per address, loaded in %6.1f ms%s\n",
           n_rules, judged * 1e9 / n_asked, 100.0 * (double)hits / n_asked,
           locate * 1e9 / n_asked, load * 1e3, sum ? "" : " ");
    problems_done(&problems);
    policy_unref(policy);
    free(text);
}

static int
print_policy(unsigned n_rules)
{
    size_t size = (size_t)n_rules * TEXT_PER_RULE + 16384;
    char *text = malloc(size);

    if (!text) {
        return 1;
    }
    fwrite(text, 1, write_policy(text, size, n_rules), stdout);
    free(text);
    return 0;
}

int
main(int argc, char *argv[])
{
    static const unsigned sizes[] = {10, 100, 1000, 10000};

    if (argc == 3 && strcmp(argv[1], "policy") == 0) {
        return print_policy((unsigned)strtoul(argv[2], NULL, 10));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        measure(sizes[i]);
    }
    return 0;
}

/* A policy and flows out of any bytes: loaded, compiled and judged as always,
 * and by an oracle that reads the language aloud. */

#include "rules/judge/judge.h"
#include "rules/problems.h"
#include "tests/rules/naive_judge.h"
#include "tests/rules/random_flow.h"
#include "tests/rules/random_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_FLOWS = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct random_policy *model, const struct policy *policy,
    const struct random_flow *flow, const char *text)
{
    struct question question;
    struct verdict verdict;
    char wrong[100] = "";

    random_flow_ask(flow, policy, &question);
    if (question.src_segment != naive_locate(model, flow, false) ||
        question.dst_segment != naive_locate(model, flow, true)) {
        snprintf(
            wrong, sizeof wrong, "the segments are %u and %u, not %u and %u",
            question.src_segment, question.dst_segment,
            naive_locate(model, flow, false), naive_locate(model, flow, true));
    }
    judge(policy, &question, &verdict);
    if (wrong[0] ||
        naive_disagrees(model, flow, &verdict, wrong, sizeof wrong)) {
        fprintf(stderr, "%s\n%s\n", text, wrong);
        random_flow_print(flow);
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[RANDOM_MAX_TEXT];
    static struct random_policy model;
    struct choices choices = choices_from_bytes(data, size);
    struct problems problems;
    struct policy *policy;

    random_policy_draw(&choices, &model);
    problems_init(&problems);
    policy = policy_load_bytes("fuzz", text, random_policy_write(&model, text),
                               NULL, &problems);
    if (!policy) { /* What is drawn is valid. */
        fprintf(stderr, "%s\n", text);
        problems_print(&problems, stderr);
        abort();
    }
    for (int i = 0; i < N_FLOWS; i++) {
        struct random_flow flow;

        random_flow_draw(&choices, &model, &flow);
        ask(&model, policy, &flow, text);
    }
    policy_unref(policy);
    problems_done(&problems);
    return 0;
}

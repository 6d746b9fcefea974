/* Any bytes as a policy: refused or loaded, and then judged with. */

#include "rules/judge/judge.h"
#include "rules/problems.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct policy *policy, const uint8_t *data, size_t size)
{
    const struct policy_place place = {.interface = "", .sensor = ""};
    struct question question = {.protocol = 6,
                                .ip_version = 4,
                                .dst_port = 443,
                                .interface = "",
                                .sensor = "",
                                .sni = "a.x",
                                .host = ""};
    struct verdict verdict;

    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = i < size ? data[size - 1 - i] : 0;

        question.src.byte[i] = byte;
        question.dst.byte[15 - i] = byte;
    }
    question.src_segment = policy_locate(policy, &question.src, &place);
    question.dst_segment = policy_locate(policy, &question.dst, &place);
    for (int app = 0; app < 4; app++) {
        question.app = (enum question_app)app;
        question.midstream = app % 2;
        judge(policy, &question, &verdict);
        if (verdict.rule >= (int32_t)policy_n_rules(policy)) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct policy *policy;

    problems_init(&problems);
    policy =
        policy_load_bytes("fuzz", (const char *)data, size, NULL, &problems);
    if (!policy != (problems.n_errors > 0)) {
        abort(); /* Refused without a reason, or accepted with one. */
    }
    if (policy) {
        ask(policy, data, size);
        policy_run_tests(policy, NULL, &problems);
        policy_lint(policy, (struct wall_time){0}, &problems);
    }
    policy_unref(policy);
    problems_done(&problems);
    return 0;
}

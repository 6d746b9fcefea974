/* One flow explained for programs: an answer as those of a file of questions,
 * with the ends, the path, and what would change it. */

#include "tools/commands/explain.h"

#include <stdio.h>

static void write_end(struct json *, const char *key,
                      const struct explain_flow *, const struct addr *,
                      const struct location *);
static void write_rule(struct json *, const struct explain_flow *);
static void write_step(void *context, const struct judge_step *);
static void write_change(void *context, const char *text);

struct path_writer {
    struct json *json;
    const struct policy *policy;
};

void
explain_print_json(struct json *json, const struct explain_flow *flow)
{
    struct path_writer writer = {json, flow->policy};
    struct judge_path path;

    json_reset(json, false);
    json_open(json, NULL, '{');
    explain_write_verdict(json, flow->policy, &flow->question, &flow->verdict);
    write_rule(json, flow);
    json_open(json, "policy", '{');
    json_cstring(json, "name", policy_name(flow->policy));
    json_cstring(json, "revision", policy_revision(flow->policy));
    json_plain(json, "sha256", policy_sha256(flow->policy));
    json_close(json, '}');
    write_end(json, "source", flow, &flow->flow->src, &flow->source);
    write_end(json, "destination", flow, &flow->flow->dst, &flow->target);
    json_u64(json, "rules", flow->path.n_rules);
    json_u64(json, "rules_of_pair", flow->path.n_named);
    json_open(json, "path", '[');
    judge_explain(flow->policy, &flow->question, &flow->verdict, &path,
                  write_step, &writer);
    json_close(json, ']');
    json_open(json, "changes", '[');
    explain_each_change(flow, write_change, json);
    json_close(json, ']');
    json_close(json, '}');
    json_raw(json, "\n", 1);
    if (!json->failed) {
        fwrite(json->data, 1, json->size, stdout);
    }
}

static void
write_end(struct json *json, const char *key, const struct explain_flow *flow,
          const struct addr *addr, const struct location *location)
{
    char text[PREFIX_TEXT_SIZE];

    json_open(json, key, '{');
    json_plain(json, "ip", addr_format(addr, text));
    json_cstring(json, "segment",
                 policy_segment(flow->policy, location->segment)->name);
    json_plain(json, "prefix", prefix_format(&location->prefix, text));
    json_cstring(json, "prefix_of",
                 policy_segment(flow->policy, location->network_of)->name);
    json_cstring(json, "qualifiers", location->qualifiers);
    json_open(json, "passed_over", '[');
    for (size_t i = 0; i < location->n_passed; i++) {
        const struct location_claim *claim = &location->passed[i];

        json_open(json, NULL, '{');
        json_cstring(json, "segment",
                     policy_segment(flow->policy, claim->segment)->name);
        json_plain(json, "prefix", prefix_format(&claim->prefix, text));
        json_plain(json, "failed", claim->failed);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void
write_rule(struct json *json, const struct explain_flow *flow)
{
    const struct policy_rule *rule;

    if (flow->verdict.rule < 0) {
        return;
    }
    rule = policy_rule(flow->policy, (uint32_t)flow->verdict.rule);
    json_plain(json, "tier", tier_name(rule->tier));
    json_plain(json, "severity", level_name(rule->severity));
    json_cstring(json, "title", rule->title);
    json_cstring(json, "owner", rule->owner);
    json_cstring(json, "ticket", rule->ticket);
}

static void
write_step(void *context, const struct judge_step *step)
{
    struct path_writer *writer = context;
    const struct policy_rule *rule = policy_rule(writer->policy, step->rule);
    struct json *json = writer->json;

    json_open(json, NULL, '{');
    json_cstring(json, "rule", rule->id);
    json_plain(json, "tier", tier_name(rule->tier));
    json_plain(json, "result", judge_step_name(step->kind));
    if (step->kind != JUDGE_STEP_FAILED) {
        json_plain(json, "decision", decision_name(step->decision));
    }
    if (step->condition[0]) {
        json_plain(json, "condition", step->condition);
        json_cstring(json, "wanted", step->wanted);
    }
    json_bool(json, "reversed", step->reversed);
    json_close(json, '}');
}

static void
write_change(void *context, const char *text)
{
    json_cstring(context, NULL, text);
}

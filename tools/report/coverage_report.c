/* Coverage as text and as JSON lines; see coverage_report.h. */

#include "tools/report/coverage_report.h"

#include "tools/event/json.h"
#include "tools/report/text.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_LINE = 16384,  /* Bytes of JSON; names and ids are short. */
    SEGMENT_WIDTH = 16 /* Columns. */
};

typedef bool rule_filter(const struct coverage_rule *);

static void print_tiers(const struct coverage_totals *, FILE *);
static void print_rules(const struct coverage *, const char *title,
                        rule_filter *, FILE *);
static bool is_missed(const struct coverage_rule *);
static bool is_unbroken(const struct coverage_rule *);
static bool is_staged(const struct coverage_rule *);
static bool is_disabled(const struct coverage_rule *);
static void print_cells(const struct coverage *, FILE *);
static void print_hits(const struct coverage_hits *, FILE *);
static void write_summary(struct json *, const struct coverage *);
static void write_rule(struct json *, const struct coverage_rule *);
static void write_cell(struct json *, const struct coverage *, segment_id src,
                       segment_id dst, const struct coverage_hits *);
static void write_share(struct json *, const char *key,
                        const struct coverage_share *);
static void write_hits(struct json *, const struct coverage_hits *);
static void begin_line(struct json *, const char *what);
static bool end_line(struct json *, FILE *);

/* In the order of tiers. */
static const char *const tier_titles[COVERAGE_N_TIERS] = {
    [TIER_GUARDRAIL] = "guardrails",
    [TIER_RULE] = "rules",
    [TIER_PAIR] = "pairs",
    [TIER_DEFAULT] = "defaults"};

void
coverage_print_text(const struct coverage *coverage, const char *what,
                    FILE *stream)
{
    struct coverage_totals totals;

    coverage_sum(coverage, &totals);
    fprintf(stream, "coverage of %" PRIu64 " %s\n", coverage->questions, what);
    print_tiers(&totals, stream);
    print_rules(coverage, "never exercised", is_missed, stream);
    print_rules(coverage, "requirements never broken", is_unbroken, stream);
    print_rules(coverage, "staged", is_staged, stream);
    print_rules(coverage, "disabled", is_disabled, stream);
    print_cells(coverage, stream);
    if (coverage->out_of_memory) {
        fputs("out of memory: hits are missing above\n", stream);
    }
}

static void
print_tiers(const struct coverage_totals *totals, FILE *stream)
{
    for (size_t i = 0; i < COVERAGE_N_TIERS; i++) {
        if (totals->tiers[i].n) {
            fprintf(stream, "  %-10s %5zu of %zu\n", tier_titles[i],
                    totals->tiers[i].exercised, totals->tiers[i].n);
        }
    }
    fprintf(stream, "  %-10s %5zu of %zu", "cells", totals->cells.exercised,
            totals->cells.n);
    if (totals->other_cells) {
        fprintf(stream, ", and %zu local ones", totals->other_cells);
    }
    fputc('\n', stream);
}

static void
print_rules(const struct coverage *coverage, const char *title,
            rule_filter *wanted, FILE *stream)
{
    bool any = false;

    for (uint32_t i = 0; i < policy_n_rules(coverage->policy); i++) {
        struct coverage_rule rule;

        coverage_rule(coverage, i, &rule);
        if (!wanted(&rule)) {
            continue;
        }
        if (!any) {
            fprintf(stream, "%s:\n", title);
            any = true;
        }
        fputs("  ", stream);
        if (rule.line) {
            text_print(rule.file, stream);
            fprintf(stream, ":%u: ", rule.line);
        }
        text_print(rule.rule->id, stream);
        if (rule.n_hits) {
            fputs("  ", stream);
            print_hits(rule.hits, stream);
        }
        fputc('\n', stream);
    }
}

static bool
is_missed(const struct coverage_rule *rule)
{
    return rule->counts && rule->n_hits == 0;
}

static bool
is_unbroken(const struct coverage_rule *rule)
{
    return rule->counts && rule->unbroken;
}

static bool
is_staged(const struct coverage_rule *rule)
{
    return rule->rule->mode == MODE_STAGED;
}

static bool
is_disabled(const struct coverage_rule *rule)
{
    return rule->rule->mode == MODE_DISABLED &&
           rule->rule->tier != TIER_DETECTOR;
}

static void
print_cells(const struct coverage *coverage, FILE *stream)
{
    const struct policy *policy = coverage->policy;
    size_t n_segments = policy_n_segments(policy);
    size_t n = 0;

    for (size_t i = 0; i < n_segments * n_segments; i++) {
        segment_id src = (segment_id)(i / n_segments);
        segment_id dst = (segment_id)(i % n_segments);
        const struct coverage_hits *hits = coverage_cell(coverage, src, dst);

        if (!hits || n++ >= COVERAGE_MAX_CELLS_TOLD) {
            continue;
        }
        if (n == 1) {
            fputs("cells exercised:\n", stream);
        }
        fprintf(stream, "  %-*s %-*s ", SEGMENT_WIDTH,
                policy_segment(policy, src)->name, SEGMENT_WIDTH,
                policy_segment(policy, dst)->name);
        print_hits(hits, stream);
        fputc('\n', stream);
    }
    if (n > COVERAGE_MAX_CELLS_TOLD) {
        fprintf(stream, "  ... and %zu more\n", n - COVERAGE_MAX_CELLS_TOLD);
    }
}

static void
print_hits(const struct coverage_hits *hits, FILE *stream)
{
    const char *separator = "";

    for (size_t i = 0; i < COVERAGE_N_DECISIONS; i++) {
        if (hits->decisions[i]) {
            fprintf(stream, "%s%" PRIu64 " %s", separator, hits->decisions[i],
                    decision_name((enum decision)i));
            separator = ", ";
        }
    }
}

bool
coverage_print_json(const struct coverage *coverage, FILE *stream)
{
    const struct policy *policy = coverage->policy;
    size_t n_segments = policy_n_segments(policy);
    struct json json;
    bool complete;

    json_init(&json, MAX_LINE);
    write_summary(&json, coverage);
    complete = end_line(&json, stream);
    for (uint32_t i = 0; i < policy_n_rules(policy); i++) {
        struct coverage_rule rule;

        coverage_rule(coverage, i, &rule);
        if (rule.rule->tier != TIER_DETECTOR) {
            write_rule(&json, &rule);
            complete &= end_line(&json, stream);
        }
    }
    for (size_t i = 0; i < n_segments * n_segments; i++) {
        segment_id src = (segment_id)(i / n_segments);
        segment_id dst = (segment_id)(i % n_segments);
        const struct coverage_hits *hits = coverage_cell(coverage, src, dst);

        if (hits) {
            write_cell(&json, coverage, src, dst, hits);
            complete &= end_line(&json, stream);
        }
    }
    json_done(&json);
    return complete && !coverage->out_of_memory;
}

static void
write_summary(struct json *json, const struct coverage *coverage)
{
    const struct policy *policy = coverage->policy;
    struct coverage_totals totals;

    coverage_sum(coverage, &totals);
    begin_line(json, "summary");
    json_cstring(json, "policy", policy_name(policy));
    json_cstring(json, "revision", policy_revision(policy));
    json_plain(json, "policy_sha256", policy_sha256(policy));
    json_u64(json, "questions", coverage->questions);
    json_u64(json, "undecided", coverage->undecided);
    for (size_t i = 0; i < COVERAGE_N_TIERS; i++) {
        write_share(json, tier_titles[i], &totals.tiers[i]);
    }
    write_share(json, "cells", &totals.cells);
    json_u64(json, "local_cells", totals.other_cells);
}

static void
write_rule(struct json *json, const struct coverage_rule *rule)
{
    static const char *const modes[] = {[MODE_ENFORCE] = "enforce",
                                        [MODE_STAGED] = "staged",
                                        [MODE_DISABLED] = "disabled"};

    begin_line(json, "rule");
    json_cstring(json, "rule", rule->rule->id);
    json_plain(json, "tier", tier_name(rule->rule->tier));
    json_plain(json, "mode", modes[rule->rule->mode]);
    if (rule->line) {
        json_cstring(json, "file", rule->file);
        json_u64(json, "line", rule->line);
    }
    json_bool(json, "exercised", rule->n_hits > 0);
    write_hits(json, rule->hits);
}

static void
write_cell(struct json *json, const struct coverage *coverage, segment_id src,
           segment_id dst, const struct coverage_hits *hits)
{
    begin_line(json, "cell");
    json_cstring(json, "src_segment",
                 policy_segment(coverage->policy, src)->name);
    json_cstring(json, "dst_segment",
                 policy_segment(coverage->policy, dst)->name);
    write_hits(json, hits);
}

static void
write_share(struct json *json, const char *key,
            const struct coverage_share *share)
{
    json_open(json, key, '{');
    json_u64(json, "n", share->n);
    json_u64(json, "exercised", share->exercised);
    json_close(json, '}');
}

static void
write_hits(struct json *json, const struct coverage_hits *hits)
{
    json_open(json, "hits", '{');
    for (size_t i = 0; i < COVERAGE_N_DECISIONS; i++) {
        if (hits->decisions[i]) {
            json_u64(json, decision_name((enum decision)i), hits->decisions[i]);
        }
    }
    json_close(json, '}');
}

static void
begin_line(struct json *json, const char *what)
{
    json_reset(json, false);
    json_open(json, NULL, '{');
    json_plain(json, "coverage", what);
}

static bool
end_line(struct json *json, FILE *stream)
{
    json_close(json, '}');
    json_raw(json, "\n", 1);
    if (json->failed) {
        return false;
    }
    fwrite(json->data, 1, json->size, stream);
    return true;
}

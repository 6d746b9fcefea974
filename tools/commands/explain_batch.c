/* Many questions at once: a line in, a line out, and a bad line never costs
 * another one its answer. */

#include "tools/commands/command.h"
#include "tools/commands/explain.h"
#include "tools/commands/question_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch {
    struct explain *explain;
    FILE *in;
    char *line; /* Owned; EXPLAIN_MAX_LINE bytes. */
    size_t size;
    bool too_long;
    uint64_t number; /* Of the line, from 1. */
    uint64_t n_bad;
};

static bool next_line(struct batch *);
static bool is_blank(const struct batch *);
static void answer_line(struct batch *);
static bool answer(struct batch *, const struct question_json *,
                   char why[FLOW_TEST_WHY]);
static void write_id(struct json *, const struct question_json *);
static void write_error(struct batch *, const struct question_json *,
                        const char *why);
static void write_flag(void *context, const char *flag);

int
explain_batch(struct explain *explain, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    struct batch batch = {.explain = explain,
                          .in = standard ? stdin : fopen(path, "rbe"),
                          .line = malloc(EXPLAIN_MAX_LINE)};
    int status = COMMAND_OK;

    if (!batch.in) {
        char text[96];

        fprintf(stderr, "segmon explain: %s: %s\n", path,
                strerror_r(errno, text, sizeof text) ? "cannot be read" : text);
        free(batch.line);
        return COMMAND_FAILED;
    }
    if (!batch.line) {
        fputs("segmon explain: out of memory\n", stderr);
        status = COMMAND_FAILED;
    }
    while (status == COMMAND_OK && !ferror(stdout) && next_line(&batch)) {
        if (!is_blank(&batch)) {
            answer_line(&batch);
        }
    }
    if (batch.n_bad) {
        fprintf(stderr,
                "segmon explain: %s: %" PRIu64 " lines are no "
                "question\n",
                standard ? "standard input" : path, batch.n_bad);
        status = COMMAND_USAGE;
    }
    if (ferror(batch.in)) {
        fprintf(stderr, "segmon explain: %s: cannot be read to its end\n",
                standard ? "standard input" : path);
        status = COMMAND_FAILED;
    }
    if (!standard) {
        fclose(batch.in);
    }
    free(batch.line);
    return status;
}

void
explain_write_verdict(struct json *json, const struct policy *policy,
                      const struct question *question,
                      const struct verdict *verdict)
{
    json_plain(json, "decision", decision_name(verdict->decision));
    json_cstring(json, "rule",
                 verdict_rule_name(policy, verdict->decision, verdict->rule));
    json_plain(json, "reason", verdict_reason_name(verdict->reason));
    json_cstring(json, "src_segment",
                 policy_segment(policy, question->src_segment)->name);
    json_cstring(json, "dst_segment",
                 policy_segment(policy, question->dst_segment)->name);
    json_open(json, "flags", '[');
    verdict_each_flag(policy, verdict, write_flag, json);
    json_close(json, ']');
    json_open(json, "tags", '[');
    for (size_t i = 0; i < verdict->n_tags; i++) {
        json_cstring(json, NULL,
                     policy_rule(policy, (uint32_t)verdict->tags[i])->id);
    }
    json_close(json, ']');
    json_plain(json, "staged_decision",
               decision_name(verdict->staged_decision));
    json_cstring(json, "staged_rule",
                 verdict_rule_name(policy, verdict->staged_decision,
                                   verdict->staged_rule));
}

/* Reads up to the next end of line; what is beyond the limit is skipped. */
static bool
next_line(struct batch *batch)
{
    int c;

    batch->size = 0;
    batch->too_long = false;
    while ((c = getc(batch->in)) != EOF && c != '\n') {
        if (batch->size < EXPLAIN_MAX_LINE) {
            batch->line[batch->size++] = (char)c;
        } else {
            batch->too_long = true;
        }
    }
    batch->number++;
    return c != EOF || (batch->size > 0 && !ferror(batch->in));
}

static bool
is_blank(const struct batch *batch)
{
    for (size_t i = 0; i < batch->size; i++) {
        if (!strchr(" \t\r", batch->line[i]) || !batch->line[i]) {
            return false;
        }
    }
    return true;
}

static void
answer_line(struct batch *batch)
{
    struct json *json = &batch->explain->json;
    struct question_json question = {.id_kind = QUESTION_ID_NONE};
    char why[FLOW_TEST_WHY];
    bool good = false;

    json_reset(json, false);
    if (batch->too_long) {
        snprintf(why, sizeof why, "longer than %d bytes", EXPLAIN_MAX_LINE);
    } else {
        good = question_json_read(&question, batch->line, batch->size, why) &&
               answer(batch, &question, why);
    }
    if (!good) {
        batch->n_bad++;
        write_error(batch, &question, why);
    }
    json_raw(json, "\n", 1);
    fwrite(json->data, 1, json->size, stdout);
    question_json_done(&question);
}

static bool
answer(struct batch *batch, const struct question_json *from,
       char why[FLOW_TEST_WHY])
{
    const struct explain *explain = batch->explain;
    struct json *json = &batch->explain->json;
    struct question question;
    struct verdict verdict;

    if (!flow_test_question(&from->flow, explain->policy, explain->engine,
                            &question, why)) {
        return false;
    }
    judge(explain->policy, &question, &verdict);
    json_open(json, NULL, '{');
    write_id(json, from);
    explain_write_verdict(json, explain->policy, &question, &verdict);
    json_close(json, '}');
    return true;
}

static void
write_id(struct json *json, const struct question_json *question)
{
    switch (question->id_kind) {
    case QUESTION_ID_TEXT: json_cstring(json, "id", question->id_text); break;
    case QUESTION_ID_NUMBER: json_i64(json, "id", question->id_number); break;
    case QUESTION_ID_NONE:
        json_key(json, "id");
        json_raw(json, "null", 4);
        break;
    }
}

static void
write_error(struct batch *batch, const struct question_json *question,
            const char *why)
{
    struct json *json = &batch->explain->json;
    char text[FLOW_TEST_WHY + 32];

    snprintf(text, sizeof text, "line %" PRIu64 ": %s", batch->number, why);
    json_open(json, NULL, '{');
    write_id(json, question);
    json_cstring(json, "error", text);
    json_close(json, '}');
}

static void
write_flag(void *context, const char *flag)
{
    json_cstring(context, NULL, flag);
}

/* The findings of 'segmon check', a line each; see check_json.h. */

#include "tools/commands/check_json.h"

#include "tools/event/json.h"

#include <stdio.h>

enum {
    MAX_FINDING = 1 << 20 /* Bytes; messages are bounded by problems.c. */
};

static void print_finding(void *context, const struct problem *);
static void write_analysis(struct json *, const struct problem *);
static void write_position(struct json *, const char *key, unsigned position);
static void write_null(struct json *, const char *key);

void
check_json_print(const struct problems *problems)
{
    struct json json;

    json_init(&json, MAX_FINDING);
    problems_each(problems, print_finding, &json);
    json_done(&json);
}

static void
print_finding(void *context, const struct problem *problem)
{
    struct json *json = context;

    json_reset(json, false);
    json_open(json, NULL, '{');
    json_plain(json, "code", problem->code);
    json_plain(json, "severity", problem_severity_name(problem->severity));
    json_cstring(json, "file", problem->file);
    write_position(json, "line", problem->line);
    write_position(json, "column", problem->column);
    json_cstring(json, "message", problem->message);
    write_analysis(json, problem);
    json_close(json, '}');
    json_raw(json, "\n", 1);
    fwrite(json->data, 1, json->size, stdout);
}

/* What the analysis of rules says beyond its message. */
static void
write_analysis(struct json *json, const struct problem *problem)
{
    if (problem->rule) {
        json_cstring(json, "rule", problem->rule);
    } else {
        write_null(json, "rule");
    }
    json_open(json, "blockers", '[');
    for (size_t i = 0; i < problem->n_blockers; i++) {
        json_cstring(json, NULL, problem->blockers[i]);
    }
    json_close(json, ']');
    if (problem->rule) {
        json_bool(json, "different_action", problem->different_action);
    } else {
        write_null(json, "different_action");
    }
}

static void
write_position(struct json *json, const char *key, unsigned position)
{
    if (position) {
        json_u64(json, key, position);
    } else {
        write_null(json, key);
    }
}

static void
write_null(struct json *json, const char *key)
{
    json_key(json, key);
    json_raw(json, "null", 4);
}

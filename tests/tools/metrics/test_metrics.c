/* metrics.c, metrics_capture.c, metrics_outputs.c */

#include "tests/support/sound_policy.h"

#include "tests/tools/metrics/metrics_sample.h"
#include "tools/event/json.h"
#include "tools/metrics/metrics_text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char policy_text[] =
    "version: 1\n"
    "policy: {name: test, revision: \"2\"}\n"
    "segments:\n"
    "  users: {networks: [10.1.0.0/16]}\n"
    "  servers: {networks: [10.2.0.0/16]}\n"
    "rules:\n"
    "  - {id: web, from: users, to: servers, service: https, action: allow}\n"
    "  - {id: no-ssh, from: users, to: servers, service: ssh, action: deny}\n";

enum {
    MAX_SAMPLES = 1000,
    MAX_NAME = 400
};

/* The text, read again by the simplest means. */
struct reading {
    char name[MAX_NAME];  /* With its labels. */
    char group[MAX_NAME]; /* Its name and its label 'where', if it has one. */
    double value;
};

struct fixture {
    struct policy *policy;
    struct metrics_sample sample;
    char *text; /* Terminated. */
    struct reading readings[MAX_SAMPLES];
    size_t n_readings;
};

static void
read_line(struct fixture *f, char *line)
{
    struct reading *reading = &f->readings[f->n_readings++];
    char *value = strrchr(line, ' ');
    const char *where = strstr(line, "where=");

    assert_true(f->n_readings < MAX_SAMPLES);
    assert_non_null(value);
    *value = '\0';
    reading->value = strtod(value + 1, NULL);
    snprintf(reading->name, MAX_NAME, "%s", line);
    snprintf(reading->group, MAX_NAME, "%.*s %s", (int)strcspn(line, "{"), line,
             where ? where : "");
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct metrics_text text;
    size_t size;
    char *bytes, *rest, *line;

    f->policy = sound_policy(policy_text, strlen(policy_text), NULL);
    metrics_sample_init(&f->sample, f->policy);
    metrics_text_init(&text);
    metrics_write(&text, &f->sample.metrics);
    bytes = metrics_text_take(&text, &size);
    assert_non_null(bytes);
    f->text = strndup(bytes, size);
    rest = bytes;
    rest[size - 1] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        if (line[0] != '#') {
            read_line(f, line);
        }
    }
    free(bytes);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    metrics_sample_done(&f->sample);
    policy_unref(f->policy);
    free(f->text);
    free(f);
    return 0;
}

static double
sum_of_group(const struct fixture *f, const char *group)
{
    double sum = 0;

    for (size_t i = 0; i < f->n_readings; i++) {
        if (strcmp(f->readings[i].group, group) == 0) {
            sum += f->readings[i].value;
        }
    }
    return sum;
}

/* As a value, as nanoseconds in seconds, or as the sum over a family. */
static bool
is_told(const struct fixture *f, double number)
{
    for (size_t i = 0; i < f->n_readings; i++) {
        const struct reading *reading = &f->readings[i];

        if (reading->value == number ||
            fabs(reading->value * 1e9 - number) < 0.5 ||
            sum_of_group(f, reading->group) == number) {
            return true;
        }
    }
    return false;
}

static void
look_for_number(const struct fixture *f, const char *name, double number)
{
    if (number <= (double)METRICS_SAMPLE_LEAST &&
        strcmp(name, "n_pairs") != 0) {
        fail_msg("metrics_sample.c does not fill in '%s'", name);
    }
    if (!is_told(f, number)) {
        fail_msg("'%s' of the status event is no metric", name);
    }
}

/* Every number under 'value'; returns how many. */
static unsigned
look_for_numbers(const struct fixture *f, const char *name, json_t *value)
{
    unsigned n = 0;
    const char *key;
    json_t *member;
    size_t i;

    json_object_foreach(value, key, member)
    {
        n += look_for_numbers(f, key, member);
    }
    json_array_foreach(value, i, member)
    {
        n += look_for_numbers(f, name, member);
    }
    if (json_is_number(value)) {
        look_for_number(f, name, json_number_value(value));
        n++;
    }
    return n;
}

static void
every_number_of_the_status_event_is_a_metric(void **state)
{
    struct fixture *f = *state;
    struct error error;
    struct event_encoder *encoder =
        event_encoder_new(&f->sample.source, &error);
    const struct json *body = event_status_encode(encoder, &f->sample.status);
    json_t *event, *status;
    char *text;

    assert_false(body->failed);
    assert_true(asprintf(&text, "{\"event\":{\"a\":1%.*s", (int)body->size,
                         body->data) > 0);
    event = json_loads(text, 0, NULL);
    assert_non_null(event);
    status = json_object_get(json_object_get(event, "segmon"), "status");
    assert_in_range(look_for_numbers(f, "status", status), 100, MAX_SAMPLES);
    json_decref(event);
    free(text);
    event_encoder_free(encoder);
}

static void
no_two_samples_have_the_same_labels(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->n_readings; i++) {
        for (size_t other = 0; other < i; other++) {
            assert_string_not_equal(f->readings[i].name,
                                    f->readings[other].name);
        }
    }
}

static void
labels_are_escaped(void **state)
{
    struct fixture *f = *state;

    assert_non_null(strstr(f->text, "interface=\"a\\\\b\\\"c\\\\xff\""));
    assert_non_null(strstr(f->text, "output=\"/tmp/a \\\"file\\\"\\\\x0a\""));
}

static void
rules_that_object_come_first_and_all_are_there(void **state)
{
    struct fixture *f = *state;
    const char *text = f->text;
    const char *deny =
        strstr(text, "segmon_violations_total{rule=\"no-ssh\"} ");
    const char *allow = strstr(text, "segmon_violations_total{rule=\"web\"} ");

    assert_non_null(deny);
    assert_non_null(allow);
    assert_true(deny < allow);
    assert_non_null(
        strstr(text, "segmon_violation_hits_total{rule=\"(other)\"} 100\n"));
}

static double
value_of(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->n_readings; i++) {
        if (strcmp(f->readings[i].name, name) == 0) {
            return f->readings[i].value;
        }
    }
    fail_msg("no %s", name);
    return 0;
}

/* The sample's numbers have nothing to do with each other. */
static void
what_is_lost_without_being_counted_shows(void **state)
{
    struct fixture *f = *state;
    const struct flow_table_counters *flows = &f->sample.status.flows;

    assert_true(value_of(f, "segmon_conservation_difference{of=\"flows\"}") ==
                (double)flows->created - (double)flows->ended -
                    (double)flows->active);
    assert_true(value_of(f, "segmon_conservation_difference{of=\"frames\"}") !=
                0);
    assert_true(value_of(f, "segmon_conservation_difference{of=\"events\"}") !=
                0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_status_event_is_a_metric),
        cmocka_unit_test(no_two_samples_have_the_same_labels),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(rules_that_object_come_first_and_all_are_there),
        cmocka_unit_test(what_is_lost_without_being_counted_shows),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

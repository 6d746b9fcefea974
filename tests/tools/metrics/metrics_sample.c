/* See metrics_sample.h. */

#include "tests/tools/metrics/metrics_sample.h"

#include "tools/settings/settings_memory.h"

#include <stdio.h>

#define SOME_TIME INT64_C(1773144001000123456) /* 2026-03-10T12:00:01Z */

static const struct settings_memory memory = {.capture = 64 << 20,
                                              .queues = 19 << 20,
                                              .program = 124 << 20,
                                              .dpi = 16 << 20,
                                              .flows = 112 << 20};

static void fill_status(struct metrics_sample *);
static void fill_interfaces(struct metrics_sample *);
static void fill_outputs(struct metrics_sample *);
static void fill_server(struct metrics_sample *, struct event_output *);
static void fill_pairs(struct metrics_sample *);
static void fill_rules(struct metrics_sample *);
static void fill(struct metrics_sample *, void *numbers, size_t n_bytes);
static uint64_t another(struct metrics_sample *);

void
metrics_sample_init(struct metrics_sample *sample, const struct policy *policy)
{
    *sample = (struct metrics_sample){
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 0x66fd0a2c},
        .next = METRICS_SAMPLE_LEAST,
        .rules = rule_counts_new(),
    };
    sample->status.policy = policy;
    fill_status(sample);
    fill_interfaces(sample);
    fill_outputs(sample);
    fill_pairs(sample);
    fill_rules(sample);
    sample->metrics = (struct metrics){
        .source = &sample->source,
        .capture_library = "libpcap version 1.10",
        .status = &sample->status,
        .now = {SOME_TIME + 3 * SECOND_NS},
        .begin = {SOME_TIME},
        .rules = sample->rules,
        .reloads = {.succeeded = 3, .failed = 1, .last_success = {SOME_TIME}},
        .memory = &memory,
        .resident_bytes = 77 << 20,
        .processor_ns = 5 * SECOND_NS,
        .ready = true,
    };
}

void
metrics_sample_done(struct metrics_sample *sample)
{
    rule_counts_free(sample->rules);
}

static void
fill_status(struct metrics_sample *sample)
{
    struct event_status *status = &sample->status;

    status->cause = EVENT_STATUS_INTERVAL;
    status->frames = another(sample);
    status->bytes = another(sample);
    status->filtered = another(sample);
    fill(sample, status->dissected, sizeof status->dissected);
    status->first_packet.ns = SOME_TIME;
    status->last_packet.ns = SOME_TIME + SECOND_NS;
    fill(sample, &status->flows, sizeof status->flows);
    status->max_flows = another(sample);
    status->collapsed = another(sample);
    status->collapsed_records = another(sample);
    status->passed_over = another(sample);
    fill(sample, status->ended, sizeof status->ended);
    fill(sample, &status->violations, sizeof status->violations);
    fill(sample, &status->detectors, sizeof status->detectors);
    fill(sample, &sample->application, sizeof sample->application);
    status->application = &sample->application;
    status->application_library = "4.2.0";
    status->workers = (unsigned)another(sample);
}

/* The sums over interfaces are what a run tells, too. */
static void
fill_interfaces(struct metrics_sample *sample)
{
    struct event_status *status = &sample->status;

    for (size_t i = 0; i < 2; i++) {
        struct event_interface *interface = &sample->interfaces[i];

        interface->name = i == 0 ? "span0" : "a\\b\"c\xff";
        interface->state = i == 0 ? SOURCE_LIVE_CAPTURING : SOURCE_LIVE_DOWN;
        interface->mtu = (uint32_t)another(sample);
        interface->missed = another(sample);
        interface->discarded = another(sample);
        interface->losses = another(sample);
        interface->n_workers = 2;
        fill(sample, interface->workers, 2 * sizeof *interface->workers);
        status->device_drops += interface->missed;
        status->kernel_drops += interface->workers[0].kernel_drops +
                                interface->workers[1].kernel_drops;
    }
    status->interfaces = sample->interfaces;
    status->n_interfaces = 2;
}

/* One target named twice. */
static void
fill_outputs(struct metrics_sample *sample)
{
    for (size_t i = 0; i < 2; i++) {
        struct event_output *output = &sample->outputs[i];

        snprintf(output->name, sizeof output->name, "/tmp/a \"file\"\n");
        output->up = i == 0;
        fill(sample, output->kind, sizeof output->kind);
        fill_server(sample, output);
    }
    sample->status.outputs = sample->outputs;
    sample->status.n_outputs = 2;
}

static void
fill_server(struct metrics_sample *sample, struct event_output *output)
{
    output->mode = "stream";
    output->spool = (struct event_spool){
        .is_there = true,
        .has_disk = true,
        .disk_bytes = another(sample),
        .memory_bytes = another(sample),
        .max_bytes = another(sample),
        .troubles = another(sample),
        .lag_ns = (int64_t)another(sample) * SECOND_NS,
    };
    output->server = (struct event_server){
        .is_there = true,
        .connections = another(sample),
        .receivers = another(sample),
        .unheard = another(sample),
        .trimmed = another(sample),
        .risks = {"may evict any key when it is full"},
        .n_risks = 1,
    };
    fill(sample, output->server.errors, sizeof output->server.errors);
}

static void
fill_pairs(struct metrics_sample *sample)
{
    sample->pairs[0].src = sample->pairs[1].dst = "users";
    sample->pairs[0].dst = sample->pairs[1].src = "servers";
    for (size_t i = 0; i < 2; i++) {
        fill(sample, &sample->pairs[i].counts, sizeof sample->pairs[i].counts);
    }
    fill(sample, &sample->other_pairs, sizeof sample->other_pairs);
    sample->status.pairs = sample->pairs;
    sample->status.n_pairs = 2;
    sample->status.other_pairs = &sample->other_pairs;
}

/* What is told of all rules is the sum of what is of each. */
static void
fill_rules(struct metrics_sample *sample)
{
    struct rule_counts *rules = sample->rules;
    struct violation_counters *all = &sample->status.violations;

    rule_counts_set_policy(rules, sample->status.policy);
    counter_add(&rules->rule[0].hits, all->hits - 300);
    counter_add(&rules->rule[1].hits, 200);
    counter_add(&rules->other.hits, 100);
    counter_add(&rules->rule[0].told, all->told - 200);
    counter_add(&rules->rule[1].told, 200);
}

static void
fill(struct metrics_sample *sample, void *numbers, size_t n_bytes)
{
    uint64_t *number = numbers;

    for (size_t i = 0; i < n_bytes / sizeof *number; i++) {
        number[i] = another(sample);
    }
}

/* Far apart, so that no sum of two is another one. */
static uint64_t
another(struct metrics_sample *sample)
{
    sample->next += 1000 + sample->next % 97;
    return sample->next;
}

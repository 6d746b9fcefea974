/* Metrics of a run; see run_metrics.h. */

#include "tools/commands/run_metrics.h"

#include "capture/source_filter.h"
#include "tools/event/system_clock.h"
#include "tools/metrics/metrics.h"
#include "tools/metrics/metrics_http.h"
#include "tools/metrics/metrics_text.h"
#include "tools/runtime/rule_counts.h"
#include "tools/settings/settings_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t resident_bytes(void);
static int64_t processor_ns(void);

bool
run_metrics_start(struct run_metrics *metrics,
                  const struct listen_place *listen, struct error *error)
{
    if (!listen->port) {
        return true;
    }
    health_init(&metrics->health, system_clock_mono());
    metrics->begin = system_clock_wall();
    metrics->rules = rule_counts_new();
    if (!metrics->rules) {
        return error_set(error, ERROR_MEMORY, NULL, "out of memory");
    }
    metrics->http = metrics_http_start(listen, error);
    return metrics->http != NULL;
}

void
run_metrics_stop(struct run_metrics *metrics)
{
    metrics_http_stop(metrics->http);
    metrics->http = NULL;
    rule_counts_free(metrics->rules);
    metrics->rules = NULL;
}

void
run_metrics_look(struct run_metrics *metrics, const struct live *live,
                 const struct live_report *report,
                 const struct event_output *outputs, size_t n_outputs)
{
    uint64_t turns[LIVE_MAX_THREADS];
    struct health_facts facts = {.report = report,
                                 .turns = turns,
                                 .outputs = outputs,
                                 .n_outputs = n_outputs};

    if (metrics->http) {
        facts.n_threads = live_turns(live, turns);
        health_look(&metrics->health, &facts, system_clock_mono());
        metrics_http_publish_health(metrics->http, &metrics->health);
    }
}

bool
run_metrics_wanted(const struct run_metrics *metrics)
{
    return metrics->http && metrics_http_wants_text(metrics->http);
}

void
run_metrics_publish(struct run_metrics *run, const struct session *session,
                    const struct event_status *status)
{
    const struct settings_memory memory =
        settings_share_memory(&session->settings);
    const struct metrics metrics = {
        .source = &session->source,
        .capture_library = source_filter_library_version(),
        .status = status,
        .now = system_clock_wall(),
        .begin = run->begin,
        .rules = run->rules,
        .reloads = {.succeeded = session->reloads.done,
                    .failed = session->reloads.refused,
                    .last_success = session->reloads.last_done.ns
                                        ? session->reloads.last_done
                                        : run->begin,
                    .last_failed = session->reloads.failed},
        .memory = &memory,
        .resident_bytes = resident_bytes(),
        .processor_ns = processor_ns(),
        .ready = run->health.ready,
    };
    struct metrics_text text;
    char *bytes;
    size_t size;

    metrics_text_init(&text);
    metrics_write(&text, &metrics);
    bytes = metrics_text_take(&text, &size);
    metrics_http_publish_text(run->http, bytes, size);
}

void
run_metrics_say_stopping(struct run_metrics *metrics)
{
    struct health *health = &metrics->health;

    if (metrics->http) {
        health->ready = false;
        snprintf(health->reason, sizeof health->reason, "stopping");
        metrics_http_publish_health(metrics->http, health);
    }
}

/* The second number of proc_pid_statm(5), in pages. */
static uint64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128] = "", *at = line;
    uint64_t pages;

    if (!file) {
        return 0;
    }
    if (!fgets(line, sizeof line, file)) {
        line[0] = '\0';
    }
    fclose(file);
    strtoull(line, &at, 10);
    pages = strtoull(at, NULL, 10);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int64_t
processor_ns(void)
{
    struct timespec used = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * SECOND_NS + used.tv_nsec;
}

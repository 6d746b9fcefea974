/* Signs of life and states for the manager; see run_service.h. */

#include "tools/commands/run_service.h"

#include "capture/error.h"
#include "tools/process/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ROOM_BYTES ((size_t)16 << 20) /* For a worker. */

enum {
    ALIVE_PARTS = 4, /* Of what the manager waits: told after one of them, */
    STUCK_PARTS = 2, /* and told to people after two. */
    MAX_NAME = 32,   /* Of a thread; */
    MAX_NAMES = 600  /* those of a few are enough. */
};

static size_t look(struct run_service *, const struct live *,
                   const struct output *, size_t *n_live, struct mono_time now);
static bool all_moved(const struct run_service *, size_t n,
                      struct mono_time now);
static void tell_stuck(const struct run_service *, size_t n_live, size_t n,
                       struct mono_time now);

bool
run_service_has_room(unsigned n_workers, struct error *error)
{
    size_t bytes = ROOM_BYTES * ((size_t)n_workers + 2);
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (room == MAP_FAILED) {
        return error_set(error, ERROR_MEMORY, NULL,
                         "no memory to begin with: %zu MiB are wanted",
                         bytes >> 20);
    }
    munmap(room, bytes);
    return true;
}

void
run_service_open(struct run_service *service)
{
    const struct notify_environment environment = {
        .socket = getenv("NOTIFY_SOCKET"),
        .watchdog_usec = getenv("WATCHDOG_USEC"),
        .watchdog_pid = getenv("WATCHDOG_PID"),
    };
    struct error error;

    *service = (struct run_service){0};
    if (!notify_open(&service->notify, &environment, &error)) {
        LOG(WARNING, "%s: %s; the service manager is told nothing", error.where,
            error.message);
    }
}

void
run_service_close(struct run_service *service)
{
    notify_close(&service->notify);
}

void
run_service_ready(struct run_service *service, struct mono_time now)
{
    notify_ready(&service->notify);
    service->alive = now;
}

void
run_service_watch(struct run_service *service, const struct live *live,
                  const struct output *output, struct mono_time now)
{
    int64_t wait_ns = service->notify.watchdog_ns;
    int64_t passed_ns = now.ns - service->alive.ns;
    size_t n_live = 0, n;

    if (wait_ns == 0) {
        return;
    }
    n = look(service, live, output, &n_live, now);
    if (passed_ns < wait_ns / ALIVE_PARTS) {
        return;
    }
    if (all_moved(service, n, now)) {
        notify_alive(&service->notify);
        service->alive = now;
        service->told_stuck = false;
    } else if (passed_ns >= wait_ns / STUCK_PARTS && !service->told_stuck) {
        tell_stuck(service, n_live, n, now);
        service->told_stuck = true;
    }
}

/* Returns how many threads there are; '*n_live' of them are not the output's.
 */
static size_t
look(struct run_service *service, const struct live *live,
     const struct output *output, size_t *n_live, struct mono_time now)
{
    uint64_t turns[RUN_SERVICE_MAX_THREADS];
    size_t n = *n_live = live_turns(live, turns);
    struct event_output outputs[OUTPUT_MAX_SINKS];
    size_t n_outputs = output ? output_status(output, outputs) : 0;

    if (output) {
        turns[n++] = output_turns(output);
    }
    for (size_t i = 0; i < n_outputs; i++) {
        if (outputs[i].turns) {
            service->threads[n].patience_ns = OUTPUT_STUCK_NS;
            turns[n++] = outputs[i].turns;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (service->threads[i].turns != turns[i]) {
            service->threads[i].turns = turns[i];
            service->threads[i].moved = now;
        }
    }
    return n;
}

/* Since it was told. */
static bool
all_moved(const struct run_service *service, size_t n, struct mono_time now)
{
    size_t i = 0;

    while (i < n && (service->threads[i].moved.ns > service->alive.ns ||
                     now.ns - service->threads[i].moved.ns <
                         service->threads[i].patience_ns)) {
        i++;
    }
    return i == n;
}

/* One that sticks makes others wait, so all of them are named. */
static void
tell_stuck(const struct run_service *service, size_t n_live, size_t n,
           struct mono_time now)
{
    int64_t long_ns = service->notify.watchdog_ns / ALIVE_PARTS;
    char names[MAX_NAMES] = "";
    size_t used = 0;

    for (size_t i = 0; i < n && used + MAX_NAME < sizeof names; i++) {
        const char *comma = used ? ", " : "";
        int length = 0;

        if (now.ns - service->threads[i].moved.ns <
            (service->threads[i].patience_ns ? service->threads[i].patience_ns
                                             : long_ns)) {
            continue;
        }
        if (i > n_live) {
            length = snprintf(names + used, MAX_NAME, "%ssender %zu", comma,
                              i - n_live);
        } else if (i == n_live) {
            length = snprintf(names + used, MAX_NAME, "%soutput", comma);
        } else if (n_live > 1 && i == n_live - 1) {
            length = snprintf(names + used, MAX_NAME, "%sviolations", comma);
        } else {
            length = snprintf(names + used, MAX_NAME, "%sworker %zu", comma, i);
        }
        used += (size_t)length;
    }
    LOG(ERROR, "threads that are stuck: %s", names);
}

void
run_service_tell_status(struct run_service *service,
                        const struct live_report *report,
                        const struct event_output *outputs, size_t n_outputs)
{
    uint64_t lost = 0;
    size_t n_capturing = 0, n_up = 0;
    char text[NOTIFY_MAX_STATUS + 1];

    for (size_t i = 0; i < report->n_interfaces; i++) {
        const struct event_interface *interface = &report->interfaces[i];

        n_capturing += interface->state == SOURCE_LIVE_CAPTURING;
        lost += interface->missed;
        for (unsigned j = 0; j < interface->n_workers; j++) {
            lost += interface->workers[j].kernel_drops;
        }
    }
    for (size_t i = 0; i < n_outputs; i++) {
        n_up += outputs[i].up;
    }
    snprintf(text, sizeof text,
             "captures on %zu of %zu interfaces: %" PRIu64 " frames, %" PRIu64
             " lost; %" PRIu64 " flows, %" PRIu64
             " violations told; %zu of %zu outputs work%s",
             n_capturing, report->n_interfaces, report->counters.frames, lost,
             report->counters.workers.flows.created,
             report->counters.violations.told, n_up, n_outputs,
             service->policy_refused ? "; the last policy was refused" : "");
    notify_status(&service->notify, text);
}

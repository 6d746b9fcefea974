/* The capture of the doctor; see traffic_watch.h.  One thread for all
 * interfaces: counting costs little, and what is lost all the same is told. */

#include "tools/doctor/traffic_watch.h"

#include "capture/error.h"
#include "capture/source_live.h"
#include "tools/doctor/diagnosis.h"
#include "tools/doctor/nic.h"
#include "tools/doctor/traffic.h"
#include "tools/event/system_clock.h"

#include <poll.h>

#define CHECK_NS (100 * MILLISECOND_NS)

enum {
    WAIT_MS = 50,
    BUFFER_BYTES = 64 << 20, /* As a run has by default. */
    ROUNDS_PER_LOOK = 16     /* Batches of one interface before the next. */
};

struct watch {
    const struct traffic_watch_options *options;
    struct traffic *traffic;
    struct source *sources[TRAFFIC_MAX_INTERFACES]; /* NULL: not examined. */
    struct mono_time checked;
};

static void open_all(struct watch *, struct diagnosis *);
static void watch_until(struct watch *, struct mono_time end);
static size_t read_all(struct watch *);
static size_t take(struct watch *, size_t interface);
static void check_all(struct watch *, struct mono_time now);
static void wait_for_frames(const struct watch *);
static void close_all(struct watch *, struct diagnosis *);

int64_t
traffic_watch(const struct traffic_watch_options *options,
              struct traffic *traffic, struct diagnosis *diagnosis)
{
    struct watch watch = {.options = options, .traffic = traffic};
    struct mono_time begin, end;

    open_all(&watch, diagnosis);
    begin = system_clock_mono();
    check_all(&watch, begin);
    end.ns = begin.ns + options->duration_ns;
    watch_until(&watch, end);
    close_all(&watch, diagnosis);
    traffic_end(traffic);
    return system_clock_mono().ns - begin.ns;
}

static void
open_all(struct watch *watch, struct diagnosis *diagnosis)
{
    const struct traffic_watch_options *options = watch->options;

    for (size_t i = 0; i < options->n_nics; i++) {
        const struct nic *nic = &options->nics[i];
        struct source_live_options live = {
            .interface = nic->name,
            .buffer_bytes = BUFFER_BYTES,
            .snapshot = options->snapshot,
            .promiscuous = true,
            .number = (uint16_t)i,
        };
        struct error error;

        if (!nic->link.up || !nic->link.carrier) {
            continue; /* Which is told. */
        }
        watch->sources[i] = source_open_live(&live, &error);
        if (!watch->sources[i]) {
            diagnosis_skip(diagnosis, DIAGNOSIS_TRAFFIC, nic->name,
                           error.message);
        }
    }
}

static void
watch_until(struct watch *watch, struct mono_time end)
{
    struct mono_time now = system_clock_mono();

    while (now.ns < end.ns && !*watch->options->stop) {
        if (now.ns - watch->checked.ns >= CHECK_NS) {
            check_all(watch, now);
        }
        if (read_all(watch) == 0) {
            wait_for_frames(watch);
        }
        now = system_clock_mono();
    }
}

static size_t
read_all(struct watch *watch)
{
    size_t n_frames = 0;

    for (size_t i = 0; i < watch->options->n_nics; i++) {
        size_t n = 1;

        for (size_t j = 0; watch->sources[i] && n > 0 && j < ROUNDS_PER_LOOK;
             j++) {
            n = take(watch, i);
            n_frames += n;
        }
    }
    return n_frames;
}

static size_t
take(struct watch *watch, size_t interface)
{
    struct frame frames[SOURCE_LIVE_BATCH];
    struct wall_time now;
    struct error error; /* There is none: the source says what it cannot do. */
    size_t n = 0;

    source_read(watch->sources[interface], frames, SOURCE_LIVE_BATCH, &n,
                &error);
    now = system_clock_wall();
    for (size_t i = 0; i < n; i++) {
        traffic_frame(watch->traffic, &frames[i],
                      &watch->options->nics[interface].link, now);
    }
    return n;
}

static void
check_all(struct watch *watch, struct mono_time now)
{
    struct wall_time wall = system_clock_wall();

    watch->checked = now;
    for (size_t i = 0; i < watch->options->n_nics; i++) {
        if (watch->sources[i]) {
            source_live_check(watch->sources[i], now, wall);
        }
    }
}

static void
wait_for_frames(const struct watch *watch)
{
    struct pollfd fds[TRAFFIC_MAX_INTERFACES];
    size_t n = watch->options->n_nics;

    for (size_t i = 0; i < n; i++) {
        const struct source *source = watch->sources[i];

        fds[i] = (struct pollfd){.fd = source ? source_live_fd(source) : -1,
                                 .events = POLLIN};
    }
    poll(fds, n, WAIT_MS);
}

static void
close_all(struct watch *watch, struct diagnosis *diagnosis)
{
    const struct traffic_watch_options *options = watch->options;

    for (size_t i = 0; i < options->n_nics; i++) {
        struct traffic_counts *counts = traffic_of(watch->traffic, i);
        struct source_live_stats stats;

        if (!watch->sources[i]) {
            continue;
        }
        source_live_stop(watch->sources[i]);
        source_live_get_stats(watch->sources[i], &stats);
        counts->is_captured = true;
        counts->kernel_drops = stats.kernel_drops;
        counts->discarded = stats.discarded;
        if (stats.state == SOURCE_LIVE_LOST) {
            diagnosis_skip(diagnosis, DIAGNOSIS_TRAFFIC, options->nics[i].name,
                           stats.reason);
        }
        source_close(watch->sources[i]);
    }
}

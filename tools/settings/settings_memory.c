/* The memory budget, shared out; see settings_memory.h. */

#include "tools/settings/settings_memory.h"

#include "dissect/application.h"
#include "tools/redis/redis_uri.h"
#include "tools/settings/settings_impl.h"
#include "tools/spool/spool.h"

#include <inttypes.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

/* Measured, and rounded up. */
#define PROGRAM_BYTES (112 * MIB) /* Detectors alone may remember 60. */
#define WORKER_BYTES  (12 * MIB)  /* nDPI's module is 8. */
#define OUTPUT_BYTES  (3 * MIB)
/* Of one to Redis: what waits, read from disk, and on its way. */
#define SENDER_BYTES (SPOOL_DEFAULT_MEMORY_BYTES + 3 * MIB)
#define LEAST_FLOWS  (4 * MIB) /* Of each worker: some thousands. */

enum {
    DPI_PART = 8 /* Of what is left: one in so many. */
};

static uint64_t n_servers(const struct settings *);
static uint64_t dpi_share(const struct settings *, uint64_t left);

struct settings_memory
settings_share_memory(const struct settings *settings)
{
    uint64_t workers = settings->capture.workers, fixed, least_dpi;
    uint64_t budget = settings->memory_bytes, left = 0;
    struct settings_memory memory = {
        .capture = settings->capture.n_interfaces * workers *
                   settings->capture.buffer_bytes,
        .queues =
            (uint64_t)live_n_queues((unsigned)workers) * OUTPUT_QUEUE_BYTES +
            settings->n_outputs * OUTPUT_BYTES +
            n_servers(settings) * SENDER_BYTES,
        .program = PROGRAM_BYTES + workers * WORKER_BYTES,
    };

    if (settings->n_outputs == 0) {
        memory.queues = 0;
    }
    fixed = memory.capture + memory.queues + memory.program;
    if (budget > fixed) {
        left = budget - fixed;
    }
    least_dpi = settings->dpi.memory_bytes ? settings->dpi.memory_bytes
                                           : workers * APPLICATION_LEAST_BYTES;
    memory.least = fixed + (settings->dpi.enabled ? least_dpi : 0) +
                   (settings->flows.memory_bytes ? settings->flows.memory_bytes
                                                 : workers * LEAST_FLOWS);
    memory.dpi = dpi_share(settings, left);
    memory.flows = settings->flows.memory_bytes;
    if (budget && !memory.flows && left > memory.dpi) {
        memory.flows = left - memory.dpi;
    }
    return memory;
}

static uint64_t
n_servers(const struct settings *settings)
{
    uint64_t n = 0;

    for (size_t i = 0; i < settings->n_outputs; i++) {
        n += redis_uri_is_one(settings->outputs[i].target);
    }
    return n;
}

/* As told; else an eighth, within what it needs and what it can use. */
static uint64_t
dpi_share(const struct settings *settings, uint64_t left)
{
    uint64_t least = settings->capture.workers * APPLICATION_LEAST_BYTES;
    uint64_t part = left / DPI_PART;

    if (!settings->dpi.enabled) {
        return 0;
    }
    if (settings->dpi.memory_bytes) {
        return settings->dpi.memory_bytes;
    }
    if (!settings->memory_bytes || part > APPLICATION_DEFAULT_BYTES) {
        return APPLICATION_DEFAULT_BYTES;
    }
    return part > least ? part : least;
}

void
settings_memory_text(const struct settings *settings, char *text, size_t size)
{
    struct settings_memory memory = settings_share_memory(settings);
    FILE *out = fmemopen(text, size, "w");
    const struct {
        const char *name;
        uint64_t bytes;
    } shares[] = {
#define SHARE_ROW(member, text) {text, memory.member},
        SETTINGS_SHARES(SHARE_ROW)
#undef SHARE_ROW
    };

    text[0] = '\0';
    for (size_t i = 0; out && i < sizeof shares / sizeof shares[0]; i++) {
        fprintf(out, "%s%s ", i ? ", " : "", shares[i].name);
        if (shares[i].bytes) {
            fprintf(out, "%" PRIu64 "M", shares[i].bytes / MIB);
        } else {
            fputs(i + 1 < sizeof shares / sizeof shares[0] ? "none"
                                                           : "no limit",
                  out);
        }
    }
    if (out) {
        fclose(out);
    }
}

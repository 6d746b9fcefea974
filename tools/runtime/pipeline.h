/* The whole way of a run over capture files: read, dissect, share out, work.
 *
 * With one worker everything happens on the calling thread, and the same input
 * gives the same events in the same order.  With more, the calling thread is
 * the first of them; they read in turns, each gets all packets of its share of
 * address pairs, and what they object to comes together on one desk, which is a
 * thread of its own: the same events, those of flows in another order. */

#ifndef TOOLS_RUNTIME_PIPELINE_H
#define TOOLS_RUNTIME_PIPELINE_H

#include "capture/error.h"
#include "dissect/dissect.h"
#include "tools/runtime/desk.h"
#include "tools/runtime/pairs.h"
#include "tools/runtime/worker.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PIPELINE_MAX_WORKERS = 64
};

/* Everything read, accounted for. */
struct pipeline_counters {
    uint64_t files, files_failed; /* Opened; of these, damaged. */
    uint64_t frames;              /* Complete records read. */
    uint64_t filtered;            /* Of these, not matched by the BPF filter. */
    uint64_t bytes;               /* Of these frames, as on the wire. */
    uint64_t outcomes[DISSECT_N_RESULTS]; /* Adds up to frames - filtered. */
    uint64_t truncated;                   /* Packets the capture cut short. */
    struct wall_time first, last; /* Earliest and latest stamp; ns 0 if none. */
    struct worker_counters workers; /* The sum over workers. */
    struct violation_counters violations;
    struct detector_counters detectors;
};

struct pipeline_progress {
    const char *file;
    size_t file_number, n_files;    /* From 1. */
    uint64_t frames;                /* Of the run so far. */
    uint64_t file_bytes, file_size; /* 'file_size' 0: not known. */
};

struct pipeline_options {
    char *const *files; /* Borrowed, as is all else. */
    size_t n_files;
    const char *filter; /* BPF, or NULL. */
    bool keep_going;    /* After a damaged file, go on with the next. */
    unsigned n_workers; /* 1 to PIPELINE_MAX_WORKERS. */
    struct dissect_options dissect;
    struct worker_options worker; /* 'queue', 'tray', 'names' and 'observer'
                                   * are the pipeline's; 'engine' is for the
                                   * first worker, limits for all together. */
    struct output *output; /* Has pipeline_n_queues(); NULL: no events. */
    const struct worker_observer *observers;   /* One a worker; or NULL. */
    const struct desk_observer *desk_observer; /* NULL: none. */
    /* Asked now and then by who reads, one at a time: another policy to go on
     * with, a reference the pipeline takes over; or NULL.  May be NULL. */
    struct policy *(*next_policy)(void *context, struct wall_time now);
    void *policy_context;
    /* Told likewise; or NULL. */
    void (*progress)(void *context, const struct pipeline_progress *);
    void *context;
    const atomic_int *stop; /* Non-zero: end soon, in order. */
};

/* How reading one file went. */
struct pipeline_file {
    uint64_t frames, bytes; /* Complete records; bytes as on the wire. */
    struct error error;     /* ERROR_NONE if it was sound. */
};

struct pipeline_result {
    struct pipeline_counters counters;
    struct pipeline_file *files; /* Owned; those read, in order. */
    struct pairs pairs;          /* What went on between segments. */
    bool stopped;                /* By '*stop'. */
};

/* Queues of the output: one for each thread that makes events.  The last one is
 * for the caller's own. */
unsigned pipeline_n_queues(unsigned n_workers);

/* Runs to the end of the last file.  Returns false with '*error' when it could
 * not start; damaged files are in 'result->files'.  'result' is to be freed
 * with pipeline_result_done() either way. */
bool pipeline_run(const struct pipeline_options *, struct pipeline_result *,
                  struct error *);
void pipeline_result_done(struct pipeline_result *);

#endif

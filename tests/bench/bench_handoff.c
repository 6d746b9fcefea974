/* bench_handoff WORKERS CAPTURE: what one reader of a file costs, and what
 * handing its frames on to workers adds.
 *
 * The reader does what it does in the program: reads, dissects, hashes the pair
 * of addresses, hands on.  Workers dissect their frames and do nothing else, so
 * they never hold it up.  A line each: CPU time a packet, of the reader and of
 * the workers; and for a thousand packets, stretches handed on and times that a
 * thread went to sleep.  WORKERS 0: reading and dissecting alone. */

#include "capture/error.h"
#include "capture/source.h"
#include "dissect/dissect.h"
#include "flows/flow_table.h"
#include "tools/runtime/handoff.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum {
    BATCH = 64,
    MAX_WORKERS = 64
};

struct bench {
    struct handoff *handoff; /* NULL: no workers. */
    unsigned n_workers;
    uint64_t n_packets, n_stretches;
    unsigned in_round;
};

struct consumer {
    struct handoff *handoff;
    unsigned number;
    uint64_t n_packets;
    double cpu_ns;
    pthread_t thread;
};

static double
thread_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t
dissect_list(const struct handoff_list *list)
{
    struct packet packet;
    uint64_t n = 0;

    for (size_t i = 0; i < list->n_frames; i++) {
        n += dissect_frame(&list->frames[i], &dissect_default_options,
                           &packet) == DISSECT_OK;
    }
    return n;
}

static void *
consume(void *argument)
{
    struct consumer *consumer = argument;
    struct handoff_share share;

    while (handoff_wait(consumer->handoff, consumer->number)) {
        if (handoff_backlog(consumer->handoff, consumer->number) == 0) {
            continue;
        }
        handoff_receive(consumer->handoff, consumer->number, &share);
        for (const struct handoff_list *list = share.frames; list;
             list = list->next) {
            consumer->n_packets += dissect_list(list);
        }
        handoff_done(consumer->handoff, consumer->number);
    }
    consumer->cpu_ns = thread_ns();
    return NULL;
}

static uint8_t *
next_window(void *context, size_t size, bool waits)
{
    struct bench *bench = context;
    bool large = size > SOURCE_WINDOW_BYTES;

    if (large || !handoff_is_empty(bench->handoff)) {
        bool ends = waits || large || ++bench->in_round == HANDOFF_ROUND;

        bench->in_round = ends ? 0 : bench->in_round;
        bench->n_stretches++;
        handoff_send(bench->handoff, ends, (struct wall_time){0}, NULL);
    }
    return handoff_window(bench->handoff, size);
}

static void
take(struct bench *bench, const struct frame *frame)
{
    struct packet packet;

    if (dissect_frame(frame, &dissect_default_options, &packet) != DISSECT_OK) {
        return;
    }
    bench->n_packets++;
    if (bench->handoff) {
        uint64_t hash = flow_pair_hash(&packet, 1);

        handoff_add(bench->handoff, (unsigned)(hash % bench->n_workers), frame,
                    packet.time);
    }
}

static void
read_file(struct bench *bench, const char *path)
{
    struct source_options options = {.file = 0};
    enum source_status status = SOURCE_MORE;
    struct frame frames[BATCH];
    struct source *source;
    struct error error;
    size_t n;

    if (bench->handoff) {
        options.windows = (struct source_windows){next_window, bench};
    }
    source = source_open_file(path, &options, &error);
    while (source && status == SOURCE_MORE) {
        status = source_read(source, frames, BATCH, &n, &error);
        for (size_t i = 0; i < n; i++) {
            take(bench, &frames[i]);
        }
    }
    if (!source || status == SOURCE_ERROR) {
        fprintf(stderr, "bench_handoff: %s: %s\n", path, error.message);
        exit(EXIT_FAILURE);
    }
    source_close(source);
}

static void
run(struct bench *bench, const char *path)
{
    static struct consumer consumers[MAX_WORKERS];
    struct error error;
    struct rusage usage;
    double reader_ns, workers_ns = 0;

    if (bench->n_workers) {
        bench->handoff = handoff_new(bench->n_workers, &error);
    }
    for (unsigned i = 0; bench->handoff && i < bench->n_workers; i++) {
        consumers[i] =
            (struct consumer){.handoff = bench->handoff, .number = i};
        if (pthread_create(&consumers[i].thread, NULL, consume,
                           &consumers[i]) != 0) {
            exit(EXIT_FAILURE);
        }
    }
    reader_ns = thread_ns();
    read_file(bench, path);
    reader_ns = thread_ns() - reader_ns;
    if (bench->handoff) {
        handoff_close(bench->handoff);
    }
    for (unsigned i = 0; bench->handoff && i < bench->n_workers; i++) {
        pthread_join(consumers[i].thread, NULL);
        workers_ns += consumers[i].cpu_ns;
    }
    handoff_free(bench->handoff);
    getrusage(RUSAGE_SELF, &usage);
    printf("%u workers: reader %.0f ns a packet, workers %.0f; of 1000 "
           "packets: %.2f stretches, %.2f sleeps\n",
           bench->n_workers, reader_ns / (double)bench->n_packets,
           workers_ns / (double)bench->n_packets,
           1e3 * (double)bench->n_stretches / (double)bench->n_packets,
           1e3 * (double)usage.ru_nvcsw / (double)bench->n_packets);
}

int
main(int argc, char *argv[])
{
    struct bench bench = {.n_packets = 0};
    char *end = NULL;

    if (argc == 3) {
        bench.n_workers = (unsigned)strtoul(argv[1], &end, 10);
    }
    if (!end || *end || bench.n_workers > MAX_WORKERS) {
        fputs("usage: bench_handoff WORKERS CAPTURE\n", stderr);
        return 2;
    }
    run(&bench, argv[2]);
    return EXIT_SUCCESS;
}

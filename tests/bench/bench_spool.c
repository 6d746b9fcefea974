/* bench_spool FOLDER [RECORDS]: what keeping events on disk costs, and how fast
 * they come back.
 *
 * Appends RECORDS (a million) of 1300 bytes, as flows are, committing every 64;
 * opens what that left again; and reads and acknowledges it.  A line each:
 * processor time a record, of the program and of the kernel, and what the whole
 * takes by the clock.  FOLDER must not exist; it is left behind. */

#include "tools/event/system_clock.h"
#include "tools/spool/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    RECORD_BYTES = 1300,
    BATCH = 64,
    DEFAULT_RECORDS = 1000000
};

struct cost {
    double user_s, system_s, wall_s;
};

static struct cost
cost_now(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){
        (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
        (double)system_clock_mono().ns / 1e9};
}

static void
tell(const char *what, struct cost since, uint64_t n)
{
    struct cost now = cost_now();
    struct rusage usage;
    double seconds = now.wall_s - since.wall_s;

    getrusage(RUSAGE_SELF, &usage);
    printf("%-7s %5.0f ns a record, kernel %5.0f; %6.2f s, %6.0f MB/s; "
           "resident %ld KiB\n",
           what, (now.user_s - since.user_s) * 1e9 / (double)n,
           (now.system_s - since.system_s) * 1e9 / (double)n, seconds,
           (double)(n * RECORD_BYTES) / 1e6 / seconds, usage.ru_maxrss);
}

static struct spool *
open_spool(const char *folder)
{
    const struct spool_options options = {.directory = folder,
                                          .max_bytes = UINT64_C(16) << 30,
                                          .sync_ns = SPOOL_DEFAULT_SYNC_NS};
    struct error error;
    struct spool *spool = spool_open(&options, system_clock_mono(), &error);

    if (!spool) {
        fprintf(stderr, "bench_spool: %s: %s\n", error.where, error.message);
        exit(EXIT_FAILURE);
    }
    return spool;
}

static void
append_all(struct spool *spool, uint64_t n)
{
    static char text[RECORD_BYTES];
    struct redis_id id;

    memset(text, 'x', sizeof text);
    for (uint64_t i = 1; i <= n; i++) {
        memcpy(text, &i, sizeof i);
        spool_append(spool, EVENT_FLOW, (struct wall_time){(int64_t)i * 1000},
                     text, sizeof text, &id);
        if (i % BATCH == 0) {
            spool_commit(spool, system_clock_mono());
        }
    }
    spool_commit(spool, system_clock_mono());
}

static uint64_t
read_all(struct spool *spool)
{
    struct spool_record record;
    uint64_t n = 0;

    while (spool_read(spool, EVENT_FLOW, &record)) {
        if (++n % BATCH == 0) {
            spool_ack(spool, EVENT_FLOW, record.id);
        }
    }
    return n;
}

int
main(int argc, char *argv[])
{
    uint64_t n = DEFAULT_RECORDS;
    struct spool *spool;
    struct cost start;

    if (argc == 3) {
        n = strtoull(argv[2], NULL, 10);
    }
    if (argc < 2 || argc > 3 || argv[1][0] == '-' || n == 0) {
        fputs("usage: bench_spool FOLDER [RECORDS]\n", stderr);
        return 2;
    }
    spool = open_spool(argv[1]);
    start = cost_now();
    append_all(spool, n);
    tell("append", start, n);
    spool_close(spool, system_clock_mono());
    start = cost_now();
    spool = open_spool(argv[1]);
    tell("open", start, n);
    start = cost_now();
    if (read_all(spool) != n) {
        fputs("bench_spool: some records are missing\n", stderr);
        return EXIT_FAILURE;
    }
    tell("read", start, n);
    spool_close(spool, system_clock_mono());
    return EXIT_SUCCESS;
}

/* What delivery to Redis costs: events a second of an output to Redis, beside a
 * bare pipeline of hiredis that sends the same events one by one, with XADD,
 * RPUSH or PUBLISH.
 *
 *     build/tests/bench/bench_redis [MODE [EVENTS [ROUNDS [FOLDER]]]]
 *
 * MODE is stream, list or channel, to which nobody listens here.
 * A redis-server of its own, on a Unix socket, keeps all in memory and is
 * emptied before each turn.  The three take turns, so that what disturbs the
 * machine disturbs all of them: 'bare' with 64 commands a time, 'memory' with
 * the spool in memory, 'disk' with it in FOLDER (default: that of the
 * server, which is removed); a channel has none.  Time is from the first event
 * until the server has acknowledged the last.  The ratio is that to 'bare' of
 * the same round; the median counts. */

#include "tests/support/redis_server.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/event/system_clock.h"
#include "tools/output/output.h"
#include "tools/output/redis_encoder.h"
#include "tools/output/sink.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_uri.h"
#include "tools/redis/resp.h"
#include "tools/spool/spool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

enum {
    N_EVENTS = 200000,
    N_ROUNDS = 9,
    MAX_ROUNDS = 99,
    PAD_BYTES = 1100, /* Events are as long as those of flows. */
    PIPELINED = 64
};

enum way {
    BARE,
    MEMORY,
    DISK,
    N_WAYS
};

static const char *const names[N_WAYS] = {"bare", "memory", "disk"};
static const struct event_source source = {
    .sensor = "bench", .version = "0", .epoch = 7};
static struct redis_server server;
static const char *const modes[OUTPUT_N_MODES] = {
#define MODE_NAME(NAME, TEXT) TEXT,
    OUTPUT_MODES(MODE_NAME)
#undef MODE_NAME
};
static enum output_mode mode = OUTPUT_STREAM;
static unsigned n_events = N_EVENTS;

static void
stop(const char *why)
{
    fprintf(stderr, "bench_redis: %s\n", why);
    redis_server_stop(&server);
    exit(1);
}

static void
make_line(struct json *line, unsigned i, char id[EVENT_ID_SIZE])
{
    static char pad[PAD_BYTES];

    memset(pad, 'x', sizeof pad);
    event_id_format(&source, i, id);
    event_head_encode(line, id, i, (struct wall_time){i * MICROSECOND_NS});
    line->comma = true;
    json_text(line, "pad", pad, sizeof pad);
    json_raw(line, "}}", 2);
}

static void
ask(const char *const *words)
{
    struct redis_uri uri;
    struct error error;
    struct redis_link *link = NULL;

    if (!redis_uri_parse(server.uri, &uri, &error) ||
        !(link = redis_link_open(&uri, &error)) ||
        !redis_link_do(link, words, &error)) {
        stop(error.message);
    }
    redis_link_close(link);
}

static void
take_replies(redisContext *context, unsigned n)
{
    while (n-- > 0) {
        void *reply = NULL;

        if (redisGetReply(context, &reply) != REDIS_OK ||
            ((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
            stop("the server refused an entry");
        }
        freeReplyObject(reply);
    }
}

static void
encode_bare(const struct redis_encoder *encoder, struct json *command,
            const struct redis_event *event)
{
    json_reset(command, false);
    if (mode == OUTPUT_STREAM) {
        redis_encoder_add(encoder, command, event);
        return;
    }
    resp_command(command, 3);
    resp_string(command, mode == OUTPUT_LIST ? "RPUSH" : "PUBLISH");
    resp_string(command, encoder->keys[event->kind]);
    resp_argument(command, event->line, event->size);
}

static void
send_bare(void)
{
    redisContext *context = redisConnectUnix(server.socket);
    struct redis_encoder encoder;
    struct json line, command;
    struct error error;
    unsigned n = 0;

    if (!context || context->err ||
        !redis_encoder_init(&encoder, &(struct output_redis){0}, source.sensor,
                            &error)) {
        stop("cannot connect");
    }
    json_init(&line, EVENT_MAX_BYTES);
    json_init(&command, EVENT_MAX_BYTES);
    for (unsigned i = 1; i <= n_events; i++) {
        char id[EVENT_ID_SIZE];

        make_line(&line, i, id);
        encode_bare(&encoder, &command,
                    &(struct redis_event){.kind = EVENT_FLOW,
                                          .id = {1, i},
                                          .serial = i,
                                          .line = line.data,
                                          .size = line.size});
        redisAppendFormattedCommand(context, command.data, command.size);
        if (++n == PIPELINED || i == n_events) {
            take_replies(context, n);
            n = 0;
        }
    }
    json_done(&line);
    json_done(&command);
    redis_encoder_done(&encoder);
    redisFree(context);
}

static void
send_by_sink(const char *folder)
{
    static _Atomic int64_t deadline_ns = INT64_MAX;
    const struct output_redis form = {.mode = mode};
    const struct output_spool spool = {.directory = folder,
                                       .sync_ns = SPOOL_DEFAULT_SYNC_NS};
    const struct sink_options options = {.source = &source,
                                         .patience_ns = 60 * SECOND_NS,
                                         .redis = &form,
                                         .spool = &spool,
                                         .kinds = EVENT_ALL_KINDS,
                                         .blocking = true,
                                         .deadline_ns = &deadline_ns};
    struct event_output status = {.up = true};
    struct error error;
    struct sink *sink = sink_open(server.uri, &options, &error);
    struct json line;

    if (!sink) {
        stop(error.message);
    }
    json_init(&line, EVENT_MAX_BYTES);
    for (unsigned i = 1; i <= n_events; i++) {
        char id[EVENT_ID_SIZE];
        struct sink_event event = {.kind = EVENT_FLOW,
                                   .emitted = {i * MICROSECOND_NS}};

        make_line(&line, i, id);
        event.line = line.data;
        event.size = line.size;
        sink->class->put(sink, &event);
    }
    sink->class->settle(sink);
    sink_status(sink, &status);
    sink->class->close(sink);
    json_done(&line);
    if (status.kind[EVENT_FLOW].acked != n_events) {
        stop("not every event was acknowledged");
    }
}

/* What a former turn left would be sent again to an empty server. */
static const char *
new_folder(const char *folder)
{
    static char path[256];
    static unsigned n;

    snprintf(path, sizeof path, "%s/spool-%u", folder, ++n);
    return path;
}

static double
turn(enum way way, const char *folder)
{
    int64_t start_ns;

    ask(REDIS_WORDS("FLUSHALL"));
    start_ns = system_clock_mono().ns;
    switch (way) {
    case MEMORY: send_by_sink(NULL); break;
    case DISK: send_by_sink(new_folder(folder)); break;
    case BARE:
    case N_WAYS: send_bare(); break;
    }
    return (double)n_events * (double)SECOND_NS /
           (double)(system_clock_mono().ns - start_ns);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static void
measure(unsigned n_rounds, const char *folder)
{
    unsigned n_ways = mode == OUTPUT_CHANNEL ? DISK : N_WAYS;
    static double rates[N_WAYS][MAX_ROUNDS], ratios[N_WAYS][MAX_ROUNDS];

    for (unsigned i = 0; i < n_rounds; i++) {
        for (unsigned way = 0; way < n_ways; way++) {
            rates[way][i] = turn((enum way)way, folder);
            ratios[way][i] = rates[way][i] / rates[BARE][i];
        }
    }
    printf("| way | events/s, median | best | ratio, median |\n"
           "|---|---|---|---|\n");
    for (unsigned way = 0; way < n_ways; way++) {
        double middle = median(rates[way], n_rounds);

        printf("| %s | %.0f | %.0f | %.2f |\n", names[way], middle,
               rates[way][n_rounds - 1], median(ratios[way], n_rounds));
    }
}

static bool
find_mode(const char *name)
{
    mode = OUTPUT_STREAM;
    while (mode < OUTPUT_N_MODES && strcmp(name, modes[mode]) != 0) {
        mode++;
    }
    return mode < OUTPUT_N_MODES;
}

int
main(int argc, char *argv[])
{
    static const char *const plain[] = {"--appendonly", "no", NULL};
    unsigned n_rounds = N_ROUNDS;

    if (argc > 1 && !find_mode(argv[1])) {
        fputs("bench_redis: stream, list or channel\n", stderr);
        return 1;
    }
    if (argc > 2) {
        n_events = (unsigned)strtoul(argv[2], NULL, 10);
    }
    if (argc > 3) {
        n_rounds = (unsigned)strtoul(argv[3], NULL, 10);
        n_rounds = n_rounds < MAX_ROUNDS ? n_rounds : MAX_ROUNDS;
    }
    signal(SIGPIPE, SIG_IGN);
    if (REDIS_SERVER[0] == '\0' ||
        !redis_server_start(&server, REDIS_SERVER, plain)) {
        fputs("bench_redis: no redis-server\n", stderr);
        return 1;
    }
    printf("%s: %u events of %d bytes, %u rounds\n\n", modes[mode], n_events,
           PAD_BYTES + 150, n_rounds);
    measure(n_rounds, argc > 4 ? argv[4] : server.folder);
    redis_server_stop(&server);
    return 0;
}

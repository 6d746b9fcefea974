/* bench_json [SECONDS]: how many flow and violation events one core encodes.
 * bench_json EVENT COUNT: encodes so many of one kind and says nothing, so that
 * a tool that counts instructions can be asked twice and the difference taken.
 *
 * The flow is a usual one: TCP with TLS, a server name, a verdict; the bare one
 * was not inspected.  Head and body are written, as for a real event; the clock
 * is process CPU time. */

#include "tests/tools/event/event_samples.h"
#include "tests/tools/event/fixed_policy.h"
#include "tools/event/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUND = 10000
};

#define IPV4(a, b, c, d)                                                       \
    {                                                                          \
        .byte = { [10] = 0xff, 0xff, a, b, c, d }                              \
    }

static const struct flow_record record = {
    .kind = FLOW_RECORD_END,
    .reason = FLOW_END_FIN,
    .outcome = FLOW_OUTCOME_DATA,
    .id = 0x1234567890abcdef,
    .protocol = PROTOCOL_TCP,
    .ip_version = 4,
    .start = {INT64_C(1773144001000123456)},
    .end = {INT64_C(1773144007100001456)},
    .handshake_ns = 1234567,
    .conn_state = "SF",
    .history = "ShADadFf",
    .source = {IPV4(10, 20, 3, 4),
               50122,
               {2, 1, 1, 1, 1, 1},
               0x1b,
               64,
               64,
               14,
               1822,
               1100,
               .delta_packets = 14},
    .destination = {IPV4(10, 60, 10, 5),
                    443,
                    {2, 1, 1, 1, 1, 2},
                    0x1b,
                    60,
                    60,
                    12,
                    90211,
                    89500,
                    .delta_packets = 12},
    .first_frame = 311,
    .last_frame = 337};

static const struct verdict verdict = {.decision = DECISION_ALLOW,
                                       .reason = VERDICT_REASON_RULE,
                                       .final = true,
                                       .rule = 1,
                                       .near_miss = -1,
                                       .reverse_of = -1,
                                       .expired = -1,
                                       .staged_decision = DECISION_ALLOW,
                                       .staged_rule = 1};

static const struct violation violation = {
    .kind = VIOLATION_KIND_NEW,
    .id = "0123456789abcdef",
    .rule = 1,
    .reason = VERDICT_REASON_DEFAULT,
    .src = IPV4(10, 20, 3, 4),
    .dst = IPV4(10, 60, 10, 5),
    .protocol = PROTOCOL_TCP,
    .port = 443,
    .src_segment = SEGMENT_N_BUILTIN,
    .dst_segment = SEGMENT_N_BUILTIN + 1,
    .outcome = FLOW_OUTCOME_ATTEMPT,
    .score = {50, -5, 5, 5, 0, 0, 55, LEVEL_MEDIUM},
    .count = 1,
    .count_since_last = 1,
    .first_seen = {INT64_C(1773144001000123456)},
    .last_seen = {INT64_C(1773144001000123456)},
    .flow_ids = {0x1234567890abcdef}};

struct bench {
    struct event_samples samples;
    struct event_flow flow;
    struct event_violation violation;
    struct application application;
    struct json head;
    uint64_t n;
};

static const struct json *
encode_flow(struct bench *bench)
{
    return event_flow_encode(bench->samples.encoder, &bench->flow);
}

static const struct json *
encode_violation(struct bench *bench)
{
    return event_violation_encode(bench->samples.encoder, &bench->violation);
}

static const struct {
    const char *name;
    const struct json *(*encode)(struct bench *);
    bool with_application;
} kinds[] = {{"flow", encode_flow, true},
             {"flow-bare", encode_flow, false},
             {"violation", encode_violation, true}};

enum {
    N_KINDS = sizeof kinds / sizeof *kinds
};

/* Head and body; returns the bytes of both and of the newline. */
static size_t
encode(struct bench *bench, unsigned kind)
{
    const struct json *body = kinds[kind].encode(bench);
    char id[EVENT_ID_SIZE];

    event_id_format(&bench->samples.source, ++bench->n, id);
    event_head_encode(&bench->head, id, bench->n, record.end);
    return bench->head.size + body->size + 1;
}

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
run(struct bench *bench, unsigned kind, double seconds)
{
    uint64_t n = 0;
    uint64_t bytes = 0;
    double start = cpu_seconds();
    double took;

    do {
        for (unsigned i = 0; i < ROUND; i++, n++) {
            bytes += encode(bench, kind);
        }
        took = cpu_seconds() - start;
    } while (took < seconds);
    printf("%s: %.0f events/s, %.0f ns and %llu bytes an event\n",
           kinds[kind].name, (double)n / took, took / (double)n * 1e9,
           (unsigned long long)(bytes / n));
}

static void
run_community_id(double seconds)
{
    char text[COMMUNITY_ID_SIZE];
    uint64_t n = 0;
    double start = cpu_seconds();
    double took;

    do {
        for (unsigned i = 0; i < ROUND; i++, n++) {
            flow_community_id(&record, text);
        }
        took = cpu_seconds() - start;
    } while (took < seconds);
    printf("of which the community id: %.0f ns\n", took / (double)n * 1e9);
}

static void
set_kind(struct bench *bench, unsigned kind)
{
    bench->flow.application =
        kinds[kind].with_application ? &bench->application : NULL;
}

static int
run_all(struct bench *bench, double seconds)
{
    for (unsigned kind = 0; kind < N_KINDS; kind++) {
        set_kind(bench, kind);
        run(bench, kind, seconds);
    }
    run_community_id(seconds / 4);
    return 0;
}

static int
run_count(struct bench *bench, const char *name, unsigned long count)
{
    unsigned kind = 0;

    while (kind < N_KINDS && strcmp(kinds[kind].name, name) != 0) {
        kind++;
    }
    if (kind == N_KINDS) {
        fprintf(stderr, "bench_json: no such event: %s\n", name);
        return 2;
    }
    set_kind(bench, kind);
    while (count-- > 0) {
        encode(bench, kind);
    }
    return 0;
}

int
main(int argc, char **argv)
{
    static char host[] = "db.example.org";
    struct application_details details = {.host = host};
    struct bench bench = {
        .flow = {.record = &record,
                 .policy = fixed_policy(),
                 .verdict = &verdict,
                 .src_segment = SEGMENT_N_BUILTIN,
                 .dst_segment = SEGMENT_N_BUILTIN + 1,
                 .file = "demo.pcap",
                 .interface = ""},
        .violation = {.violation = &violation, .policy = fixed_policy()},
        .application = {.state = APPLICATION_KNOWN,
                        .confidence = APPLICATION_BY_CONTENT,
                        .encrypted = true,
                        .category = 5,
                        .tls_version = 0x0304,
                        .details = &details}};
    int status;

    if (!event_samples_init(&bench.samples)) {
        return 1;
    }
    json_init(&bench.head, EVENT_MAX_BYTES);
    bench.violation.flow = &bench.flow;
    bench.flow.engine = bench.samples.engine;
    application_find(bench.samples.engine, "TLS", &bench.application.master);
    bench.application.name = bench.application.master;
    status = argc > 2 ? run_count(&bench, argv[1], strtoul(argv[2], NULL, 10))
                      : run_all(&bench, argc > 1 ? strtod(argv[1], NULL) : 2);
    json_done(&bench.head);
    event_samples_done(&bench.samples);
    return status;
}

/* bench_json [SECONDS]: how many flow events one core encodes.
 *
 * The event is a usual one: TCP with TLS, a server name, a verdict.  Head and
 * body are written, as for a real event; the clock is process CPU time. */

#include "tests/tools/output/event_samples.h"
#include "tools/output/json.h"

#include <stdio.h>
#include <stdlib.h>
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

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
run(const struct event_source *source, const struct event_flow *flow,
    double seconds, const char *name)
{
    char id[EVENT_ID_SIZE];
    struct json head;
    struct json body;
    uint64_t n = 0;
    uint64_t bytes = 0;
    double start = cpu_seconds();
    double took;

    json_init(&head, EVENT_MAX_BYTES);
    json_init(&body, EVENT_MAX_BYTES);
    do {
        for (unsigned i = 0; i < ROUND; i++) {
            event_flow_encode(&body, source, flow);
            event_id_format(source, ++n, id);
            event_head_encode(&head, id, n, flow->record->end);
            bytes += head.size + body.size + 1;
        }
        took = cpu_seconds() - start;
    } while (took < seconds);
    printf("%s: %.0f events/s, %.0f ns and %llu bytes an event\n", name,
           (double)n / took, took / (double)n * 1e9,
           (unsigned long long)(bytes / n));
    json_done(&head);
    json_done(&body);
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

int
main(int argc, char **argv)
{
    static char host[] = "db.example.org";
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    struct application_details details = {.host = host};
    struct application app = {.state = APPLICATION_KNOWN,
                              .confidence = APPLICATION_BY_CONTENT,
                              .encrypted = true,
                              .category = 5,
                              .tls_version = 0x0304,
                              .details = &details};
    struct event_flow flow = {.record = &record,
                              .application = &app,
                              .verdict = &verdict,
                              .src_segment = SEGMENT_N_BUILTIN,
                              .dst_segment = SEGMENT_N_BUILTIN + 1,
                              .file = "demo.pcap",
                              .interface = ""};
    struct event_samples samples;

    if (!event_samples_init(&samples)) {
        return 1;
    }
    flow.engine = samples.engine;
    application_find(samples.engine, "TLS", &app.master);
    app.name = app.master;
    run(&samples.source, &flow, seconds, "flow with application");
    flow.application = NULL;
    run(&samples.source, &flow, seconds, "flow without");
    run_community_id(seconds / 4);
    event_samples_done(&samples);
    return 0;
}

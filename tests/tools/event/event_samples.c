/* See event_samples.h. */

#include "tests/tools/event/event_samples.h"

#include "tests/tools/event/fixed_policy.h"

#include <string.h>

#define SOME_TIME INT64_C(1773144001000123456) /* 2026-03-10T12:00:01Z */

/* Texts in struct application_details are writable. */
#define TEXT(text) ((char[]){text})

static struct application_details tls_details = {
    .host = TEXT("db.example.org"),
    .alpn = TEXT("h2,http/1.1"),
    .ja3_client = TEXT("cd08e31494f9531f560d64c695473da9"),
    .ja3_server = TEXT("ae4edc6faf64d08308082ad26be60767"),
    .ja4_client = TEXT("t13d1516h2_8daaf6152771_b186095e22b6"),
    .certificate_issuer = TEXT("CN=Example CA"),
    .certificate_subject = TEXT("CN=db.example.org"),
    .certificate_sha1 = TEXT("e6a3b45b062d509b3382282d196efe97d5956ccb"),
    .certificate_not_before = 1700000000,
    .certificate_not_after = INT64_MAX,
    .text_cut = true};
static struct application_details dns_details = {
    .host = TEXT("\xffwww\xe2\x80\xae.ex\"ample.org\x1b[31m")};
static struct application_details http_details = {.host = TEXT("intranet"),
                                                  .user_agent =
                                                      TEXT("curl/8.0"),
                                                  .http_url = TEXT("/a?b=c")};
static struct application_details other_details = {.host = TEXT("OpenSSH_9.2")};

static struct addr address(uint8_t last);
static void fill_record(struct flow_record *record);
static void fill_verdict(struct verdict *verdict);
static void each_flow(struct event_samples *, event_sample_handler *,
                      void *context);
static void each_bare_flow(struct event_samples *, event_sample_handler *,
                           void *context);
static void tell_flow(struct event_samples *, const struct event_flow *,
                      event_sample_handler *, void *context);
static void each_collapsed(struct event_samples *, event_sample_handler *,
                           void *context);
static void each_violation(struct event_samples *, event_sample_handler *,
                           void *context);
static void each_status(struct event_samples *, event_sample_handler *,
                        void *context);
static uint16_t app_id(struct event_samples *, const char *name);

bool
event_samples_init(struct event_samples *samples)
{
    struct error error;

    samples->engine = application_engine_new(NULL, &error);
    samples->source = (struct event_source){
        .sensor = "lab-01", .version = "0.1.0", .epoch = 0x66fd0a2c};
    samples->encoder = event_encoder_new(&samples->source, &error);
    return samples->engine && samples->encoder;
}

void
event_samples_done(struct event_samples *samples)
{
    event_encoder_free(samples->encoder);
    application_engine_free(samples->engine);
}

void
event_samples_each(struct event_samples *samples, event_sample_handler *each,
                   void *context)
{
    each_flow(samples, each, context);
    each_violation(samples, each, context);
    each_status(samples, each, context);
    each_collapsed(samples, each, context);
}

static void
each_flow(struct event_samples *samples, event_sample_handler *each,
          void *context)
{
    static const struct event_revision revision = {DECISION_ALLOW,
                                                   "default:intra", true};
    struct flow_record record = {.conn_state = ""};
    struct verdict verdict;
    struct application app = {.state = APPLICATION_KNOWN,
                              .confidence = APPLICATION_BY_CONTENT,
                              .encrypted = true,
                              .master = app_id(samples, "TLS"),
                              .name = app_id(samples, "PostgreSQL"),
                              .guess_confidence = APPLICATION_BY_PORT,
                              .guess_master = app_id(samples, "TLS"),
                              .guess_name = app_id(samples, "HTTP"),
                              .category = 1,
                              .tls_version = 0x0304,
                              .risks = 0x8000000000000006,
                              .details = &tls_details};
    struct event_flow flow = {.record = &record,
                              .application = &app,
                              .engine = samples->engine,
                              .policy = fixed_policy(),
                              .verdict = &verdict,
                              .src_segment = SEGMENT_N_BUILTIN,
                              .dst_segment = SEGMENT_N_BUILTIN + 1,
                              .file = "demo.pcap",
                              .interface = "eth1"};

    fill_record(&record);
    fill_verdict(&verdict);
    tell_flow(samples, &flow, each, context);

    record.kind = FLOW_RECORD_UPDATE;
    record.reason = FLOW_END_REVISED;
    flow.revised = &revision;
    app = (struct application){.state = APPLICATION_KNOWN,
                               .name = app_id(samples, "HTTP"),
                               .details = &http_details};
    flow.dst_segment = SEGMENT_INTERNET;
    tell_flow(samples, &flow, each, context);

    record.protocol = PROTOCOL_UDP;
    app.name = app_id(samples, "DNS");
    app.details = &dns_details;
    tell_flow(samples, &flow, each, context);

    record.protocol = PROTOCOL_ICMPV6;
    record.has_icmp_type = true;
    record.ip_version = 6;
    app.name = app_id(samples, "SSH");
    app.details = &other_details;
    tell_flow(samples, &flow, each, context);

    each_bare_flow(samples, each, context);
}

/* As little as there can be. */
static void
each_bare_flow(struct event_samples *samples, event_sample_handler *each,
               void *context)
{
    const struct flow_record record = {.protocol = 255,
                                       .ip_version = 4,
                                       .handshake_ns = -1,
                                       .source.addr = address(1),
                                       .destination.addr = address(2)};
    const struct verdict verdict = {.decision = DECISION_OBSERVE,
                                    .rule = VERDICT_NO_RULE,
                                    .near_miss = -1,
                                    .reverse_of = -1,
                                    .expired = -1,
                                    .staged_decision = DECISION_OBSERVE,
                                    .staged_rule = VERDICT_NO_RULE};
    const struct event_flow flow = {.record = &record,
                                    .policy = fixed_policy(),
                                    .verdict = &verdict,
                                    .src_segment = SEGMENT_UNKNOWN,
                                    .dst_segment = SEGMENT_UNKNOWN,
                                    .file = "",
                                    .interface = ""};

    tell_flow(samples, &flow, each, context);
}

/* The flow itself, and the violation it is. */
static void
tell_flow(struct event_samples *samples, const struct event_flow *flow,
          event_sample_handler *each, void *context)
{
    struct violation violation = {
        .kind = VIOLATION_KIND_NEW,
        .id = "0123456789abcdef",
        .rule = flow->verdict->rule,
        .reason = flow->verdict->reason,
        .src = flow->record->source.addr,
        .dst = flow->record->destination.addr,
        .protocol = flow->record->protocol,
        .port = flow->record->destination.port,
        .src_segment = flow->src_segment,
        .dst_segment = flow->dst_segment,
        .outcome = flow->record->outcome,
        .score = {70, 10, 10, 0, 0, 0, 90, LEVEL_CRITICAL},
        .count = 3,
        .count_since_last = 2,
        .first_seen = {SOME_TIME},
        .last_seen = {SOME_TIME + 5 * SECOND_NS},
        .flow_ids = {flow->record->id + 1, 2},
        .suppressed = true};
    struct event_violation event = {
        .violation = &violation, .policy = flow->policy, .flow = flow};
    each(context, "flow", EVENT_FLOW,
         event_flow_encode(samples->encoder, flow));
    each(context, "violation", EVENT_VIOLATION,
         event_violation_encode(samples->encoder, &event));
}

static void
each_collapsed(struct event_samples *samples, event_sample_handler *each,
               void *context)
{
    struct event_collapsed collapsed = {
        .policy = fixed_policy(),
        .src_segment = SEGMENT_N_BUILTIN,
        .dst_segment = SEGMENT_N_BUILTIN + 1,
        .ip_version = 4,
        .protocol = PROTOCOL_TCP,
        .port = 443,
        .decision = DECISION_DENY,
        .reason = VERDICT_REASON_DEFAULT,
        .flows = 2000000,
        .refused = 7,
        .src_packets = 2000001,
        .src_bytes = 120000060,
        .dst_packets = 7,
        .dst_bytes = 280,
        .n_sources = 1990000,
        .n_destinations = 1,
        .n_ports = 1,
        .first = {SOME_TIME},
        .last = {SOME_TIME + SECOND_NS},
        .samples = {{address(1), address(2)}, {address(3), address(4)}},
        .n_samples = 2,
    };

    each(context, "attempts", EVENT_FLOW,
         event_collapsed_encode(samples->encoder, &collapsed));
    collapsed.protocol = PROTOCOL_ICMP;
    collapsed.port = 8;
    each(context, "pings", EVENT_FLOW,
         event_collapsed_encode(samples->encoder, &collapsed));
    collapsed.protocol = 200;
    collapsed.all_ports = true;
    each(context, "attempts at any service", EVENT_FLOW,
         event_collapsed_encode(samples->encoder, &collapsed));
    collapsed.is_rest = true;
    each(context, "attempts of all kinds", EVENT_FLOW,
         event_collapsed_encode(samples->encoder, &collapsed));
}

static void
each_violation(struct event_samples *samples, event_sample_handler *each,
               void *context)
{
    struct violation violation = {.kind = VIOLATION_KIND_COLLAPSED,
                                  .id = "0123456789abcdef",
                                  .rule = 0,
                                  .reason = VERDICT_REASON_RULE,
                                  .src = address(1),
                                  .dst = address(2),
                                  .protocol = PROTOCOL_TCP,
                                  .port = 5432,
                                  .all_dsts = true,
                                  .n_targets = 60,
                                  .score = {.total = 1}};
    const struct detection detection = {.detector = DETECTOR_SCAN,
                                        .counted = "hosts",
                                        .count = 25,
                                        .limit = 25,
                                        .window_ns = 300 * SECOND_NS};
    struct event_violation event = {.violation = &violation,
                                    .policy = fixed_policy()};
    each(context, "collapsed", EVENT_VIOLATION,
         event_violation_encode(samples->encoder, &event));
    violation.all_dsts = false;
    violation.all_ports = true;
    violation.port = 0;
    each(context, "collapsed over ports", EVENT_VIOLATION,
         event_violation_encode(samples->encoder, &event));
    violation.all_ports = false;
    violation.kind = VIOLATION_KIND_CLOSED;
    violation.protocol = PROTOCOL_ICMP;
    violation.port = 8;
    each(context, "closed", EVENT_VIOLATION,
         event_violation_encode(samples->encoder, &event));
    violation.kind = VIOLATION_KIND_NEW;
    violation.reason = VERDICT_REASON_DETECTED;
    event.detection = &detection;
    each(context, "detected", EVENT_VIOLATION,
         event_violation_encode(samples->encoder, &event));
}

static const struct event_pair_counts some_counts = {
    .flows = 7,
    .verdicts = {1, 1, 1, 1, 1, 2},
    .got_through = 1,
    .one_sided = 2,
    .two_sided = 3,
    .violations = 4,
    .packets = {5, 6},
    .bytes = {7, INT64_MAX},
    .missed_bytes = {8, 9},
    .duplicates = {10, 11},
};

static const struct event_blindness blindness[] = {
    {.cause = EVENT_BLINDNESS_KERNEL_DROPS,
     .interface = "eth1",
     .begin = {SOME_TIME},
     .end = {SOME_TIME + SECOND_NS},
     .visibility = EVENT_VISIBILITY_PARTIAL,
     .lost = 5},
    {.cause = EVENT_BLINDNESS_GAPS,
     .src = "corp-users",
     .dst = "cde-db",
     .begin = {SOME_TIME},
     .visibility = EVENT_VISIBILITY_PARTIAL}};

static const struct event_emergency emergency = {
    .worker = 3,
    .news = {.is_emergency = true,
             .why = FLOW_SHORTAGE_BYTES,
             .since = {SOME_TIME},
             .now = {SOME_TIME},
             .n_flows = 800,
             .max_flows = 1000,
             .n_bytes = 90000,
             .max_bytes = 100000}};

static const struct event_interface interface = {
    .name = "eth1",
    .state = SOURCE_LIVE_LOST,
    .reason = "it disappeared",
    .mtu = 1500,
    .workers = {{100, 20000, 3, 1}},
    .n_workers = 2};

/* Some for every reason. */
static void
fill_counters(struct event_counters *counters)
{
    counters->recovered = 3;
    counters->rewound = 2;
    counters->acked = 9;
    counters->spooled = 1;
    counters->pending = 1;
    for (unsigned i = 0; i < EVENT_N_LOSSES; i++) {
        counters->lost[i] = i + 1;
        counters->dropped += i + 1;
    }
    counters->refused = counters->lost[EVENT_LOSS_QUEUE_FULL];
    counters->emitted = counters->acked + counters->spooled +
                        counters->dropped - counters->recovered -
                        counters->rewound;
}

static void
fill_outputs(struct event_output outputs[2])
{
    const struct event_output samples[2] = {
        {.name = "events.ndjson",
         .mode = "file",
         .up = true,
         .kind = {{.emitted = 5,
                   .acked = 2,
                   .spooled = 2,
                   .dropped = 1,
                   .refused = 1,
                   .lost = {[EVENT_LOSS_QUEUE_FULL] = 1}}}},
        {.name = "redis at redis.example:6379",
         .mode = "stream",
         .spool = {.is_there = true,
                   .has_disk = true,
                   .disk_bytes = 4096,
                   .memory_bytes = 512,
                   .max_bytes = 1 << 30,
                   .troubles = 1,
                   .lag_ns = 7 * SECOND_NS,
                   .error = {.code = ERROR_SYSTEM, .message = "no space"}},
         .server = {.is_there = true,
                    .connections = 3,
                    .errors = {2, 1, 1, 1, 1},
                    .receivers = 1,
                    .unheard = 2,
                    .trimmed = 3,
                    .risks = {"writes snapshots only"},
                    .n_risks = 1}}};

    memcpy(outputs, samples, sizeof samples);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        fill_counters(&outputs[1].kind[kind]);
    }
}

static void
each_status(struct event_samples *samples, event_sample_handler *each,
            void *context)
{
    const char *const notes[] = {"demo.pcap was cut short", NULL};
    struct application_counters counters = {.inspections = 5};
    struct error error;
    struct event_output outputs[2];
    const struct event_gap gap = {.kind = EVENT_FLOW,
                                  .reason = "spool_full",
                                  .first_serial = 4,
                                  .last_serial = 9,
                                  .after = "1773144001000-0",
                                  .before = "1773144001000-7"};
    struct event_file file = {"demo.pcap", 100, 20000, &error};
    const struct event_pair pair = {.visibility = EVENT_VISIBILITY_PARTIAL,
                                    .blind_by = 1U << EVENT_BLINDNESS_GAPS,
                                    .src = "corp-users",
                                    .dst = "cde-db",
                                    .counts = some_counts};
    struct event_status status = {.cause = EVENT_STATUS_END,
                                  .frames = 100,
                                  .bytes = INT64_MAX,
                                  .first_packet = {SOME_TIME},
                                  .last_packet = {SOME_TIME + SECOND_NS},
                                  .application = &counters,
                                  .application_library = "4.2.0",
                                  .workers = 2,
                                  .outputs = outputs,
                                  .n_outputs = 2,
                                  .files = &file,
                                  .n_files = 1,
                                  .interfaces = &interface,
                                  .n_interfaces = 1,
                                  .blindness = blindness,
                                  .n_blindness = 2,
                                  .blindness_left_out = 1,
                                  .clock_steps = 1,
                                  .pairs = &pair,
                                  .n_pairs = 1,
                                  .other_pairs = &some_counts,
                                  .notes = notes};

    fill_outputs(outputs);
    error_set(&error, ERROR_SYNTAX, "demo.pcap", "cut short");
    outputs[0].error = error;
    each(context, "status", EVENT_STATUS,
         event_status_encode(samples->encoder, &status));
    status.cause = EVENT_STATUS_POLICY;
    each(context, "status of a policy", EVENT_STATUS,
         event_status_encode(samples->encoder, &status));
    status = (struct event_status){.cause = EVENT_STATUS_START};
    each(context, "status of nothing", EVENT_STATUS,
         event_status_encode(samples->encoder, &status));
    status = (struct event_status){.cause = EVENT_STATUS_CHANGE,
                                   .emergency = &emergency,
                                   .workers = 4,
                                   .notes = notes};
    each(context, "status of an emergency", EVENT_STATUS,
         event_status_encode(samples->encoder, &status));
    each(context, "status of a gap", EVENT_STATUS,
         event_gap_encode(samples->encoder, &gap));
}

static void
fill_record(struct flow_record *record)
{
    const struct flow_end_point end = {.addr = address(10),
                                       .port = 50122,
                                       .mac = {0, 0x11, 0x22, 0xaa, 0xbb, 0xcc},
                                       .tcp_flags = TCP_SYN | TCP_ACK | TCP_RST,
                                       .ttl_min = 60,
                                       .ttl_max = 64,
                                       .packets = 14,
                                       .bytes = 1822,
                                       .payload_bytes = 1100,
                                       .delta_packets = 2,
                                       .delta_bytes = 100,
                                       .missed_bytes = 7,
                                       .retransmissions = 1,
                                       .out_of_order = 2,
                                       .duplicates = 3};

    *record = (struct flow_record){.kind = FLOW_RECORD_END,
                                   .reason = FLOW_END_FIN,
                                   .evidence = FLOW_EVIDENCE_SYN,
                                   .outcome = FLOW_OUTCOME_DATA,
                                   .id = 0xfedcba9876543210,
                                   .sequence = 2,
                                   .flags = 0x3ff,
                                   .protocol = PROTOCOL_TCP,
                                   .ip_version = 4,
                                   .source = end,
                                   .destination = end,
                                   .start = {SOME_TIME},
                                   .end = {SOME_TIME + 6099878000},
                                   .now = {SOME_TIME + 7000000000},
                                   .handshake_ns = 1234567,
                                   .conn_state = "SF",
                                   .history = "ShADadFf",
                                   .vlan = {120, 4094, 7},
                                   .n_vlans = 3,
                                   .tunnel = PACKET_TUNNEL_VXLAN,
                                   .depth = 1,
                                   .tunnel_id = 0xffffff,
                                   .outer_src = address(3),
                                   .outer_dst = address(4),
                                   .icmp_errors = 1,
                                   .icmp_error_bytes = 56,
                                   .icmp_error_type = 3,
                                   .icmp_error_code = 13,
                                   .icmp_error_from = address(5),
                                   .first_frame = 311,
                                   .last_frame = 337};
    record->destination.addr = address(20);
    record->destination.port = 5432;
}

static void
fill_verdict(struct verdict *verdict)
{
    *verdict = (struct verdict){.decision = DECISION_DENY,
                                .reason = VERDICT_REASON_RULE,
                                .final = true,
                                .rule = 0,
                                .near_miss = 0,
                                .reverse_of = 0,
                                .expired = 0,
                                .tags = {0, 1},
                                .n_tags = 2,
                                .staged_decision = DECISION_ALLOW,
                                .staged_rule = 1};
}

static struct addr
address(uint8_t last)
{
    const uint8_t bytes[4] = {10, 20, 3, last};

    return addr_from_ipv4(bytes);
}

static uint16_t
app_id(struct event_samples *samples, const char *name)
{
    uint16_t id = 0;

    application_find(samples->engine, name, &id);
    return id;
}

/* redis_state.h: what a real redis-server has after the commands */

#include "tests/support/redis_server.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tests/tools/event/fixed_policy.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_state.h"
#include "tools/redis/redis_uri.h"

#include <stdio.h>
#include <string.h>

#define STATE_KEY  "segmon:{lab-01}:state"
#define MATRIX_KEY "segmon:{lab-01}:matrix"

static struct redis_server server;
static struct redis_link *redis;
static struct redis_state state;

static const struct event_source source = {
    .sensor = "lab-01", .version = "1.2.3", .epoch = 0xabc};

/* What is told: every counter another number.  Each test begins with the same,
 * and may change it. */
static struct event_interface interfaces[2];
static struct event_output outputs[2];
static struct event_status status;

static int
make_status(void **context)
{
    static const struct application_counters application = {.refused = 40,
                                                            .given_up = 2};

    (void)context;
    status = (struct event_status){
        .frames = 1001,
        .bytes = 1002,
        .device_drops = 1003,
        .kernel_drops = 1004,
        .dissected = {[DISSECT_OK] = 900,
                      [DISSECT_NOT_IP] = 80,
                      [DISSECT_CUT_SHORT] = 3,
                      [DISSECT_BAD_HEADER] = 4},
        .flows = {.active = 1005,
                  .created = 1006,
                  .evicted = 1007,
                  .bytes = 1008,
                  .fragments_orphaned = 5,
                  .fragments_evicted = 6,
                  .emergency = 1},
        .max_flows = 1009,
        .violations = {.hits = 1010,
                       .told = 1011,
                       .tracked = 1012,
                       .overflow = 1013},
        .detectors = {.overflow = 1014},
        .application = &application,
        .policy = fixed_policy(),
        .workers = 2,
        .interfaces = interfaces,
        .n_interfaces = 2,
        .outputs = outputs,
        .n_outputs = 2,
    };

    interfaces[0] = (struct event_interface){
        .name = "eth1",
        .state = SOURCE_LIVE_CAPTURING,
        .missed = 1003,
        .discarded = 7,
        .workers = {{600, 700, 4, 0}, {401, 302, 1000, 0}},
        .n_workers = 2};
    interfaces[1] = (struct event_interface){
        .name = "eth2", .state = SOURCE_LIVE_DOWN, .discarded = 1};
    outputs[0] = (struct event_output){
        .name = "redis at h:1",
        .up = true,
        .spool = {.lag_ns = 75 * SECOND_NS + 1},
        .kind = {{.emitted = 100, .acked = 90, .spooled = 6, .dropped = 4},
                 {.emitted = 10, .acked = 9, .spooled = 1}}};
    outputs[1] = (struct event_output){
        .name = "/tmp/x",
        .up = false,
        .kind = {{.emitted = 100, .acked = 70, .dropped = 30}}};
    return 0;
}

static void
send(bool ended)
{
    const struct redis_state_facts facts = {
        .source = &source,
        .status = &status,
        .started = {1000 * SECOND_NS},
        .now = {1060 * SECOND_NS},
        .interval_s = 5,
        .ended = ended,
    };
    struct error error;

    assert_true(redis_state_encode(&state, &facts));
    assert_true(redis_link_send(redis, state.commands.data, state.commands.size,
                                &error));
    for (size_t i = 0; i < state.n_commands; i++) {
        struct redis_reply *reply = redis_link_receive(redis, &error);

        assert_non_null(reply);
        assert_null(redis_reply_error(reply));
        redis_reply_free(reply);
    }
    assert_false(redis_link_wait(redis, 0)); /* No more answers than that. */
}

static struct redis_reply *
ask(const char *const *words)
{
    struct error error;
    struct redis_reply *reply = redis_link_ask(redis, words, &error);

    assert_non_null(reply);
    return reply;
}

static void
expect(const struct redis_reply *hash, const char *field, const char *value)
{
    const char *found = redis_reply_text(redis_reply_of(hash, field), NULL);

    if (!found || strcmp(found, value) != 0) {
        fail_msg("%s is %s, not %s", field, found ? found : "missing", value);
    }
}

/* The hash, after it was sent. */
static struct redis_reply *
sent_state(bool ended)
{
    send(ended);
    return ask(REDIS_WORDS("HGETALL", STATE_KEY));
}

static void
the_state_is_what_was_counted(void **context)
{
    struct redis_reply *hash = sent_state(false);

    (void)context;
    expect(hash, "schema", "1");
    expect(hash, "version", "1.2.3");
    expect(hash, "epoch", "00000abc");
    expect(hash, "started", "1970-01-01T00:16:40.000000Z");
    expect(hash, "last_seen", "1970-01-01T00:17:40.000000Z");
    expect(hash, "interval", "5");
    expect(hash, "phase", "running");
    expect(hash, "policy.name", policy_name(fixed_policy()));
    expect(hash, "policy.revision", policy_revision(fixed_policy()));
    expect(hash, "policy.sha256", policy_sha256(fixed_policy()));
    expect(hash, "workers", "2");
    expect(hash, "frames", "1001");
    expect(hash, "bytes", "1002");
    expect(hash, "flows.active", "1005");
    expect(hash, "flows.created", "1006");
    expect(hash, "flows.capacity", "1009");
    expect(hash, "flows.bytes", "1008");
    expect(hash, "emergency", "1");
    expect(hash, "violations.told", "1011");
    expect(hash, "violations.hits", "1010");
    expect(hash, "violations.tracked", "1012");
    expect(hash, "events.acked", "169");
    expect(hash, "events.spooled", "7");
    expect(hash, "events.lag", "75");
    expect(hash, "interface.eth1", "capturing 1001 1002 1004 1010");
    expect(hash, "interface.eth2", "down 0 0 0 1");
    expect(hash, "output.0", "up redis at h:1");
    expect(hash, "output.1", "down /tmp/x");
    redis_reply_free(hash);
}

static void
each_loss_is_told_where_it_was(void **context)
{
    struct redis_reply *hash = sent_state(false);

    (void)context;
    expect(hash, "lost.device", "1003");
    expect(hash, "lost.discarded", "8");
    expect(hash, "lost.kernel", "1004");
    expect(hash, "lost.dissector", "7");
    expect(hash, "lost.fragments", "11");
    expect(hash, "lost.flows", "1007");
    expect(hash, "lost.inspections", "42");
    expect(hash, "lost.sightings", "1014");
    expect(hash, "lost.violations", "1013");
    expect(hash, "lost.events", "34");
    redis_reply_free(hash);
}

static void
it_expires_and_the_sensor_stays_known(void **context)
{
    struct redis_reply *reply;
    int64_t life;

    (void)context;
    send(false);
    reply = ask(REDIS_WORDS("TTL", STATE_KEY));
    assert_true(redis_reply_integer(reply, &life));
    assert_in_range(life, 1, 15); /* Three intervals, when it was sent. */
    redis_reply_free(reply);
    reply = ask(REDIS_WORDS("HGET", "segmon:sensors", "lab-01"));
    assert_true(redis_reply_is(reply, "00000abc"));
    redis_reply_free(reply);
    reply = ask(REDIS_WORDS("TTL", "segmon:sensors"));
    assert_true(redis_reply_integer(reply, &life));
    assert_int_equal(life, -1);
    redis_reply_free(reply);
}

static void
what_is_no_more_is_not_told_again(void **context)
{
    struct redis_reply *hash;

    (void)context;
    send(false);
    status.n_interfaces = 1;
    status.n_outputs = 0;
    hash = sent_state(true);
    assert_non_null(redis_reply_of(hash, "interface.eth1"));
    assert_null(redis_reply_of(hash, "interface.eth2"));
    assert_null(redis_reply_of(hash, "output.0"));
    expect(hash, "phase", "ended");
    redis_reply_free(hash);
}

static void
a_hostile_name_stays_a_name(void **context)
{
    struct redis_reply *reply;
    int64_t number;

    (void)context;
    interfaces[0].name = "e\r\n*1\r\n$8\r\nFLUSHALL\r\n";
    snprintf(outputs[0].name, sizeof outputs[0].name, "a\r\nSET x 1\r\n");
    send(false);
    reply = ask(REDIS_WORDS("EXISTS", "x"));
    assert_true(redis_reply_integer(reply, &number));
    assert_int_equal(number, 0);
    redis_reply_free(reply);
    reply = ask(REDIS_WORDS("HGET", STATE_KEY, "output.0"));
    assert_true(redis_reply_is(reply, "up a\r\nSET x 1\r\n"));
    redis_reply_free(reply);
}

static void
a_copy_is_the_same(void **context)
{
    struct redis_state copy;

    (void)context;
    send(false);
    redis_state_init(&copy);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(redis_state_copy(&copy, &state));
        assert_int_equal(copy.n_commands, state.n_commands);
        assert_int_equal(copy.commands.size, state.commands.size);
        assert_memory_equal(copy.commands.data, state.commands.data,
                            state.commands.size);
    }
    redis_state_done(&copy);
}

static struct event_pair_counts
make_counts(uint64_t flows)
{
    return (struct event_pair_counts){
        .flows = flows,
        .verdicts =
            {[DECISION_ALLOW] = 2, [DECISION_DENY] = 3, [DECISION_ALERT] = 4},
        .got_through = 5,
        .one_sided = 17,
        .violations = 6,
        .packets = {7, 8},
        .bytes = {UINT64_MAX, 10},
        .missed_bytes = {11, 1},
        .duplicates = {13, 1}};
}

static void
the_matrix_has_a_row_for_each_pair(void **context)
{
    const struct event_pair pairs[] = {
        {.src = "users", .dst = "servers", .counts = make_counts(1)},
        {.src = "servers", .dst = "users", .counts = make_counts(2)}};
    const struct event_pair_counts other = make_counts(3);
    struct redis_reply *hash;

    (void)context;
    status.pairs = pairs;
    status.n_pairs = 2;
    status.other_pairs = &other;
    hash = sent_state(false);
    expect(hash, "matrix.columns",
           "flows allowed violations alerts got_through events src_packets "
           "dst_packets src_bytes dst_bytes missed_bytes duplicates one_sided");
    expect(hash, "matrix.pairs", "2");
    redis_reply_free(hash);
    hash = ask(REDIS_WORDS("HGETALL", MATRIX_KEY));
    assert_int_equal(redis_reply_n(hash), 6);
    expect(hash, "users|servers",
           "1 2 3 4 5 6 7 8 18446744073709551615 10 12 14 17");
    expect(hash, "servers|users",
           "2 2 3 4 5 6 7 8 18446744073709551615 10 12 14 17");
    expect(hash, "*|*", "3 2 3 4 5 6 7 8 18446744073709551615 10 12 14 17");
    redis_reply_free(hash);
    status.n_pairs = 1;
    status.other_pairs = NULL;
    send(false);
    hash = ask(REDIS_WORDS("HGETALL", MATRIX_KEY));
    assert_int_equal(redis_reply_n(hash), 2);
    redis_reply_free(hash);
}

/* The names as long as they may be, the numbers as well. */
static void
a_full_matrix_fits(void **context)
{
    enum {
        N = REDIS_STATE_MAX_PAIRS + 1
    };
    static struct event_pair pairs[N];
    static char names[N][49];
    struct redis_reply *reply;
    int64_t n;

    (void)context;
    for (unsigned i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "n%047u", i);
        memset(&pairs[i].counts, 0x7f, sizeof pairs[i].counts);
        pairs[i].src = pairs[i].dst = names[i];
    }
    status.pairs = pairs;
    status.n_pairs = N;
    send(false);
    reply = ask(REDIS_WORDS("HLEN", MATRIX_KEY));
    assert_true(redis_reply_integer(reply, &n));
    assert_int_equal(n, REDIS_STATE_MAX_PAIRS);
    redis_reply_free(reply);
    reply = ask(REDIS_WORDS("HGET", STATE_KEY, "matrix.pairs"));
    assert_true(redis_reply_is(reply, "4097"));
    redis_reply_free(reply);
}

static int
start(void **context)
{
    struct redis_uri uri;
    struct error error;

    (void)context;
    redis_state_init(&state);
    if (!redis_server_start(&server, REDIS_SERVER, NULL) ||
        !redis_uri_parse(server.uri, &uri, &error)) {
        return -1;
    }
    redis = redis_link_open(&uri, &error);
    return redis ? 0 : -1;
}

static int
stop(void **context)
{
    (void)context;
    redis_state_done(&state);
    redis_link_close(redis);
    redis_server_stop(&server);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_state_is_what_was_counted, make_status),
        cmocka_unit_test_setup(each_loss_is_told_where_it_was, make_status),
        cmocka_unit_test_setup(it_expires_and_the_sensor_stays_known,
                               make_status),
        cmocka_unit_test_setup(what_is_no_more_is_not_told_again, make_status),
        cmocka_unit_test_setup(a_hostile_name_stays_a_name, make_status),
        cmocka_unit_test_setup(a_copy_is_the_same, make_status),
        cmocka_unit_test_setup(the_matrix_has_a_row_for_each_pair, make_status),
        cmocka_unit_test_setup(a_full_matrix_fits, make_status),
    };

    if (REDIS_SERVER[0] == '\0') {
        fprintf(stderr, "skipped: no redis-server on this machine\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, start, stop);
}

/* desk.h: what several workers notice comes out in one order. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/runtime/desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_ITEMS = 20000,
    MAX_TRAYS = 4,
    ITEMS_PER_ROUND = 500 /* More than fit one batch. */
};

static const char policy_text[] =
    "version: 1\n"
    "policy: {name: test}\n"
    "segments: {a: {networks: [10.0.0.0/8]}}\n"
    "rules:\n"
    "  - {id: no, from: any, to: any, action: deny}\n"
    "alerting: {collapse: 100000}\n";

/* The ports told, in order. */
struct told {
    uint16_t ports[N_ITEMS];
    size_t n;
};

static struct policy *policy;
static const struct event_source source = {.sensor = "test", .version = "0"};

static void
see(void *context, const struct event_violation *event)
{
    struct told *told = context;

    assert_true(told->n < N_ITEMS);
    told->ports[told->n++] = event->violation->port;
}

/* Items 3 * i and after share a time: due ones come before packets. */
static struct tray_place
place_of(unsigned i)
{
    bool is_packet = i % 3 == 2;

    return (struct tray_place){
        .when = {1000 + i / 3},
        .phase = is_packet ? TRAY_PACKET : TRAY_DUE,
        .major = i,
    };
}

static void
put_item(struct tray *tray, unsigned i)
{
    struct tray_place place = place_of(i);
    struct tray_objection *item = tray_add_objection(tray, &place);

    memset(&item->hit, 0, sizeof *item - offsetof(struct tray_objection, hit));
    item->hit = (struct violation_hit){.policy = policy,
                                       .rule = 0,
                                       .reason = VERDICT_REASON_RULE,
                                       .protocol = 6,
                                       .port = (uint16_t)i,
                                       .now = place.when};
    item->src_segment = item->dst_segment = SEGMENT_UNKNOWN;
    item->file = item->interface = "";
}

struct share {
    struct tray *tray;
    unsigned tray_number, n_trays;
};

/* Item i is of tray i * 7 / 5 % n_trays; some of each round come out of order.
 */
static void
fill_round(const struct share *share, unsigned start)
{
    for (unsigned j = 0; j < ITEMS_PER_ROUND; j++) {
        unsigned i = start + (j ^ 1);

        if (i * 7 / 5 % share->n_trays == share->tray_number) {
            put_item(share->tray, i);
        }
    }
    tray_end_round(share->tray, place_of(start + ITEMS_PER_ROUND).when);
}

static void *
fill(void *argument)
{
    const struct share *share = argument;

    for (unsigned start = 0; start < N_ITEMS; start += ITEMS_PER_ROUND) {
        fill_round(share, start);
    }
    tray_close(share->tray);
    return NULL;
}

static void *
run(void *desk)
{
    desk_run(desk);
    return NULL;
}

static void
tell(struct told *told, unsigned n_trays)
{
    struct desk_observer observer = {see, told};
    struct desk_options options = {.n_trays = n_trays,
                                   .policy = policy,
                                   .source = &source,
                                   .observer = &observer};
    struct share shares[MAX_TRAYS];
    pthread_t threads[MAX_TRAYS], desk_thread;
    struct error error;
    struct desk *desk = desk_new(&options, &error);

    assert_non_null(desk);
    told->n = 0;
    if (n_trays > 1) {
        assert_int_equal(pthread_create(&desk_thread, NULL, run, desk), 0);
    }
    for (unsigned i = 0; i < n_trays; i++) {
        shares[i] = (struct share){desk_tray(desk, i), i, n_trays};
        assert_int_equal(pthread_create(&threads[i], NULL, fill, &shares[i]),
                         0);
    }
    for (unsigned i = 0; i < n_trays; i++) {
        pthread_join(threads[i], NULL);
    }
    if (n_trays > 1) {
        pthread_join(desk_thread, NULL);
    }
    desk_free(desk);
}

static void
any_number_of_workers_tells_the_same_in_the_order_of_the_run(void **state)
{
    static struct told one, several;

    (void)state;
    tell(&one, 1);
    assert_int_equal(one.n, N_ITEMS);
    for (unsigned i = 0; i < N_ITEMS; i++) {
        assert_int_equal(one.ports[i], i);
    }
    for (unsigned n_trays = 2; n_trays <= MAX_TRAYS; n_trays++) {
        tell(&several, n_trays);
        assert_int_equal(several.n, one.n);
        assert_memory_equal(several.ports, one.ports, sizeof one.ports);
    }
}

static int
set_up(void **state)
{
    (void)state;
    policy = sound_policy(policy_text, strlen(policy_text), NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    policy_unref(policy);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            any_number_of_workers_tells_the_same_in_the_order_of_the_run),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

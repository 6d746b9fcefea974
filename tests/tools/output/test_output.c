/* output.h, with file sinks */

#include "tests/support/test.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/output/output.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N_QUEUES = 3,
    N_EVENTS = 30000 /* Of each queue. */
};

struct producer {
    struct event_queue *queue;
    unsigned number;
};

static char path[] = "/tmp/segmon-output-XXXXXX";

static int
make_path(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return close(mkstemp(path));
}

static int
remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static struct output_options
options_for(unsigned n_queues)
{
    return (struct output_options){
        .source = {.sensor = "lab-01", .version = "0.1.0", .epoch = 7},
        .n_queues = n_queues,
        .blocking = true,
        .targets = {{.target = path}},
        .n_targets = 1};
}

static void
put(struct event_queue *queue, unsigned producer, unsigned i)
{
    struct json body;

    json_init(&body, EVENT_MAX_BYTES);
    json_reset(&body, true);
    json_u64(&body, "producer", producer);
    json_u64(&body, "i", i);
    json_close(&body, '}');
    json_close(&body, '}');
    event_queue_put(queue, i % 10 ? EVENT_FLOW : EVENT_VIOLATION,
                    (struct wall_time){(int64_t)i}, &body);
    json_done(&body);
}

static void *
produce(void *context)
{
    const struct producer *producer = context;

    for (unsigned i = 0; i < N_EVENTS; i++) {
        put(producer->queue, producer->number, i);
    }
    return NULL;
}

/* Reads the file back: numbers without a gap, each producer's in order. */
static unsigned
read_back(void)
{
    FILE *file = fopen(path, "r");
    json_int_t next[N_QUEUES] = {0};
    unsigned n = 0;
    char line[512];

    while (fgets(line, sizeof line, file)) {
        json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        json_t *event = json_object_get(root, "event");
        json_int_t who = json_integer_value(json_object_get(event, "producer"));

        assert_non_null(event);
        assert_int_equal(json_integer_value(json_object_get(event, "sequence")),
                         ++n);
        assert_int_equal(json_integer_value(json_object_get(event, "i")),
                         next[who]++);
        json_decref(root);
    }
    fclose(file);
    return n;
}

static void
events_of_all_queues_arrive_numbered_and_in_order(void **state)
{
    struct output_options options = options_for(N_QUEUES);
    struct producer producers[N_QUEUES];
    pthread_t threads[N_QUEUES];
    struct event_output status[OUTPUT_MAX_SINKS];
    struct output *output;
    struct error error;

    (void)state;
    output = output_new(&options, &error);
    assert_non_null(output);
    assert_int_equal(output_kinds(output), EVENT_ALL_KINDS);
    for (unsigned i = 0; i < N_QUEUES; i++) {
        producers[i] = (struct producer){output_queue(output, i), i};
        pthread_create(&threads[i], NULL, produce, &producers[i]);
    }
    for (unsigned i = 0; i < N_QUEUES; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(output_finish(output, status, &error));
    assert_string_equal(status[0].name, path);
    assert_int_equal(status[0].kind[EVENT_FLOW].acked,
                     N_QUEUES * N_EVENTS / 10 * 9);
    assert_int_equal(status[0].kind[EVENT_VIOLATION].emitted,
                     N_QUEUES * N_EVENTS / 10);
    assert_int_equal(read_back(), N_QUEUES * N_EVENTS);
}

static void
after_settling_nothing_waits(void **state)
{
    struct output_options options = options_for(1);
    struct event_output status[OUTPUT_MAX_SINKS];
    struct output *output;
    struct error error;

    (void)state;
    output = output_new(&options, &error);
    assert_non_null(output);
    for (unsigned i = 0; i < 100; i++) {
        put(output_queue(output, 0), 0, i);
        output_settle(output);
        assert_int_equal(output_status(output, status), 1);
        assert_int_equal(status[0].kind[EVENT_FLOW].spooled, 0);
        assert_int_equal(status[0].kind[EVENT_FLOW].acked +
                             status[0].kind[EVENT_VIOLATION].acked,
                         i + 1);
    }
    assert_true(output_finish(output, NULL, &error));
    assert_int_equal(read_back(), 100);
}

static void
a_loss_is_counted_and_told(void **state)
{
    struct output_options options = options_for(1);
    struct event_output status[OUTPUT_MAX_SINKS];
    struct output *output;
    struct error error;

    (void)state;
    options.targets[0].target = "/dev/full";
    options.targets[1] =
        (struct output_target){.target = path, .kinds = 1U << EVENT_VIOLATION};
    options.n_targets = 2;
    output = output_new(&options, &error);
    assert_non_null(output);
    for (unsigned i = 0; i < 100; i++) {
        put(output_queue(output, 0), 0, i);
    }
    assert_false(output_finish(output, status, &error));
    assert_string_equal(error.where, "/dev/full");
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct event_counters *lost = &status[0].kind[kind];
        const struct event_counters *kept = &status[1].kind[kind];

        assert_int_equal(lost->emitted, lost->dropped);
        assert_int_equal(kept->emitted, kept->acked);
    }
    assert_int_equal(status[1].kind[EVENT_FLOW].emitted, 0);
    assert_int_equal(status[1].kind[EVENT_VIOLATION].acked, 10);
}

static void
impossible_options_are_errors(void **state)
{
    struct output_options options = options_for(1);
    struct error error;

    (void)state;
    options.source.sensor = "bad name";
    assert_null(output_new(&options, &error));
    options = options_for(1);
    options.targets[0].target = "/nonexistent/file";
    assert_null(output_new(&options, &error));
    options.targets[0].target = "redis://127.0.0.1:1";
    assert_null(output_new(&options, &error));
    assert_string_equal(error.where, "redis at 127.0.0.1:1");
    assert_non_null(strstr(error.message, "refused"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_all_queues_arrive_numbered_and_in_order),
        cmocka_unit_test(after_settling_nothing_waits),
        cmocka_unit_test(a_loss_is_counted_and_told),
        cmocka_unit_test(impossible_options_are_errors),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}

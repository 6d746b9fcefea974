/* What inspections hold, and who has to end when it is too much. */

#include "tests/support/test.h"

#include "dissect/application.h"
#include "tests/dissect/inspected.h"

#include <stdint.h>
#include <string.h>

enum {
    N_HOSTILE = 2000
};

/* A conversation of its own, for the owner of an inspection. */
struct talk {
    struct inspection *inspection; /* NULL once it has ended. */
    struct application result;
    bool given_up;
};

static struct talk hostile[N_HOSTILE];
static struct conversation conversation;

static int
set_up_small(void **state)
{
    const struct application_options options = {.max_bytes = 1};
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;

    assert_non_null(f);
    f->engine = application_engine_new(&options, &error);
    assert_non_null(f->engine);
    *state = f;
    return 0;
}

static void
finish(struct fixture *f, struct talk *talk)
{
    inspection_finish(f->engine, talk->inspection, &talk->result);
    application_done(&talk->result);
    talk->inspection = NULL;
}

/* As a caller has to: returns how many had to end. */
static size_t
make_room(struct fixture *f)
{
    struct application_counters counters;
    struct talk *talk;
    size_t n = 0;

    application_engine_counters(f->engine, &counters);
    assert_true(counters.bytes <= APPLICATION_LEAST_BYTES);
    while ((talk = inspection_give_up(f->engine)) != NULL) {
        assert_non_null(talk->inspection);
        talk->given_up = true;
        finish(f, talk);
        n++;
    }
    return n;
}

/* One more packet of a TLS handshake that never ends. */
static void
begin_handshake(struct fixture *f, struct talk *talk, size_t size)
{
    static uint8_t hello[60000] = {22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xf0, 3};

    if (talk->inspection == NULL) {
        talk->inspection = inspection_new(f->engine, talk);
        assert_non_null(talk->inspection);
        conversation_init(&conversation, PROTOCOL_TCP, 443);
    }
    conversation_send(&conversation, true, hello, size);
    inspection_packet(f->engine, talk->inspection, &conversation.packet,
                      &conversation.frame, true);
}

static void
finish_all(struct fixture *f, struct talk *talks, size_t n)
{
    struct application_counters counters;

    for (size_t i = 0; i < n; i++) {
        if (talks[i].inspection != NULL) {
            finish(f, &talks[i]);
        }
    }
    application_engine_counters(f->engine, &counters);
    assert_int_equal(counters.active, 0);
    assert_int_equal(counters.bytes, 0);
}

static void
open_handshakes_end_longest_silent_first(void **state)
{
    struct fixture *f = *state;
    struct application_counters counters;
    size_t n_given_up = 0;

    memset(hostile, 0, sizeof hostile);
    for (size_t i = 0; i < N_HOSTILE; i++) {
        begin_handshake(f, &hostile[i], 1400);
        n_given_up += make_room(f);
        if (n_given_up > 0) {
            assert_true(hostile[n_given_up - 1].given_up);
        }
        assert_false(hostile[n_given_up].given_up);
    }
    application_engine_counters(f->engine, &counters);
    assert_true(n_given_up > N_HOSTILE / 2);
    assert_int_equal(counters.given_up, n_given_up);
    assert_int_equal(counters.refused, 0);
    assert_int_equal(counters.active, N_HOSTILE - n_given_up);
    /* nDPI's buffers count: 2 KiB each at least. */
    assert_true(counters.bytes > 2048 * counters.active);
    assert_true(counters.most_bytes <= APPLICATION_LEAST_BYTES);
    finish_all(f, hostile, N_HOSTILE);
}

static void
large_segments_do_not_pass_the_limit_either(void **state)
{
    struct fixture *f = *state;
    size_t n_given_up = 0;

    memset(hostile, 0, sizeof hostile);
    for (size_t i = 0; i < 100; i++) {
        begin_handshake(f, &hostile[i], 60000);
        n_given_up += make_room(f);
        if (hostile[i].inspection != NULL) {
            begin_handshake(f, &hostile[i], 60000);
            n_given_up += make_room(f);
        }
    }
    assert_true(n_given_up > 50);
    finish_all(f, hostile, N_HOSTILE);
}

/* One that talks now and then outlives hundreds that are silent. */
static void
who_holds_many_does_not_keep_others_out(void **state)
{
    struct fixture *f = *state;
    struct talk quiet = {0};
    size_t n_given_up = 0;

    memset(hostile, 0, sizeof hostile);
    conversation_init(&f->conversation, PROTOCOL_TCP, 8080);
    quiet.inspection = inspection_new(f->engine, &quiet);
    for (size_t i = 0; i < N_HOSTILE; i++) {
        begin_handshake(f, &hostile[i], 1400);
        n_given_up += make_room(f);
        assert_non_null(quiet.inspection);
        if (i % 100 == 50) {
            assert_false(say_text(f, quiet.inspection, true, "xyzzy"));
        }
    }
    assert_true(n_given_up > N_HOSTILE / 2);
    assert_true(say_text(f, quiet.inspection, true,
                         "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n") ||
                !quiet.given_up);
    finish(f, &quiet);
    finish_all(f, hostile, N_HOSTILE);
}

static void
what_is_known_of_who_gives_up_stays_known(void **state)
{
    struct fixture *f = *state;
    struct talk known = {0};

    memset(hostile, 0, sizeof hostile);
    conversation_init(&f->conversation, PROTOCOL_TCP, 8080);
    known.inspection = inspection_new(f->engine, &known);
    assert_false(say_text(f, known.inspection, true,
                          "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"));
    for (size_t i = 0; i < N_HOSTILE && !known.given_up; i++) {
        begin_handshake(f, &hostile[i], 1400);
        make_room(f);
    }
    assert_true(known.given_up);
    assert_int_equal(known.result.state, APPLICATION_KNOWN);
    assert_string_equal(name_of(f, known.result.name), "HTTP");
    finish_all(f, hostile, N_HOSTILE);
}

static void
what_a_crowd_leaves_behind_goes_back(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);
    struct fixture f = {.engine = engine};

    (void)state;
    assert_non_null(engine);
    memset(hostile, 0, sizeof hostile);
    for (size_t i = 0; i < N_HOSTILE; i++) { /* The default has room. */
        begin_handshake(&f, &hostile[i], 1400);
        assert_null(inspection_give_up(engine));
    }
    finish_all(&f, hostile, N_HOSTILE);
    application_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            open_handshakes_end_longest_silent_first, set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(
            large_segments_do_not_pass_the_limit_either, set_up_small,
            tear_down),
        cmocka_unit_test_setup_teardown(who_holds_many_does_not_keep_others_out,
                                        set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_known_of_who_gives_up_stays_known, set_up_small, tear_down),
        cmocka_unit_test(what_a_crowd_leaves_behind_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

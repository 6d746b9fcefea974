/* ndpi_memory.h, through application.h. */

#include "tests/support/test.h"

#include "dissect/application.h"
#include "dissect/ndpi_hotfix.h"
#include "dissect/ndpi_memory.h"
#include "tests/dissect/inspected.h"

#include <stddef.h>
#include <stdint.h>

static struct application_engine *
make_engine(void)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);

    assert_non_null(engine);
    return engine;
}

static void
a_module_is_made_of_its_arena_alone(void **state)
{
    struct application_engine *engine;
    size_t before = ndpi_memory_used();

    (void)state;
    if (!ndpi_hotfix_needed()) {
        skip(); /* Only nDPI 4.2 has arenas. */
    }
    engine = make_engine();
    assert_int_equal(ndpi_memory_used(), before);
    application_engine_free(engine);
    assert_int_equal(ndpi_memory_used(), before);
}

static void
modules_come_and_go_in_any_order(void **state)
{
    struct application_engine *engines[3];
    struct application a;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        engines[i] = make_engine();
    }
    for (size_t i = 0; i < 3; i++) {
        struct fixture f = {.engine = engines[(i + 1) % 3]};
        struct inspection *inspection = inspection_new(f.engine, NULL);

        conversation_init(&f.conversation, PROTOCOL_TCP, 80);
        say_text(&f, inspection, true,
                 "GET / HTTP/1.1\r\nHost: www.google.com\r\n\r\n");
        inspection_finish(f.engine, inspection, &a);
        assert_string_equal(name_of(&f, a.name), "Google");
        application_done(&a);
        application_engine_free(f.engine);
    }
}

static void
what_a_conversation_takes_is_counted_and_given_back(void **state)
{
    struct fixture f = {.engine = make_engine()};
    struct inspection *inspection = inspection_new(f.engine, NULL);
    size_t before = ndpi_memory_used();
    struct application a;

    (void)state;
    conversation_init(&f.conversation, PROTOCOL_TCP, 80);
    say_text(&f, inspection, true,
             "GET /a-path HTTP/1.1\r\nHost: h.example\r\n"
             "User-Agent: test\r\n\r\n");
    assert_true(ndpi_memory_used() - before > sizeof "h.example/a-path");
    inspection_finish(f.engine, inspection, &a);
    assert_int_equal(ndpi_memory_used(), before);
    application_done(&a);
    application_engine_free(f.engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_is_made_of_its_arena_alone),
        cmocka_unit_test(modules_come_and_go_in_any_order),
        cmocka_unit_test(what_a_conversation_takes_is_counted_and_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

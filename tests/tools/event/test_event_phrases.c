/* event_phrases.h */

#include "tests/support/test.h"

#include "tests/tools/event/fixed_policy.h"
#include "tools/event/event_phrases.h"

enum {
    LARGE = EVENT_PHRASES_MAX_BYTES / 4 + 1
};

struct fixture {
    struct event_phrases phrases;
    struct json json;
};

static void
setup(struct fixture *f)
{
    event_phrases_init(&f->phrases);
    event_phrases_follow(&f->phrases, fixed_policy());
    json_init(&f->json, (size_t)2 * LARGE);
    json_open(&f->json, NULL, '{');
}

static void
teardown(struct fixture *f)
{
    event_phrases_done(&f->phrases);
    json_done(&f->json);
}

/* As an encoder does. */
static bool
write_piece(struct fixture *f, const char *key, enum event_phrase_kind kind,
            uint32_t number)
{
    size_t start = f->json.size;
    bool known = event_phrases_copy(&f->phrases, &f->json, kind, number);

    if (!known) {
        json_plain(&f->json, key, "text");
        event_phrases_keep(&f->phrases, &f->json, start, kind, number);
    }
    return known;
}

static void
assert_json(struct json *json, const char *expected)
{
    json_close(json, '}');
    assert_int_equal(json->size, strlen(expected));
    assert_memory_equal(json->data, expected, json->size);
}

static void
a_piece_is_written_once_and_copied_with_its_comma(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_false(write_piece(&f, "a", EVENT_PHRASE_RULE, 1));
    assert_false(write_piece(&f, "b", EVENT_PHRASE_RULE, 0));
    assert_true(write_piece(&f, "x", EVENT_PHRASE_RULE, 0));
    json_open(&f.json, "c", '{');
    assert_true(write_piece(&f, "x", EVENT_PHRASE_RULE, 1));
    json_close(&f.json, '}');
    assert_json(&f.json, "{\"a\":\"text\",\"b\":\"text\",\"b\":\"text\","
                         "\"c\":{\"a\":\"text\"}}");
    teardown(&f);
}

static void
a_piece_may_be_nothing(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    write_piece(&f, "a", EVENT_PHRASE_POLICY, 0);
    event_phrases_keep(&f.phrases, &f.json, f.json.size,
                       EVENT_PHRASE_RULE_NOTES, 1);
    assert_true(write_piece(&f, "x", EVENT_PHRASE_RULE_NOTES, 1));
    assert_json(&f.json, "{\"a\":\"text\"}");
    teardown(&f);
}

static void
pieces_of_another_policy_are_forgotten(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    write_piece(&f, "a", EVENT_PHRASE_SEGMENT, 3);
    event_phrases_follow(&f.phrases, fixed_policy());
    assert_true(write_piece(&f, "x", EVENT_PHRASE_SEGMENT, 3));
    event_phrases_follow(&f.phrases, fixed_policy_again());
    assert_false(write_piece(&f, "b", EVENT_PHRASE_SEGMENT, 3));
    event_phrases_follow(&f.phrases, NULL);
    assert_false(write_piece(&f, "c", EVENT_PHRASE_SEGMENT, 3));
    assert_false(write_piece(&f, "c", EVENT_PHRASE_SEGMENT, 3));
    teardown(&f);
}

static void
what_finds_no_room_is_not_kept(void **state)
{
    static char text[LARGE];
    struct fixture f;

    (void)state;
    setup(&f);
    memset(text, 'a', sizeof text);
    for (uint32_t i = 0; i < 5; i++) {
        json_reset(&f.json, false);
        json_plain_sized(&f.json, NULL, text, sizeof text);
        event_phrases_keep(&f.phrases, &f.json, 0, EVENT_PHRASE_SEGMENT, i);
        json_reset(&f.json, false);
        assert_int_equal(
            event_phrases_copy(&f.phrases, &f.json, EVENT_PHRASE_SEGMENT, i),
            i < 3);
        assert_int_equal(f.json.size, i < 3 ? sizeof text + 2 : 0);
    }
    assert_false(write_piece(&f, "a", EVENT_PHRASE_RULE, 0));
    assert_true(write_piece(&f, "x", EVENT_PHRASE_RULE, 0));
    teardown(&f);
}

static void
a_name_with_too_high_a_number_is_not_kept(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(write_piece(&f, "a", EVENT_PHRASE_NAME,
                                     EVENT_PHRASES_MAX_NAMES - 1),
                         i > 0);
        assert_false(
            write_piece(&f, "b", EVENT_PHRASE_NAME, EVENT_PHRASES_MAX_NAMES));
        assert_false(write_piece(&f, "c", EVENT_PHRASE_NAME, UINT16_MAX));
    }
    teardown(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_written_once_and_copied_with_its_comma),
        cmocka_unit_test(a_piece_may_be_nothing),
        cmocka_unit_test(pieces_of_another_policy_are_forgotten),
        cmocka_unit_test(what_finds_no_room_is_not_kept),
        cmocka_unit_test(a_name_with_too_high_a_number_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

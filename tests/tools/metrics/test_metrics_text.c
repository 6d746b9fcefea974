/* metrics_text.c */

#include "tests/support/test.h"

#include "tools/metrics/metrics_text.h"

#include <stdlib.h>
#include <string.h>

static void
assert_written(struct metrics_text *text, const char *wanted)
{
    size_t size;
    char *bytes = metrics_text_take(text, &size);

    assert_non_null(bytes);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(bytes, wanted, size);
    free(bytes);
}

static void
a_family_has_a_head_and_samples(void **state)
{
    struct metrics_text text;

    (void)state;
    metrics_text_init(&text);
    metrics_family(&text, "a_total", METRICS_COUNTER, "All of them");
    metrics_value(&text, UINT64_MAX);
    metrics_label(&text, "x", "one");
    metrics_label_number(&text, "y", 2);
    metrics_value_signed(&text, -3);
    metrics_only(&text, "b", METRICS_GAUGE, "One", 7);
    assert_written(&text, "# HELP a_total All of them\n"
                          "# TYPE a_total counter\n"
                          "a_total 18446744073709551615\n"
                          "a_total{x=\"one\",y=\"2\"} -3\n"
                          "# HELP b One\n# TYPE b gauge\nb 7\n");
}

static void
times_are_seconds(void **state)
{
    struct metrics_text text;

    (void)state;
    metrics_text_init(&text);
    metrics_family(&text, "a", METRICS_GAUGE, "A");
    metrics_value_time(&text, INT64_C(1773144001000123456));
    metrics_value_time(&text, -1500000000);
    metrics_value_time(&text, 0);
    metrics_value_time(&text, INT64_MIN);
    assert_written(&text, "# HELP a A\n# TYPE a gauge\n"
                          "a 1773144001.000123456\na -1.500000000\n"
                          "a 0.000000000\na -9223372036.854775808\n");
}

static void
any_bytes_may_be_a_label(void **state)
{
    static const struct {
        const char *value, *written;
    } labels[] = {
        {"", ""},
        {"plain", "plain"},
        {"\"", "\\\""},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\\\x0ab"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xe9t\xe9", "\\\\xe9t\\\\xe9"},
        {"\xe2\x80\xae", "\\\\u{202e}"},
        {"\\\"", "\\\\\\\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct metrics_text text;
        char wanted[200] = "# HELP a A\n# TYPE a gauge\na{l=\"";

        metrics_text_init(&text);
        metrics_family(&text, "a", METRICS_GAUGE, "A");
        metrics_label(&text, "l", labels[i].value);
        metrics_value(&text, 1);
        memcpy(wanted + strlen(wanted), labels[i].written,
               strlen(labels[i].written) + 1);
        memcpy(wanted + strlen(wanted), "\"} 1\n", sizeof "\"} 1\n");
        assert_written(&text, wanted);
    }
}

static void
a_label_is_cut_between_characters(void **state)
{
    struct metrics_text text;
    char value[2 * METRICS_TEXT_MAX_LABEL + 1] = "";
    size_t size;
    char *bytes;

    (void)state;
    for (size_t i = 0; i < METRICS_TEXT_MAX_LABEL; i++) {
        value[2 * i] = '\xc3';
        value[2 * i + 1] = '\xa9';
    }
    metrics_text_init(&text);
    metrics_family(&text, "a", METRICS_GAUGE, "A");
    metrics_label(&text, "l", value);
    metrics_value(&text, 1);
    bytes = metrics_text_take(&text, &size);
    assert_memory_equal(bytes + size - 7, "\xc3\xa9\"} 1\n", 7);
    assert_in_range(size, METRICS_TEXT_MAX_LABEL, METRICS_TEXT_MAX_LABEL + 50);
    free(bytes);
}

static void
a_text_that_is_too_long_is_none(void **state)
{
    struct metrics_text text;
    size_t size, n = METRICS_TEXT_MAX_BYTES / 10;

    (void)state;
    metrics_text_init(&text);
    metrics_family(&text, "a", METRICS_GAUGE, "A");
    for (size_t i = 0; i < n; i++) {
        metrics_value(&text, 1000000000);
    }
    assert_true(text.failed);
    assert_null(metrics_text_take(&text, &size));
    metrics_only(&text, "b", METRICS_GAUGE, "B", 7); /* A new one. */
    assert_written(&text, "# HELP b B\n# TYPE b gauge\nb 7\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_a_head_and_samples),
        cmocka_unit_test(times_are_seconds),
        cmocka_unit_test(any_bytes_may_be_a_label),
        cmocka_unit_test(a_label_is_cut_between_characters),
        cmocka_unit_test(a_text_that_is_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

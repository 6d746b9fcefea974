/* ndpi_names.h, and the names of application.h, against the linked nDPI */

#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "dissect/ndpi_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
change_case(char *text, int change(int))
{
    for (; *text != '\0'; text++) {
        *text = (char)change((unsigned char)*text);
    }
}

/* Sets 'name' to the next enumerator of nDPI in 'header', without "NDPI_". */
static bool
next_enumerator(FILE *header, char name[100])
{
    char line[400];

    while (fgets(line, sizeof line, header) != NULL) {
        if (sscanf(line, " NDPI_%90[A-Z0-9_]", name) == 1) {
            return true;
        }
    }
    return false;
}

static void
risks_have_the_names_of_ndpis_enumerators(void **state)
{
    FILE *header = fopen(NDPI_INCLUDE_DIR "/ndpi_typedefs.h", "r");
    unsigned risk = 0;
    char name[100];

    (void)state;
    if (header == NULL) {
        skip();
        return;
    }
    do {
        assert_true(next_enumerator(header, name));
    } while (strcmp(name, "NO_RISK") != 0);
    do {
        change_case(name, tolower);
        assert_string_equal(application_risk_name(risk), name);
        risk++;
        assert_true(next_enumerator(header, name));
    } while (strcmp(name, "MAX_RISK") != 0);
    (void)fclose(header);
    assert_int_equal(risk, application_risk_count());
    assert_true(risk <= 64);
    assert_string_equal(application_risk_name(risk), "");
    assert_string_equal(application_risk_name(1000), "");
}

static void
every_protocol_is_found_by_its_name_in_any_case(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);

    (void)state;
    assert_non_null(engine);
    assert_true(application_count(engine) > 200);
    for (size_t i = 0; i < application_count(engine); i++) {
        char upper[100];
        uint16_t id;

        snprintf(upper, sizeof upper, "%s",
                 application_name(engine, (uint16_t)i));
        change_case(upper, toupper);
        assert_true(application_find(engine, upper, &id));
        assert_int_equal(id, i);
    }
    assert_string_equal(application_name(engine, 0), "Unknown");
    assert_string_equal(application_name(engine, 60000), "Unknown");
    application_engine_free(engine);
}

static void
names_of_other_versions_find_the_same_protocol(void **state)
{
    static const char *const same[][2] = {
        {"DCERPC", "dce_rpc"}, {"DCERPC", "RPC"},     {"s7comm", "S7Comm"},
        {"Z39.50", "z3950"},   {"Jabber", "xmpp"},    {"Redis", "RESP"},
        {"IPsec", "IPSec"},    {"Hotmail", "outlook"}};
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);

    (void)state;
    assert_non_null(engine);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        uint16_t a, b;

        assert_true(application_find(engine, same[i][0], &a));
        assert_true(application_find(engine, same[i][1], &b));
        if (strcmp(same[i][0], "Hotmail") != 0) { /* 4.2 has both. */
            assert_int_equal(a, b);
        }
    }
    application_engine_free(engine);
}

static void
a_name_nobody_has_is_not_found(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);
    uint16_t id = 7;

    (void)state;
    assert_non_null(engine);
    assert_false(application_find(engine, "HTPP", &id));
    assert_false(application_find(engine, "", &id));
    assert_false(application_find(engine, "TLS.Google", &id));
    assert_int_equal(id, 7);
    application_engine_free(engine);
}

static void
every_category_has_a_name(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);

    (void)state;
    assert_non_null(engine);
    assert_true(application_category_count(engine) > 30);
    for (size_t i = 0; i < application_category_count(engine); i++) {
        assert_non_null(application_category_name(engine, (uint16_t)i));
    }
    assert_string_equal(application_category_name(engine, 5), "Web");
    assert_string_equal(application_category_name(engine, 60000),
                        application_category_name(engine, 0));
    application_engine_free(engine);
}

static void
only_content_and_its_cache_are_more_than_guesses(void **state)
{
    (void)state;
    assert_int_equal(ndpi_confidence_from_name("DPI"), APPLICATION_BY_CONTENT);
    assert_int_equal(ndpi_confidence_from_name("DPI (cache)"),
                     APPLICATION_BY_CACHE);
    assert_int_equal(ndpi_confidence_from_name("DPI (partial)"),
                     APPLICATION_BY_PORT);
    assert_int_equal(ndpi_confidence_from_name("DPI (aggressive)"),
                     APPLICATION_BY_PORT);
    assert_int_equal(ndpi_confidence_from_name("Match by IP"),
                     APPLICATION_BY_ADDRESS);
    assert_int_equal(ndpi_confidence_from_name("Unknown"),
                     APPLICATION_BY_NOTHING);
    assert_int_equal(ndpi_confidence_from_name(NULL), APPLICATION_BY_NOTHING);
}

static void
every_protocol_with_traits_is_in_the_library(void **state)
{
    struct error error;
    struct application_engine *engine = application_engine_new(NULL, &error);
    const char *name;
    uint16_t id;
    size_t n = 0;

    (void)state;
    assert_non_null(engine);
    while (ndpi_traits(n, &name) != 0) {
        if (!application_find(engine, name, &id)) {
            print_message("nDPI %s has no %s\n", application_library_version(),
                          name);
        }
        n++;
    }
    assert_true(n > 20);
    application_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(risks_have_the_names_of_ndpis_enumerators),
        cmocka_unit_test(every_protocol_is_found_by_its_name_in_any_case),
        cmocka_unit_test(names_of_other_versions_find_the_same_protocol),
        cmocka_unit_test(a_name_nobody_has_is_not_found),
        cmocka_unit_test(every_category_has_a_name),
        cmocka_unit_test(only_content_and_its_cache_are_more_than_guesses),
        cmocka_unit_test(every_protocol_with_traits_is_in_the_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

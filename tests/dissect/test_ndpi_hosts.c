/* ndpi_hosts.h, through application.h: a host comes to the same result when it
 * is met again, whatever was met before it. */

#include "tests/support/test.h"

#include "dissect/application_impl.h"
#include "dissect/ndpi_hosts.h"
#include "tests/dissect/inspected.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    N_NAMES = 1500, /* Three for every place there is. */
    NAME_SIZE = 140
};

static char names[N_NAMES][NAME_SIZE];

/* A DNS request for 'name', or the answer. */
static size_t
build_dns(uint8_t *message, const char *name, bool answer)
{
    static const uint8_t head[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    static const uint8_t type[] = {0, 0, 1, 0, 1};
    static const uint8_t record[] = {0xc0, 12,   0, 1, 0,  1, 0, 0,
                                     0,    0x3c, 0, 4, 10, 2, 0, 2};
    size_t size = sizeof head;

    memcpy(message, head, sizeof head);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");

        message[size++] = (uint8_t)label;
        memcpy(message + size, name, label);
        size += label;
        name += label + (name[label] == '.');
    }
    memcpy(message + size, type, sizeof type);
    size += sizeof type;
    if (answer) {
        message[2] = 0x81;
        message[3] = 0x80;
        message[7] = 1;
        memcpy(message + size, record, sizeof record);
        size += sizeof record;
    }
    return size;
}

static void
ask_for(struct fixture *f, const char *name, struct application *found)
{
    struct inspection *i = inspection_new(f->engine, NULL);
    uint8_t message[2 * NAME_SIZE];

    conversation_init(&f->conversation, PROTOCOL_UDP, 53);
    say(f, i, true, message, build_dns(message, name, false));
    say(f, i, false, message, build_dns(message, name, true));
    inspection_finish(f->engine, i, found);
    assert_int_equal(found->state, APPLICATION_KNOWN);
    application_done(found);
}

/* 'size' letters drawn by lot, with a dot after every 29. */
static void
draw_letters(uint32_t *lot, char *name, size_t size)
{
    static const char letters[] = "bcdfgaeijklmnopqrstuvwxyz0123456789";

    for (size_t n = 0; n < size; n++) {
        *lot = *lot * 1664525 + 1013904223;
        name[n] = letters[(*lot >> 16) % (sizeof letters - 1)];
        if (n % 30 == 29) {
            name[n] = '.';
        }
    }
}

/* Of sites nDPI knows, and made up. */
static void
make_names(void)
{
    static const char *const sites[] = {
        "google.com",    "facebook.com", "doubleclick.net", "whatsapp.net",
        "amazonaws.com", "office.com",   "netflix.com",     "windows.com"};
    uint32_t lot = 1;

    for (size_t i = 0; i < N_NAMES; i++) {
        size_t n = i % 3 == 0 ? 4 + i % 90 : 0;

        draw_letters(&lot, names[i], n);
        if (n > 0) {
            snprintf(names[i] + n, NAME_SIZE - n, ".%s", i % 2 ? "com" : "org");
        } else {
            snprintf(names[i], NAME_SIZE, "host-%zu.%s", i, sites[i % 8]);
        }
    }
}

static void
a_name_met_again_comes_to_the_same_result(void **state)
{
    static struct application first[N_NAMES];
    size_t n_made_up = 0, n_sites = 0;
    struct fixture *f = *state;
    struct application again;

    make_names();
    for (size_t i = 0; i < N_NAMES; i++) {
        ask_for(f, names[i], &first[i]);
        ask_for(f, names[i], &again); /* Kept. */
        assert_memory_equal(&again, &first[i], sizeof again);
        n_made_up += first[i].risks != 0;
        n_sites += first[i].master != 0;
    }
    assert_in_range(n_made_up, 100, N_NAMES / 2);
    assert_in_range(n_sites, N_NAMES / 3, N_NAMES);
    for (size_t i = N_NAMES; i-- > 0;) { /* Some kept, some replaced. */
        ask_for(f, names[i], &again);
        assert_memory_equal(&again, &first[i], sizeof again);
    }
}

/* What is kept by one engine is nothing to another. */
static void
without_what_was_kept_the_result_is_the_same(void **state)
{
    struct fixture *f = *state, other;
    struct application kept, fresh;
    struct error error;

    make_names();
    other.engine = application_engine_new(NULL, &error);
    assert_non_null(other.engine);
    for (size_t i = 0; i < N_NAMES; i += 7) {
        ask_for(f, names[i], &kept);
        ask_for(f, names[i], &kept);
        ask_for(&other, names[i], &fresh);
        assert_memory_equal(&kept, &fresh, sizeof kept);
    }
    application_engine_free(other.engine);
}

/* An address of a site nDPI knows, and others, often enough to be replaced. */
static void
an_address_met_again_comes_to_the_same_result(void **state)
{
    struct fixture *f = *state;
    struct application a;
    uint16_t google = 0;

    for (unsigned i = 0; i < 9000; i++) {
        struct inspection *inspection = inspection_new(f->engine, NULL);
        static const uint8_t known[4] = {142, 250, 1, 1};
        const uint8_t other[4] = {10, 7, (uint8_t)(i >> 8), (uint8_t)i};
        bool is_known = i % 3 == 0;

        conversation_init(&f->conversation, PROTOCOL_TCP, 7777);
        memcpy(f->conversation.server, is_known ? known : other, 4);
        say_text(f, inspection, true, "xyzzy");
        inspection_finish(f->engine, inspection, &a);
        assert_int_equal(a.state, APPLICATION_UNKNOWN);
        if (i == 0) {
            google = a.guess_name;
            assert_string_equal(name_of(f, google), "Google");
        }
        assert_int_equal(a.guess_name, is_known ? google : 0);
        assert_int_equal(a.guess_confidence, is_known ? APPLICATION_BY_ADDRESS
                                                      : APPLICATION_BY_NOTHING);
    }
}

/* Who learnt no list looks for each address in the tree.  Half of them are
 * where many sites are. */
static void
an_address_anywhere_has_the_site_that_ndpi_finds(void **state)
{
    struct fixture *f = *state;
    struct ndpi_hosts *learnt = f->engine->hosts, *fresh = ndpi_hosts_new();
    uint32_t ip = 1, n_sites = 0;

    assert_non_null(fresh);
    for (unsigned i = 0; i < 50000; i++) {
        struct in_addr address;
        uint16_t site;

        ip = ip * 1664525 + 1013904223;
        address.s_addr = htonl(i % 2 ? 52U << 24 | ip >> 8 : ip);
        ndpi_hosts_use(learnt);
        site = ndpi_network_port_ptree_match(f->engine->module, &address, 0);
        ndpi_hosts_use(fresh);
        assert_int_equal(site, ndpi_network_port_ptree_match(f->engine->module,
                                                             &address, 0));
        n_sites += site != NDPI_PROTOCOL_UNKNOWN;
    }
    ndpi_hosts_use(NULL);
    ndpi_hosts_free(fresh);
    assert_true(n_sites > 1000);
}

static void
the_replacements_take_effect(void **state)
{
    (void)state;
    assert_true(ndpi_hosts_install());
    assert_true(ndpi_hosts_install());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_met_again_comes_to_the_same_result),
        cmocka_unit_test(without_what_was_kept_the_result_is_the_same),
        cmocka_unit_test(an_address_met_again_comes_to_the_same_result),
        cmocka_unit_test(an_address_anywhere_has_the_site_that_ndpi_finds),
        cmocka_unit_test(the_replacements_take_effect),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

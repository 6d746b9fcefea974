/* ledger.h: one kind in one stream, against a letter a serial */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tools/reconcile/ledger.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_SERIALS = 80,
    ROUNDS = 4000,
    TWICE = 2 * LEDGER_MAX_FINDINGS
};

static struct ledger *ledger;
static struct ledger_result result;

static int
make(void **state)
{
    (void)state;
    ledger = ledger_new();
    for (unsigned kind = 0; ledger && kind < EVENT_N_KINDS; kind++) {
        ledger_set_stream(
            ledger, (enum event_kind)kind,
            &(struct ledger_stream){.is_read = true,
                                    .is_there = true,
                                    .is_counted = true,
                                    .shares = (enum event_kind)kind});
    }
    return ledger ? 0 : -1;
}

static int
done(void **state)
{
    (void)state;
    ledger_free(ledger);
    return 0;
}

static void
add(uint64_t serial, uint64_t ms)
{
    ledger_add(ledger, &(struct ledger_entry){.kind = EVENT_FLOW,
                                              .id = {ms, 0},
                                              .name = {1, serial},
                                              .serial = serial});
}

/* A letter a serial: 's'tored, 'd'oubled, 't'old as lost, 'w'aiting, 'm'issing,
 * and 'T' and 'W' for what was told, or waits, and is stored. */
static void
write_books(const char *letters, size_t n, uint64_t removed)
{
    uint64_t ms = 1000;

    ledger_set_stream(ledger, EVENT_FLOW,
                      &(struct ledger_stream){.is_read = true,
                                              .is_there = true,
                                              .is_counted = true,
                                              .removed = removed});
    ledger_set_spool(ledger, EVENT_FLOW, &(struct ledger_spool){true, n, n, n});
    for (size_t i = 0; i < n; i++) {
        uint64_t serial = i + 1;

        if (strchr("sdTW", letters[i])) {
            add(serial, ms++);
        }
        if (letters[i] == 'd') {
            add(serial, ms++);
        }
        if (strchr("wW", letters[i])) {
            ledger_add_waiting(ledger, EVENT_FLOW, serial);
        }
        if (strchr("tT", letters[i])) {
            ledger_add_new_gap(
                ledger,
                &(struct ledger_gap){
                    .kind = EVENT_FLOW,
                    .reason = SPOOL_FULL,
                    .first = serial,
                    .last = serial + (i + 1 < n && letters[i + 1] == 't')});
        }
    }
}

static uint64_t
count(const char *letters, size_t n, char letter)
{
    uint64_t found = 0;

    for (size_t i = 0; i < n; i++) {
        found += letters[i] == letter;
    }
    return found;
}

static void
assert_books(const char *letters, size_t n, uint64_t removed)
{
    const struct ledger_tally *tally = &result.kinds[EVENT_FLOW];
    uint64_t missing = count(letters, n, 'm');
    uint64_t doubled = count(letters, n, 'd');
    uint64_t head = 0;

    for (size_t i = 0; i < n && strchr("mtw", letters[i]); i++) {
        head += letters[i] == 'm';
    }
    head = head < removed ? head : removed;
    assert_int_equal(tally->trimmed, head);
    assert_int_equal(tally->missing, missing - head);
    assert_int_equal(tally->doubled, doubled);
    assert_int_equal(tally->waiting, count(letters, n, 'w'));
    assert_int_equal(tally->told[SPOOL_FULL], count(letters, n, 't'));
    if (missing > head || doubled) {
        assert_int_equal(result.verdict, LEDGER_INCOMPLETE);
    } else if (tally->entries) {
        assert_int_equal(result.verdict, LEDGER_COMPLETE);
    } else {
        assert_int_equal(result.verdict, LEDGER_UNPROVEN);
    }
}

static void
test_every_serial_is_what_it_is(void **state)
{
    static const char kinds[] = "sssssssssssssdtttwmmTW";
    struct choices choices = choices_from_seed(11);

    for (unsigned round = 0; round < ROUNDS; round++) {
        char letters[MAX_SERIALS];
        size_t n = 1 + choose(&choices, MAX_SERIALS);
        uint32_t calm = 20 * choose(&choices, 3);
        uint32_t removed = chance(&choices, 2) ? choose(&choices, 9) : 0;

        for (size_t i = 0; i < n; i++) {
            uint32_t other = choose(&choices, sizeof kinds - 1);

            letters[i] = kinds[choose(&choices, 60) < calm ? 0 : other];
        }
        make(state);
        write_books(letters, n, removed);
        ledger_judge(ledger, &result);
        assert_books(letters, n, removed);
        done(state);
    }
}

static void
test_what_the_spool_had_in_memory_is_unknown(void **state)
{
    (void)state;
    add(1, 1);
    ledger_set_spool(ledger, EVENT_FLOW, &(struct ledger_spool){true, 9, 5, 9});
    ledger_judge(ledger, &result);
    assert_int_equal(result.kinds[EVENT_FLOW].missing, 4);
    assert_int_equal(result.kinds[EVENT_FLOW].unknown, 4);
}

static void
test_a_spool_that_is_behind_is_another_one(void **state)
{
    (void)state;
    add(1, 1);
    add(2, 2);
    ledger_set_spool(ledger, EVENT_FLOW, &(struct ledger_spool){true, 1, 1, 1});
    ledger_judge(ledger, &result);
    assert_int_equal(result.open_seams, 1);
    assert_int_equal(result.verdict, LEDGER_UNPROVEN);
    /* One that has given more since is that of a sensor that runs. */
    ledger_set_spool(ledger, EVENT_FLOW, &(struct ledger_spool){true, 1, 1, 2});
    ledger_judge(ledger, &result);
    assert_int_equal(result.verdict, LEDGER_COMPLETE);
}

static void
test_what_was_trimmed_while_it_was_read_is_not_missing(void **state)
{
    (void)state;
    add(1, 100);
    add(500, 700);
    ledger_set_stream(ledger, EVENT_FLOW,
                      &(struct ledger_stream){.is_read = true,
                                              .is_there = true,
                                              .is_counted = true,
                                              .first = {100, 0},
                                              .last = {900, 0},
                                              .first_after = {600, 0}});
    ledger_judge(ledger, &result);
    assert_int_equal(result.kinds[EVENT_FLOW].trimmed, 498);
    assert_int_equal(result.kinds[EVENT_FLOW].missing, 0);
}

static void
test_what_a_running_sensor_said_last_may_be_on_its_way(void **state)
{
    static const bool alive[] = {true, false};

    for (size_t i = 0; i < 2; i++) {
        uint64_t ms = 100;

        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            ledger_set_stream(ledger, (enum event_kind)kind,
                              &(struct ledger_stream){.is_read = true,
                                                      .is_there = true,
                                                      .is_counted = true,
                                                      .last = {ms, 0}});
        }
        ledger_add(ledger, &(struct ledger_entry){.kind = EVENT_FLOW,
                                                  .id = {101, 0},
                                                  .name = {1, 3},
                                                  .serial = 1});
        ledger_set_options(ledger,
                           &(struct ledger_options){.is_alive = alive[i]});
        ledger_judge(ledger, &result);
        assert_int_equal(result.unaccounted, alive[i] ? 0 : 2);
        done(state);
        make(state);
    }
}

static void
test_numbers_beyond_all_bounds_are_nobodys(void **state)
{
    (void)state;
    add(LEDGER_MAX_NUMBER + 1, 1);
    add(UINT64_MAX, 2);
    add(0, 3); /* As its sequence number. */
    ledger_judge(ledger, &result);
    assert_int_equal(result.kinds[EVENT_FLOW].foreign, 3);
    assert_int_equal(result.verdict, LEDGER_UNPROVEN);
}

static void
test_findings_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < TWICE; i++) {
        add(2 + 2 * i, 1 + i);
    }
    ledger_judge(ledger, &result);
    assert_int_equal(result.n_findings, LEDGER_MAX_FINDINGS);
    assert_int_equal(result.findings_left_out, LEDGER_MAX_FINDINGS);
    assert_int_equal(result.kinds[EVENT_FLOW].missing, TWICE);
}

/* It could be among what there was no room for. */
static void
test_nothing_is_called_missing_where_not_all_is_kept(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= LEDGER_MAX_RANGES; i++) {
        add(2 * i, i);
    }
    ledger_judge(ledger, &result);
    assert_true(result.kinds[EVENT_FLOW].untracked > 0);
    assert_int_equal(result.kinds[EVENT_FLOW].missing, 0);
    assert_true(result.kinds[EVENT_FLOW].unknown > 0);
    assert_int_equal(result.findings[0].what, LEDGER_UNKNOWN);
    assert_int_equal(result.verdict, LEDGER_UNPROVEN);
    add(2, LEDGER_MAX_RANGES + 1);
    ledger_judge(ledger, &result);
    assert_int_equal(result.verdict, LEDGER_INCOMPLETE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_serial_is_what_it_is),
        cmocka_unit_test_setup_teardown(
            test_what_the_spool_had_in_memory_is_unknown, make, done),
        cmocka_unit_test_setup_teardown(
            test_a_spool_that_is_behind_is_another_one, make, done),
        cmocka_unit_test_setup_teardown(
            test_what_was_trimmed_while_it_was_read_is_not_missing, make, done),
        cmocka_unit_test_setup_teardown(
            test_what_a_running_sensor_said_last_may_be_on_its_way, make, done),
        cmocka_unit_test_setup_teardown(
            test_numbers_beyond_all_bounds_are_nobodys, make, done),
        cmocka_unit_test_setup_teardown(
            test_findings_beyond_the_bound_are_counted, make, done),
        cmocka_unit_test_setup_teardown(
            test_nothing_is_called_missing_where_not_all_is_kept, make, done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* spool.h against the naive account of it: random appends, commits, reads,
 * acknowledgements and restarts */

#include "tests/support/choices.h"
#include "tests/support/test.h"

#include "tests/tools/spool/spool_folder.h"

#include <stdlib.h>
#include <string.h>

enum {
    N_ROUNDS = 30,
    N_STEPS = 600,
    MAX_SIZE = 6000,
    HUGE_ONE_IN = 97 /* Records of the greatest size. */
};

struct model {
    struct choices choices;
    char folder[SPOOL_FOLDER_SIZE];
    struct spool_options options;
    struct spool *spool;
    struct spool_oracle oracle;
    uint64_t appended[EVENT_N_KINDS];
    struct redis_id last_id;
    struct redis_id flights[EVENT_N_KINDS][SPOOL_MAX_IN_FLIGHT];
    unsigned n_flights[EVENT_N_KINDS];
    int64_t now_ns, wall_ms;
};

static void
open_spool(struct model *model)
{
    struct error error;

    model->spool =
        spool_open(&model->options, (struct mono_time){model->now_ns}, &error);
    assert_non_null(model->spool);
}

static void
append_some(struct model *model)
{
    static char text[SPOOL_MAX_RECORD];

    for (unsigned n = choose(&model->choices, 40); n > 0; n--) {
        enum event_kind kind = chance(&model->choices, 8)   ? EVENT_VIOLATION
                               : chance(&model->choices, 8) ? EVENT_STATUS
                                                            : EVENT_FLOW;
        size_t size = chance(&model->choices, HUGE_ONE_IN)
                          ? SPOOL_MAX_RECORD
                          : 8 + choose(&model->choices, MAX_SIZE);
        struct redis_id id;

        model->wall_ms += chance(&model->choices, 50) ? -5000 : 1;
        spool_text_fill(text, size, ++model->appended[kind]);
        spool_append(model->spool, kind,
                     (struct wall_time){model->wall_ms * MILLISECOND_NS}, text,
                     size, &id);
        assert_true(redis_id_compare(id, model->last_id) > 0);
        model->last_id = id;
    }
}

static void
read_some(struct model *model)
{
    enum event_kind kind =
        (enum event_kind)choose(&model->choices, EVENT_N_KINDS);
    struct spool_record record;

    for (unsigned n = choose(&model->choices, 60); n > 0; n--) {
        if (!spool_read(model->spool, kind, &record)) {
            return;
        }
        spool_oracle_take(&model->oracle, kind, &record);
        model->flights[kind][model->n_flights[kind]++] = record.id;
    }
}

/* Up to a random one of those in flight. */
static void
ack_some(struct model *model)
{
    enum event_kind kind =
        (enum event_kind)choose(&model->choices, EVENT_N_KINDS);
    unsigned n = model->n_flights[kind]
                     ? 1 + choose(&model->choices, model->n_flights[kind])
                     : 0;

    if (n > 0) {
        spool_ack(model->spool, kind, model->flights[kind][n - 1]);
        model->n_flights[kind] -= n;
        memmove(model->flights[kind], model->flights[kind] + n,
                model->n_flights[kind] * sizeof(struct redis_id));
    }
}

static void
commit(struct model *model)
{
    model->now_ns += choose(&model->choices, 1000) * MILLISECOND_NS;
    spool_commit(model->spool, (struct mono_time){model->now_ns});
}

/* What is in flight when the program ends is read again, so that it is
 * acknowledged first keeps the account simple. */
static void
restart(struct model *model)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (model->n_flights[kind] > 0) {
            spool_ack(model->spool, (enum event_kind)kind,
                      model->flights[kind][model->n_flights[kind] - 1]);
            model->n_flights[kind] = 0;
        }
    }
    spool_close(model->spool, (struct mono_time){model->now_ns});
    open_spool(model);
}

static void
step(struct model *model)
{
    switch (choose(&model->choices, 8)) {
    case 0:
    case 1:
    case 2: append_some(model); break;
    case 3: read_some(model); break;
    case 4: ack_some(model); break;
    case 5:
    case 6: commit(model); break;
    default:
        if (model->options.directory && chance(&model->choices, 5)) {
            restart(model);
        }
        break;
    }
    spool_assert_balance(model->spool);
}

static void
start(struct model *model, uint64_t seed, bool on_disk)
{
    memset(model, 0, sizeof *model);
    model->choices = choices_from_seed(seed);
    model->now_ns = SECOND_NS;
    model->wall_ms = 1700000000000;
    model->options.sync_ns = chance(&model->choices, 2) ? 0 : SECOND_NS;
    model->options.retain_ns = choose(&model->choices, 3) * SECOND_NS;
    if (on_disk) {
        spool_folder_make(model->folder);
        model->options.directory = model->folder;
    }
}

/* Ends it: what is read, and told as missing, is all there was. */
static void
finish(struct model *model, struct spool_stat *stat)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (model->n_flights[kind] > 0) {
            spool_ack(model->spool, (enum event_kind)kind,
                      model->flights[kind][model->n_flights[kind] - 1]);
        }
    }
    spool_commit(model->spool, (struct mono_time){model->now_ns += SECOND_NS});
    spool_oracle_drain(&model->oracle, model->spool);
    spool_assert_balance(model->spool);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        uint64_t n_gap_records =
            kind == EVENT_STATUS ? model->oracle.n_gaps : 0;

        assert_int_equal(model->oracle.n_read[kind] + n_gap_records +
                             model->oracle.n_told[kind],
                         model->appended[kind] + n_gap_records);
    }
    spool_get_stat(model->spool, stat);
    spool_close(model->spool, (struct mono_time){model->now_ns});
    if (model->options.directory) {
        spool_folder_remove(model->folder);
    }
}

static void
nothing_is_missing_doubled_or_out_of_order_across_restarts(void **state)
{
    static struct model model;
    struct spool_stat stat;

    (void)state;
    for (uint64_t seed = 1; seed <= N_ROUNDS; seed++) {
        start(&model, seed, true);
        model.options.max_bytes = 1 << 30;
        open_spool(&model);
        for (unsigned i = 0; i < N_STEPS; i++) {
            step(&model);
        }
        finish(&model, &stat);
        assert_int_equal(model.oracle.n_gaps, 0);
        assert_int_equal(stat.torn_bytes, 0);
        assert_int_equal(stat.skipped_bytes, 0);
        assert_int_equal(stat.n_troubles, 0);
    }
}

static void
what_a_full_spool_drops_is_told_once_and_exactly(void **state)
{
    static struct model model;
    struct spool_stat stat;
    uint64_t n_told = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= N_ROUNDS; seed++) {
        start(&model, seed, true);
        model.options.max_bytes = SPOOL_MIN_BYTES;
        open_spool(&model);
        for (unsigned i = 0; i < N_STEPS; i++) {
            step(&model);
            spool_get_stat(model.spool, &stat);
            assert_true(stat.disk_bytes <= SPOOL_MIN_BYTES);
        }
        finish(&model, &stat);
        n_told += model.oracle.by_reason[SPOOL_FULL];
        assert_int_equal(model.oracle.n_told[EVENT_VIOLATION], 0);
        assert_int_equal(model.oracle.by_reason[SPOOL_CORRUPT], 0);
    }
    assert_true(n_told > 1000);
}

static void
memory_alone_is_bounded_and_says_what_it_drops(void **state)
{
    static struct model model;
    struct spool_stat stat;
    uint64_t n_told = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= N_ROUNDS; seed++) {
        start(&model, seed, false);
        model.options.memory_bytes = SPOOL_MIN_MEMORY_BYTES;
        open_spool(&model);
        for (unsigned i = 0; i < N_STEPS; i++) {
            step(&model);
            spool_get_stat(model.spool, &stat);
            assert_true(stat.memory_bytes <= SPOOL_MIN_MEMORY_BYTES);
        }
        finish(&model, &stat);
        n_told += model.oracle.by_reason[SPOOL_MEMORY];
    }
    assert_true(n_told > 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            nothing_is_missing_doubled_or_out_of_order_across_restarts),
        cmocka_unit_test(what_a_full_spool_drops_is_told_once_and_exactly),
        cmocka_unit_test(memory_alone_is_bounded_and_says_what_it_drops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Keeping the books; see ledger.h. */

#include "tools/reconcile/ledger.h"

#include "tools/reconcile/ledger_impl.h"

#include <stdlib.h>
#include <string.h>

enum {
    EPOCH_DIGITS = 8,
    SEQUENCE_DIGITS = 14,
    NAME_TAIL = EPOCH_DIGITS + SEQUENCE_DIGITS + 2 /* And two '-'. */
};

/* Some ten seconds of moving ranges, if somebody means harm. */
#define MAX_MOVES (UINT64_C(1) << 31)

static struct ledger_run *find_run(struct ledger *, uint32_t epoch);
static struct ledger_run *begin_run(struct ledger *, uint32_t epoch);
static bool is_sound(const struct ledger_entry *);
static void note_added(struct ledger *, const struct ledger_entry *,
                       enum range_added);
static enum range_added place_gap(struct ledger *, const struct ledger_entry *);
static bool is_passed(const struct ledger *, size_t run, uint64_t serial);
static enum range_added add_numbers(struct ledger *, struct ledger_run *,
                                    const struct ledger_entry *);
static void note_doubled(struct ledger *, const struct ledger_entry *);
static void add_told(struct ledger *, size_t run, const struct ledger_gap *);
static bool hex(const char *text, size_t size, uint64_t *number);

struct ledger *
ledger_new(void)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (!ledger) {
        return NULL;
    }
    ledger->budget = (struct range_budget){LEDGER_MAX_RANGES, MAX_MOVES, false};
    ledger->last_status = LEDGER_MAX_RUNS;
    ledger->newest = LEDGER_MAX_RUNS;
    ledger->runs = calloc(LEDGER_MAX_RUNS, sizeof *ledger->runs);
    ledger->told = calloc(LEDGER_MAX_GAPS, sizeof *ledger->told);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        ledger->waiting[kind] =
            calloc(LEDGER_MAX_WAITING, sizeof **ledger->waiting);
        if (!ledger->waiting[kind]) {
            ledger_free(ledger);
            return NULL;
        }
    }
    if (!ledger->runs || !ledger->told) {
        ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void
ledger_free(struct ledger *ledger)
{
    if (!ledger) {
        return;
    }
    for (size_t i = 0; i < ledger->n_runs; i++) {
        range_set_done(&ledger->runs[i].sequences);
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            range_set_done(&ledger->runs[i].serials[kind]);
        }
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        free(ledger->waiting[kind]);
    }
    range_set_done(&ledger->gap_names);
    free(ledger->runs);
    free(ledger->told);
    free(ledger);
}

void
ledger_set_options(struct ledger *ledger, const struct ledger_options *options)
{
    ledger->options = *options;
}

void
ledger_set_stream(struct ledger *ledger, enum event_kind kind,
                  const struct ledger_stream *stream)
{
    ledger->streams[kind] = *stream;
}

void
ledger_add(struct ledger *ledger, const struct ledger_entry *entry)
{
    struct ledger_tally *tally = &ledger->tally[entry->kind];
    struct ledger_run *run;
    enum range_added added;

    if (!is_sound(entry)) {
        ledger_add_foreign(ledger, entry->kind);
        return;
    }
    tally->entries++;
    tally->deprived += entry->is_deprived;
    run = find_run(ledger, entry->name.epoch);
    if (!run) {
        tally->untracked++;
        return;
    }
    added = add_numbers(ledger, run, entry);
    if (added == RANGE_NEW) {
        ledger->newest = (size_t)(run - ledger->runs);
        if (entry->kind == EVENT_STATUS) {
            ledger->last_status = ledger->newest;
        }
    }
    note_added(ledger, entry, added);
}

void
ledger_add_gap(struct ledger *ledger, const struct ledger_entry *entry,
               const struct ledger_gap *gap)
{
    enum range_added added;

    if (!is_sound(entry) || !entry->serial) {
        ledger_add_foreign(ledger, entry->kind);
        return;
    }
    ledger->tally[entry->kind].entries++;
    added = range_set_add(&ledger->gap_names, entry->name.sequence, entry->id,
                          &ledger->budget);
    if (added == RANGE_NEW || added == RANGE_LATE) {
        added = place_gap(ledger, entry);
    }
    note_added(ledger, entry, added);
    if (gap && added != RANGE_REFUSED && added != RANGE_AGAIN) {
        add_told(ledger, ledger->last_status, gap);
    }
}

void
ledger_add_foreign(struct ledger *ledger, enum event_kind kind)
{
    ledger->tally[kind].entries++;
    ledger->tally[kind].foreign++;
}

void
ledger_add_new_gap(struct ledger *ledger, const struct ledger_gap *gap)
{
    add_told(ledger, LEDGER_MAX_RUNS, gap);
}

void
ledger_add_end(struct ledger *ledger, uint32_t epoch)
{
    struct ledger_run *run = find_run(ledger, epoch);

    if (run) {
        run->has_end = true;
    }
}

void
ledger_set_counters(struct ledger *ledger, uint32_t epoch, enum event_kind kind,
                    const struct ledger_counters *counters)
{
    struct ledger_run *run = find_run(ledger, epoch);

    if (run) {
        run->counters[kind] = *counters;
    }
}

void
ledger_set_spool(struct ledger *ledger, enum event_kind kind,
                 const struct ledger_spool *spool)
{
    ledger->spool[kind] = *spool;
}

void
ledger_add_waiting(struct ledger *ledger, enum event_kind kind, uint64_t serial)
{
    struct ledger_waiting *list = ledger->waiting[kind];
    size_t n = ledger->n_waiting[kind];

    if (n > 0 && serial > list[n - 1].last && serial - list[n - 1].last == 1) {
        list[n - 1].last = serial;
    } else if (n < LEDGER_MAX_WAITING) {
        list[n] = (struct ledger_waiting){serial, serial};
        ledger->n_waiting[kind]++;
    } else {
        ledger->untracked++;
    }
}

bool
event_name_parse(const char *text, size_t size, const char *sensor,
                 struct event_name *name)
{
    size_t length = strlen(sensor);
    const char *tail = text + length;
    uint64_t epoch;

    if (size != length + NAME_TAIL || memcmp(text, sensor, length) != 0 ||
        tail[0] != '-' || tail[EPOCH_DIGITS + 1] != '-' ||
        !hex(tail + 1, EPOCH_DIGITS, &epoch) ||
        !hex(tail + EPOCH_DIGITS + 2, SEQUENCE_DIGITS, &name->sequence)) {
        return false;
    }
    name->epoch = (uint32_t)epoch;
    return true;
}

static bool
is_sound(const struct ledger_entry *entry)
{
    return entry->serial <= LEDGER_MAX_NUMBER && entry->name.sequence > 0 &&
           entry->name.sequence <= LEDGER_MAX_NUMBER;
}

static void
note_added(struct ledger *ledger, const struct ledger_entry *entry,
           enum range_added added)
{
    struct ledger_tally *tally = &ledger->tally[entry->kind];

    switch (added) {
    case RANGE_REFUSED: tally->untracked++; break;
    case RANGE_AGAIN: note_doubled(ledger, entry); break;
    case RANGE_LATE: tally->late += entry->serial > 0; break;
    case RANGE_NEW:
    default: break;
    }
}

/* Among the status events of the run that it stands in.  If it has a serial
 * that those have passed, serials have begun anew: then it is of the run whose
 * entries of other kinds came last, or before all entries of the next one. */
static enum range_added
place_gap(struct ledger *ledger, const struct ledger_entry *entry)
{
    struct ledger_run *run;

    if (is_passed(ledger, ledger->last_status, entry->serial)) {
        ledger->last_status = ledger->newest;
        if (is_passed(ledger, ledger->newest, entry->serial)) {
            ledger->last_status = ledger->n_runs;
        }
    }
    if (ledger->last_status == ledger->n_runs) {
        run = begin_run(ledger, entry->name.epoch);
        if (!run) {
            ledger->last_status = LEDGER_MAX_RUNS;
            return RANGE_REFUSED;
        }
        run->is_of_gaps = true;
    }
    return range_set_add(
        &ledger->runs[ledger->last_status].serials[EVENT_STATUS], entry->serial,
        entry->id, &ledger->budget);
}

/* Or there is no such run. */
static bool
is_passed(const struct ledger *ledger, size_t run, uint64_t serial)
{
    return run >= ledger->n_runs ||
           range_set_last(&ledger->runs[run].serials[EVENT_STATUS]) >= serial;
}

/* NULL if there are too many. */
static struct ledger_run *
find_run(struct ledger *ledger, uint32_t epoch)
{
    if (ledger->n_runs && ledger->runs[ledger->last_run].epoch == epoch &&
        !ledger->runs[ledger->last_run].is_of_gaps) {
        return &ledger->runs[ledger->last_run];
    }
    for (size_t i = ledger->n_runs; i-- > 0;) {
        if (ledger->runs[i].epoch == epoch && !ledger->runs[i].is_of_gaps) {
            ledger->last_run = i;
            return &ledger->runs[i];
        }
    }
    return begin_run(ledger, epoch);
}

static struct ledger_run *
begin_run(struct ledger *ledger, uint32_t epoch)
{
    if (ledger->n_runs == LEDGER_MAX_RUNS) {
        return NULL;
    }
    ledger->last_run = ledger->n_runs++;
    ledger->runs[ledger->last_run].epoch = epoch;
    return &ledger->runs[ledger->last_run];
}

/* Doubled is what has a serial, or a name, of another entry. */
static enum range_added
add_numbers(struct ledger *ledger, struct ledger_run *run,
            const struct ledger_entry *entry)
{
    enum range_added by_name = range_set_add(
        &run->sequences, entry->name.sequence, entry->id, &ledger->budget);
    enum range_added by_serial;

    if (!entry->serial) {
        run->unserialed++;
        ledger->tally[entry->kind].unserialed++;
        return by_name;
    }
    by_serial = range_set_add(&run->serials[entry->kind], entry->serial,
                              entry->id, &ledger->budget);
    if (by_serial == RANGE_REFUSED || by_name == RANGE_REFUSED) {
        return RANGE_REFUSED;
    }
    return by_name == RANGE_AGAIN ? by_name : by_serial;
}

/* What is written again is so in its order: one finding a stretch. */
static void
note_doubled(struct ledger *ledger, const struct ledger_entry *entry)
{
    uint64_t number = entry->serial ? entry->serial : entry->name.sequence;
    struct ledger_finding *latest = ledger->latest_doubled[entry->kind];

    ledger->tally[entry->kind].doubled++;
    if (latest && latest->is_sequence == !entry->serial &&
        latest->epoch == entry->name.epoch && latest->last + 1 == number &&
        redis_id_compare(latest->before, entry->id) < 0) {
        latest->last = number;
        latest->before = entry->id;
        return;
    }
    if (ledger->n_doubled == LEDGER_MAX_FINDINGS) {
        ledger->latest_doubled[entry->kind] = NULL;
        ledger->doubled_left_out++;
        return;
    }
    latest = &ledger->doubled[ledger->n_doubled++];
    *latest = (struct ledger_finding){.what = LEDGER_DOUBLED,
                                      .kind = entry->kind,
                                      .is_sequence = !entry->serial,
                                      .epoch = entry->name.epoch,
                                      .first = number,
                                      .last = number,
                                      .after = entry->id,
                                      .before = entry->id};
    ledger->latest_doubled[entry->kind] = latest;
}

static void
add_told(struct ledger *ledger, size_t run, const struct ledger_gap *gap)
{
    if (ledger->n_told == LEDGER_MAX_GAPS) {
        ledger->untracked++;
        return;
    }
    ledger->told[ledger->n_told++] = (struct ledger_told){*gap, run};
}

static bool
hex(const char *text, size_t size, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

        if (!digit) {
            return false;
        }
        *number = *number << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

/* Seams, the spool, and the verdict; see ledger.h. */

#include "tools/reconcile/ledger_impl.h"

static struct redis_id edge_of(const struct ledger *, size_t begin, size_t end,
                               bool last);
static void widen(struct redis_id *edge, const struct range_set *, bool last);
static void doubt_missing(const struct ledger *, struct ledger_result *);

/* Behind a lineage that another one follows. */
void
ledger_judge_seam(struct ledger_judge *judge)
{
    const struct ledger *ledger = judge->ledger;
    struct ledger_result *result = judge->result;
    size_t last = judge->end - 1;

    while (last > judge->begin && ledger->runs[last].is_of_gaps) {
        last--;
    }
    result->seams++;
    if (ledger->runs[last].has_end) {
        return;
    }
    result->open_seams++;
    ledger_note(
        result,
        &(struct ledger_finding){
            .what = LEDGER_SEAM,
            .is_sequence = true,
            .epoch = ledger->runs[judge->end].epoch,
            .after = edge_of(ledger, judge->begin, judge->end, true),
            .before = edge_of(ledger, judge->end, judge->end + 1, false),
            .why = "the run before did not tell its end"});
}

/* A spool that has given fewer serials than there are is not the one that they
 * came from. */
void
ledger_judge_spool(struct ledger_judge *judge)
{
    const struct ledger *ledger = judge->ledger;
    struct ledger_result *result = judge->result;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (ledger->spool[kind].is_there && !ledger->options.is_cut &&
            ledger->spool[kind].last_given < result->kinds[kind].last_serial) {
            result->seams++;
            result->open_seams++;
            ledger_note(result,
                        &(struct ledger_finding){
                            .what = LEDGER_SEAM,
                            .kind = (enum event_kind)kind,
                            .first = ledger->spool[kind].last_given,
                            .last = result->kinds[kind].last_serial,
                            .why = "the spool is not that of these entries"});
            return;
        }
    }
}

void
ledger_conclude(const struct ledger *ledger, struct ledger_result *result)
{
    bool is_bad, is_open;
    bool is_empty = true;

    doubt_missing(ledger, result);
    is_bad = result->missing > 0;
    is_open = result->unknown || result->open_seams || result->unaccounted ||
              ledger->untracked;
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_tally *tally = &result->kinds[kind];

        is_bad |= tally->missing || tally->doubled || tally->deprived;
        is_open |= tally->unknown || tally->untracked;
        is_empty &= tally->entries == tally->foreign;
    }
    result->verdict = is_bad                ? LEDGER_INCOMPLETE
                      : is_open || is_empty ? LEDGER_UNPROVEN
                                            : LEDGER_COMPLETE;
}

/* The least id of some runs' entries, or the greatest one. */
static struct redis_id
edge_of(const struct ledger *ledger, size_t begin, size_t end, bool last)
{
    struct redis_id edge = {0, 0};

    for (size_t i = begin; i < end; i++) {
        widen(&edge, &ledger->runs[i].sequences, last);
    }
    return edge;
}

static void
widen(struct redis_id *edge, const struct range_set *set, bool last)
{
    for (size_t i = 0; i < set->n; i++) {
        struct redis_id id =
            last ? set->list[i].last_id : set->list[i].first_id;
        int order = redis_id_compare(id, *edge);

        if (redis_id_is_none(*edge) || (last ? order > 0 : order < 0)) {
            *edge = id;
        }
    }
}

/* What seems to be missing may be among what there was no room for. */
static void
doubt_missing(const struct ledger *ledger, struct ledger_result *result)
{
    bool is_doubtful = ledger->untracked > 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        is_doubtful |= result->kinds[kind].untracked > 0;
    }
    if (!is_doubtful) {
        return;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        result->kinds[kind].unknown += result->kinds[kind].missing;
        result->kinds[kind].missing = 0;
    }
    result->unknown += result->missing;
    result->missing = 0;
    for (size_t i = 0; i < result->n_findings; i++) {
        if (result->findings[i].what == LEDGER_MISSING) {
            result->findings[i].what = LEDGER_UNKNOWN;
            result->findings[i].why = "there are more than are kept apart";
        }
    }
}

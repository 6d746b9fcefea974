/* Sequence numbers of runs; see ledger.h.
 *
 * They count events of all kinds, so a number that is in no stream says nothing
 * of the kind it had.  It could have been trimmed from any stream that was, or
 * be on its way, or belong to a kind that is not in Redis at all: only where
 * none of this can be is it missing. */

#include "tools/reconcile/ledger_impl.h"

/* Numbers of one run that are in no stream, one after the other. */
struct name_hole {
    uint64_t n, first;
    struct redis_id after, before;
    uint32_t epoch;
};

static void each_hole(struct ledger_judge *, size_t run,
                      void (*take)(struct ledger_judge *,
                                   const struct name_hole *, uint64_t *total),
                      uint64_t *total);
static void count_hole(struct ledger_judge *, const struct name_hole *,
                       uint64_t *total);
static void judge_hole(struct ledger_judge *, const struct name_hole *,
                       uint64_t *counted);
static uint64_t take_trimmed(struct ledger_judge *, const struct name_hole *,
                             uint64_t n);
static const char *why_unknown(const struct ledger_judge *,
                               const struct name_hole *);
static bool may_be_trimmed(const struct ledger *, const struct name_hole *);
static bool may_be_on_its_way(const struct ledger *, const struct name_hole *);
static bool is_whole(const struct ledger *);
static uint64_t counted_of(const struct ledger_run *);

void
ledger_judge_names(struct ledger_judge *judge, uint64_t n_holes,
                   uint64_t n_told)
{
    uint64_t total = 0;
    uint64_t n_counted = 0;

    for (size_t i = judge->begin; i < judge->end; i++) {
        const struct ledger_run *run = &judge->ledger->runs[i];
        uint64_t counted = counted_of(run);

        if (run->unserialed) {
            each_hole(judge, i, judge_hole, &counted);
        } else {
            each_hole(judge, i, count_hole, &total);
            n_counted += counted;
        }
    }
    n_holes += n_counted > n_told ? n_counted - n_told : 0;
    if (total > n_holes && is_whole(judge->ledger)) {
        judge->result->unaccounted += total - n_holes;
    }
}

static void
each_hole(struct ledger_judge *judge, size_t run,
          void (*take)(struct ledger_judge *, const struct name_hole *,
                       uint64_t *total),
          uint64_t *total)
{
    const struct range_set *set = &judge->ledger->runs[run].sequences;
    bool has_head = !(judge->ledger->options.is_part && run == 0);
    struct name_hole hole = {.first = 1,
                             .epoch = judge->ledger->runs[run].epoch};

    for (size_t i = 0; i < set->n; i++) {
        hole.n = set->list[i].first - hole.first;
        hole.before = set->list[i].first_id;
        if (hole.n > 0 && (i > 0 || has_head)) {
            take(judge, &hole, total);
        }
        hole.first = set->list[i].last + 1;
        hole.after = set->list[i].last_id;
    }
}

static void
count_hole(struct ledger_judge *judge, const struct name_hole *hole,
           uint64_t *total)
{
    if (!may_be_trimmed(judge->ledger, hole) &&
        !may_be_on_its_way(judge->ledger, hole)) {
        *total += hole->n;
    }
}

static void
judge_hole(struct ledger_judge *judge, const struct name_hole *hole,
           uint64_t *counted)
{
    struct ledger_result *result = judge->result;
    uint64_t n_trimmed = take_trimmed(judge, hole, hole->n);
    uint64_t n = hole->n - n_trimmed;
    uint64_t n_counted = n < *counted ? n : *counted;
    const char *why = why_unknown(judge, hole);

    result->trimmed += n_trimmed;
    result->counted += n_counted;
    *counted -= n_counted;
    n -= n_counted;
    if (n == 0) {
        return;
    }
    if (why) {
        result->unknown += n;
    } else {
        result->missing += n;
    }
    ledger_note(result, &(struct ledger_finding){
                            .what = why ? LEDGER_UNKNOWN : LEDGER_MISSING,
                            .is_sequence = true,
                            .epoch = hole->epoch,
                            .first = hole->first + hole->n - n,
                            .last = hole->first + hole->n - 1,
                            .after = hole->after,
                            .before = hole->before,
                            .why = why});
}

static uint64_t
take_trimmed(struct ledger_judge *judge, const struct name_hole *hole,
             uint64_t n)
{
    const struct ledger *ledger = judge->ledger;
    uint64_t taken = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_stream *stream = &ledger->streams[kind];
        uint64_t *removed = &judge->removed[stream->shares];
        uint64_t some = n - taken < *removed ? n - taken : *removed;

        if (ledger_was_trimmed_meanwhile(ledger, (enum event_kind)kind,
                                         hole->after)) {
            return n;
        }
        if (stream->is_there &&
            redis_id_compare(hole->after, stream->first) < 0) {
            *removed -= some;
            taken += some;
        }
    }
    return taken;
}

static const char *
why_unknown(const struct ledger_judge *judge, const struct name_hole *hole)
{
    if (!is_whole(judge->ledger)) {
        return "not all kinds are in Redis";
    }
    if (may_be_on_its_way(judge->ledger, hole)) {
        return "it may be on its way";
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_stream *stream = &judge->ledger->streams[kind];

        if (!stream->is_counted &&
            redis_id_compare(hole->after, stream->first) < 0) {
            return "the server does not count what was trimmed";
        }
    }
    return NULL;
}

static bool
may_be_trimmed(const struct ledger *ledger, const struct name_hole *hole)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_stream *stream = &ledger->streams[kind];
        bool is_trimmed = stream->removed > 0 || !stream->is_counted;

        if ((is_trimmed && redis_id_compare(hole->after, stream->first) < 0) ||
            ledger_was_trimmed_meanwhile(ledger, (enum event_kind)kind,
                                         hole->after)) {
            return true;
        }
    }
    return false;
}

/* What a sensor that runs wrote last is there in one stream before another. */
static bool
may_be_on_its_way(const struct ledger *ledger, const struct name_hole *hole)
{
    for (unsigned kind = 0; ledger->options.is_alive && kind < EVENT_N_KINDS;
         kind++) {
        if (redis_id_compare(hole->before, ledger->streams[kind].last) > 0) {
            return true;
        }
    }
    return false;
}

/* Whether every kind is in a stream that was read. */
static bool
is_whole(const struct ledger *ledger)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (!ledger->streams[kind].is_there || !ledger->streams[kind].is_read) {
            return false;
        }
    }
    return true;
}

/* Events that had a name and were dropped. */
static uint64_t
counted_of(const struct ledger_run *run)
{
    uint64_t n = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct ledger_counters *counters = &run->counters[kind];

        if (counters->dropped > counters->refused) {
            n += counters->dropped - counters->refused;
        }
    }
    return n;
}

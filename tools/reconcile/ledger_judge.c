/* What follows from the books; see ledger.h.
 *
 * Runs are joined to lineages first, over all kinds: one kind whose serials
 * begin anew is enough to know that the spool is another one, also for kinds
 * where they do not show it.  Then every hole of a lineage is cut at what was
 * told and at what waits, and what is left of it is judged by where it is. */

#include "tools/reconcile/ledger_impl.h"

#include <stdlib.h>
#include <string.h>

/* Serials that are accounted for: LEDGER_N_REASONS if they wait. */
struct cover {
    uint64_t first, last;
    unsigned reason;
};

struct hole {
    uint64_t first, last;
    struct redis_id after, before; /* Entries around; 0-0 if none. */
    bool is_head;                  /* Of the first lineage. */
};

/* Of one kind in one lineage. */
struct lane {
    struct ledger_judge *judge;
    enum event_kind kind;
    struct ledger_tally *tally;
    struct cover *covers; /* By 'first'. */
    size_t n_covers, at;
    uint64_t n_holes;
    struct hole hole; /* That may begin behind what was passed last. */
    bool is_begun;    /* Something was, or it begins with serial 1. */
};

static bool follows(const struct ledger *, size_t begin, size_t run);
static uint64_t last_serial(const struct ledger *, size_t begin, size_t end,
                            unsigned kind);
static bool has_serials(const struct ledger_run *);
static void judge_lineage(struct ledger_judge *);
static uint64_t told_of(const struct ledger_result *);
static uint64_t judge_lane(struct ledger_judge *, enum event_kind);
static bool find_covers(struct lane *);
static int compare_covers(const void *, const void *);
static void judge_ranges(struct lane *);
static void pass_range(struct lane *, const struct range *);
static uint64_t end_of(const struct lane *, uint64_t last);
static void judge_hole(struct lane *, const struct hole *);
static void judge_piece(struct lane *, struct hole *piece);
static const struct cover *cover_at(struct lane *, uint64_t serial);
static void take_cover(struct lane *, const struct cover *, uint64_t n);
static void settle(struct lane *, struct hole);
static bool is_lost(const struct lane *, const struct hole *);
static uint64_t take_trimmed(struct lane *, const struct hole *);
static const char *why_unknown(const struct lane *, const struct hole *);
static void note_hole(struct lane *, const struct hole *, enum ledger_class,
                      const char *why);

void
ledger_judge(const struct ledger *ledger, struct ledger_result *result)
{
    struct ledger_judge judge = {.ledger = ledger, .result = result};

    memset(result, 0, sizeof *result);
    memcpy(result->kinds, ledger->tally, sizeof result->kinds);
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        judge.removed[kind] = ledger->streams[kind].removed;
    }
    do {
        judge.is_first = judge.end == 0;
        judge.begin = judge.end;
        while (judge.end < ledger->n_runs &&
               (judge.end == judge.begin ||
                follows(ledger, judge.begin, judge.end))) {
            judge.end++;
        }
        judge.is_last = judge.end == ledger->n_runs;
        judge_lineage(&judge);
    } while (!judge.is_last);
    for (size_t i = 0; i < ledger->n_doubled; i++) {
        ledger_note(result, &ledger->doubled[i]);
    }
    result->findings_left_out += ledger->doubled_left_out;
    ledger_conclude(ledger, result);
}

void
ledger_note(struct ledger_result *result, const struct ledger_finding *finding)
{
    if (result->n_findings < LEDGER_MAX_FINDINGS) {
        result->findings[result->n_findings++] = *finding;
    } else {
        result->findings_left_out++;
    }
}

bool
ledger_was_trimmed_meanwhile(const struct ledger *ledger, enum event_kind kind,
                             struct redis_id after)
{
    const struct ledger_stream *stream = &ledger->streams[kind];

    return redis_id_compare(stream->first_after, stream->first) > 0 &&
           redis_id_compare(after, stream->first_after) < 0;
}

/* Whether serials of a run go on from those of all runs from 'begin' on. */
static bool
follows(const struct ledger *ledger, size_t begin, size_t run)
{
    const struct ledger_run *next = &ledger->runs[run];

    if (!has_serials(next) || !has_serials(&ledger->runs[begin])) {
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        const struct range_set *set = &next->serials[kind];

        if (set->n &&
            range_set_first(set) <= last_serial(ledger, begin, run, kind)) {
            return false;
        }
    }
    return true;
}

static uint64_t
last_serial(const struct ledger *ledger, size_t begin, size_t end,
            unsigned kind)
{
    uint64_t last = 0;

    for (size_t i = begin; i < end; i++) {
        uint64_t other = range_set_last(&ledger->runs[i].serials[kind]);

        last = other > last ? other : last;
    }
    return last;
}

static bool
has_serials(const struct ledger_run *run)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (run->serials[kind].n) {
            return true;
        }
    }
    return false;
}

static void
judge_lineage(struct ledger_judge *judge)
{
    struct ledger_result *result = judge->result;
    uint64_t n_holes = 0;
    uint64_t n_told = told_of(result);

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        n_holes += judge_lane(judge, (enum event_kind)kind);
    }
    ledger_judge_names(judge, n_holes, told_of(result) - n_told);
    for (size_t i = judge->begin; i < judge->end; i++) {
        const struct ledger_run *run = &judge->ledger->runs[i];

        result->n_runs += !run->is_of_gaps;
        result->n_unended +=
            !run->is_of_gaps && !run->has_end && i + 1 < judge->ledger->n_runs;
        for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
            result->dropped[kind] += run->counters[kind].dropped;
            result->refused[kind] += run->counters[kind].refused;
        }
    }
    result->n_lineages += judge->begin < judge->end;
    if (!judge->is_last) {
        ledger_judge_seam(judge);
    } else {
        ledger_judge_spool(judge);
    }
}

/* So far. */
static uint64_t
told_of(const struct ledger_result *result)
{
    uint64_t n = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        for (unsigned reason = 0; reason < LEDGER_N_REASONS; reason++) {
            n += result->kinds[kind].told[reason];
        }
    }
    return n;
}

/* Returns how many serials are not in the stream. */
static uint64_t
judge_lane(struct ledger_judge *judge, enum event_kind kind)
{
    struct lane lane = {
        .judge = judge, .kind = kind, .tally = &judge->result->kinds[kind]};

    if (!judge->ledger->streams[kind].is_read) {
        return 0;
    }
    if (!find_covers(&lane)) {
        lane.tally->untracked++;
        return 0;
    }
    judge_ranges(&lane);
    free(lane.covers);
    return lane.n_holes;
}

/* False if memory is out. */
static bool
find_covers(struct lane *lane)
{
    const struct ledger_judge *judge = lane->judge;
    const struct ledger *ledger = judge->ledger;
    size_t n_waiting = judge->is_last ? ledger->n_waiting[lane->kind] : 0;

    lane->covers = calloc(ledger->n_told + n_waiting + 1, sizeof(struct cover));
    if (!lane->covers) {
        return false;
    }
    for (size_t i = 0; i < ledger->n_told; i++) {
        const struct ledger_told *told = &ledger->told[i];
        bool is_here =
            told->run == LEDGER_MAX_RUNS
                ? judge->is_last
                : told->run >= judge->begin && told->run < judge->end;

        if (is_here && told->gap.kind == lane->kind && told->gap.first &&
            told->gap.last >= told->gap.first) {
            lane->covers[lane->n_covers++] = (struct cover){
                told->gap.first, told->gap.last, told->gap.reason};
        }
    }
    for (size_t i = 0; i < n_waiting; i++) {
        lane->covers[lane->n_covers++] = (struct cover){
            ledger->waiting[lane->kind][i].first,
            ledger->waiting[lane->kind][i].last, LEDGER_N_REASONS};
    }
    qsort(lane->covers, lane->n_covers, sizeof *lane->covers, compare_covers);
    return true;
}

static int
compare_covers(const void *a, const void *b)
{
    const struct cover *left = a;
    const struct cover *right = b;

    return left->first < right->first ? -1 : left->first > right->first;
}

static void
judge_ranges(struct lane *lane)
{
    const struct ledger_judge *judge = lane->judge;
    const struct ledger *ledger = judge->ledger;

    lane->is_begun = !(judge->is_first && ledger->options.is_part);
    lane->hole = (struct hole){.first = 1, .is_head = judge->is_first};
    lane->tally->first_serial = 0;
    lane->tally->last_serial = 0;
    for (size_t i = judge->begin; i < judge->end; i++) {
        const struct range_set *set = &ledger->runs[i].serials[lane->kind];

        for (size_t j = 0; j < set->n; j++) {
            pass_range(lane, &set->list[j]);
        }
    }
    lane->hole.last = end_of(lane, lane->tally->last_serial);
    if (lane->is_begun && !ledger->options.is_cut) {
        judge_hole(lane, &lane->hole);
    }
}

/* What is before it is a hole, and behind it another one begins. */
static void
pass_range(struct lane *lane, const struct range *range)
{
    lane->hole.last = range->first - 1;
    lane->hole.before = range->first_id;
    if (lane->is_begun) {
        judge_hole(lane, &lane->hole);
    }
    if (!lane->tally->first_serial) {
        lane->tally->first_serial = range->first;
    }
    lane->tally->last_serial = range->last;
    lane->is_begun = true;
    lane->hole =
        (struct hole){.first = range->last + 1, .after = range->last_id};
}

/* The last serial that is known of. */
static uint64_t
end_of(const struct lane *lane, uint64_t last)
{
    const struct ledger_judge *judge = lane->judge;
    const struct ledger_spool *spool = &judge->ledger->spool[lane->kind];

    for (size_t i = 0; i < lane->n_covers; i++) {
        if (lane->covers[i].last > last &&
            lane->covers[i].last <= LEDGER_MAX_NUMBER) {
            last = lane->covers[i].last;
        }
    }
    if (judge->is_last && spool->is_there && spool->last_serial > last) {
        last = spool->last_serial;
    }
    return last;
}

/* Which may be empty. */
static void
judge_hole(struct lane *lane, const struct hole *hole)
{
    struct hole rest = *hole;

    while (rest.first <= rest.last) {
        struct hole piece = rest;

        judge_piece(lane, &piece);
        lane->n_holes += piece.last - piece.first + 1;
        rest.first = piece.last + 1;
    }
}

/* As much of it from its first serial on as is all the same. */
static void
judge_piece(struct lane *lane, struct hole *piece)
{
    const struct cover *cover = cover_at(lane, piece->first);

    if (!cover || cover->first > piece->last) {
        settle(lane, *piece);
    } else if (cover->first > piece->first) {
        piece->last = cover->first - 1;
        settle(lane, *piece);
    } else {
        piece->last = cover->last < piece->last ? cover->last : piece->last;
        take_cover(lane, cover, piece->last - piece->first + 1);
    }
}

/* The first that does not end before a serial; NULL if there is none.  Serials
 * are asked for in order. */
static const struct cover *
cover_at(struct lane *lane, uint64_t serial)
{
    while (lane->at < lane->n_covers && lane->covers[lane->at].last < serial) {
        lane->at++;
    }
    return lane->at < lane->n_covers ? &lane->covers[lane->at] : NULL;
}

static void
take_cover(struct lane *lane, const struct cover *cover, uint64_t n)
{
    if (cover->reason == LEDGER_N_REASONS) {
        lane->tally->waiting += n;
    } else {
        lane->tally->told[cover->reason] += n;
    }
}

/* A hole that nothing was told of. */
static void
settle(struct lane *lane, struct hole hole)
{
    const struct ledger_spool *spool = &lane->judge->ledger->spool[lane->kind];
    uint64_t n_trimmed = take_trimmed(lane, &hole);
    const char *why;

    lane->tally->trimmed += n_trimmed;
    hole.first += n_trimmed;
    if (hole.first > hole.last) {
        return;
    }
    if (is_lost(lane, &hole)) {
        lane->tally->told[SPOOL_LOST] += hole.last - hole.first + 1;
        note_hole(lane, &hole, LEDGER_TOLD, "told as lost, without serials");
        return;
    }
    if (redis_id_is_none(hole.before) && hole.last > spool->last_found &&
        spool->is_there && lane->judge->is_last) {
        struct hole rest = hole;

        rest.first =
            hole.first > spool->last_found ? hole.first : spool->last_found + 1;
        lane->tally->unknown += rest.last - rest.first + 1;
        note_hole(lane, &rest, LEDGER_UNKNOWN, "not in the spool's files");
        hole.last = rest.first - 1;
        if (hole.first > hole.last) {
            return;
        }
    }
    why = why_unknown(lane, &hole);
    if (why) {
        lane->tally->unknown += hole.last - hole.first + 1;
    } else {
        lane->tally->missing += hole.last - hole.first + 1;
    }
    note_hole(lane, &hole, why ? LEDGER_UNKNOWN : LEDGER_MISSING, why);
}

/* A gap record without serials is about what is between two ids. */
static bool
is_lost(const struct lane *lane, const struct hole *hole)
{
    const struct ledger *ledger = lane->judge->ledger;

    for (size_t i = 0; i < ledger->n_told; i++) {
        const struct ledger_gap *gap = &ledger->told[i].gap;
        bool is_below = redis_id_is_none(hole->before) ||
                        redis_id_compare(gap->after, hole->before) < 0;

        if (!gap->first && gap->kind == lane->kind && is_below &&
            redis_id_compare(gap->before, hole->after) > 0) {
            return true;
        }
    }
    return false;
}

/* How many of the hole's serials, from its first on, the stream had and has no
 * more. */
static uint64_t
take_trimmed(struct lane *lane, const struct hole *hole)
{
    const struct ledger *ledger = lane->judge->ledger;
    const struct ledger_stream *stream = &ledger->streams[lane->kind];
    uint64_t *removed = &lane->judge->removed[stream->shares];
    uint64_t n = hole->last - hole->first + 1;

    if (ledger_was_trimmed_meanwhile(ledger, lane->kind, hole->after)) {
        return n;
    }
    if (!hole->is_head) {
        return 0;
    }
    n = n < *removed ? n : *removed;
    *removed -= n;
    return n;
}

/* NULL: it is missing. */
static const char *
why_unknown(const struct lane *lane, const struct hole *hole)
{
    const struct ledger *ledger = lane->judge->ledger;
    const struct ledger_stream *stream = &ledger->streams[lane->kind];
    const struct ledger_stream *status = &ledger->streams[EVENT_STATUS];
    bool is_cut = status->removed > 0 || !status->is_counted;

    if (hole->is_head && stream->is_there && !stream->is_counted) {
        return "the server does not count what was trimmed";
    }
    /* A gap is told after what comes behind it was spooled. */
    if (status->is_there && is_cut && !redis_id_is_none(hole->before) &&
        redis_id_compare(status->first_after, hole->before) > 0) {
        return "the status that would tell it was trimmed";
    }
    return NULL;
}

static void
note_hole(struct lane *lane, const struct hole *hole, enum ledger_class what,
          const char *why)
{
    ledger_note(lane->judge->result,
                &(struct ledger_finding){.what = what,
                                         .kind = lane->kind,
                                         .first = hole->first,
                                         .last = hole->last,
                                         .after = hole->after,
                                         .before = hole->before,
                                         .why = why});
}

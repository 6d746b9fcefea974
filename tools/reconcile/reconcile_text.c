/* A sensor's report, for people; see reconcile.h.  Nothing is told that is not
 * there: a line a kind, then what has to be said. */

#include "tools/reconcile/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SERIALS_SIZE = 48,
    ERROR_SIZE = 800
};

static void show_kind(const struct reconcile_report *, enum event_kind);
static const char *serials_of(const struct ledger_tally *,
                              char text[SERIALS_SIZE]);
static void show_notes(const struct reconcile_report *, enum event_kind);
static void note(const struct reconcile_report *, const char *kind, uint64_t n,
                 const char *one, const char *many);
static const char *either(uint64_t n, const char *one, const char *many);
static void show_names(const struct reconcile_report *);
static void show_losses(const struct reconcile_report *);
static void show_finding(const struct reconcile_report *,
                         const struct ledger_finding *);
static void show_ids(const struct ledger_finding *);
static void show_copied(const struct copy_check *, const struct copy_finding *);
static void show_left_out(const char *where, uint64_t n);

void
reconcile_text_head(void)
{
    printf("%-16s %-9s %10s %-21s %8s %8s %8s %8s %8s %8s\n", "sensor", "kind",
           "entries", "serials", "missing", "doubled", "unknown", "told",
           "trimmed", "waiting");
}

void
reconcile_text(const struct reconcile_report *report)
{
    const struct ledger_result *result = &report->result;
    char text[ERROR_SIZE];
    size_t i = 0;

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (report->kinds & 1U << kind) {
            show_kind(report, (enum event_kind)kind);
        }
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (report->kinds & 1U << kind) {
            show_notes(report, (enum event_kind)kind);
        }
    }
    show_names(report);
    show_losses(report);
    for (; i < result->n_findings && i < RECONCILE_MAX_SHOWN; i++) {
        show_finding(report, &result->findings[i]);
    }
    show_left_out(report->sensor,
                  result->n_findings - i + result->findings_left_out);
    if (report->error.code != ERROR_NONE) {
        error_format(&report->error, text, sizeof text);
        printf("  %s: %s\n", report->sensor, text);
    }
    printf("%s: %s\n", report->sensor, reconcile_verdict_name(result->verdict));
}

void
reconcile_text_copy(const struct copy_check *check,
                    const struct copy_result *result)
{
    size_t i = 0;

    printf("files: %" PRIu64 " %s; of %" PRIu64 " %s in streams %" PRIu64
           " %s missing, %" PRIu64 " %s to be forwarded\n",
           result->lines, either(result->lines, "line", "lines"),
           result->events, either(result->events, "event", "events"),
           result->missing, either(result->missing, "is", "are"),
           result->waiting, either(result->waiting, "waits", "wait"));
    for (size_t j = 0; j < 4; j++) {
        const struct {
            uint64_t n;
            const char *one, *many;
        } notes[] = {
            {result->doubled, "line is there again", "lines are there again"},
            {result->only_here, "event is in no stream",
             "events are in no stream"},
            {result->others, "event is of another sensor",
             "events are of other sensors"},
            {result->no_events, "line is no event", "lines are no events"}};

        if (notes[j].n) {
            printf("  files: %" PRIu64 " %s\n", notes[j].n,
                   either(notes[j].n, notes[j].one, notes[j].many));
        }
    }
    for (; i < result->n_findings && i < RECONCILE_MAX_SHOWN; i++) {
        show_copied(check, &result->findings[i]);
    }
    show_left_out("files", result->n_findings - i + result->findings_left_out);
}

static void
show_kind(const struct reconcile_report *report, enum event_kind kind)
{
    const struct ledger_tally *tally = &report->result.kinds[kind];
    char serials[SERIALS_SIZE];

    printf("%-16s %-9s %10" PRIu64 " %-21s %8" PRIu64 " %8" PRIu64 " %8" PRIu64
           " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
           report->sensor, event_kind_name(kind), tally->entries,
           serials_of(tally, serials), tally->missing, tally->doubled,
           tally->unknown, reconcile_told(tally), tally->trimmed,
           tally->waiting);
}

static const char *
serials_of(const struct ledger_tally *tally, char text[SERIALS_SIZE])
{
    snprintf(text, SERIALS_SIZE, "-");
    if (tally->first_serial) {
        snprintf(text, SERIALS_SIZE, "%" PRIu64 "..%" PRIu64,
                 tally->first_serial, tally->last_serial);
    }
    return text;
}

static void
show_notes(const struct reconcile_report *report, enum event_kind kind)
{
    const struct ledger_tally *tally = &report->result.kinds[kind];
    const char *name = event_kind_name(kind);

    note(report, name, tally->deprived, "entry does not hold its event",
         "entries do not hold their event");
    note(report, name, tally->foreign, "entry is not this sensor's",
         "entries are not this sensor's");
    note(report, name, tally->unserialed,
         "entry has no serial: judged by event.id",
         "entries have no serial: judged by event.id");
    note(report, name, tally->late, "entry is not in order",
         "entries are not in order");
    note(report, name, tally->untracked, "entry was too many to keep apart",
         "entries were too many to keep apart");
    for (unsigned reason = 0; reason < LEDGER_N_REASONS; reason++) {
        char what[SERIALS_SIZE];

        snprintf(what, sizeof what, "told as lost: %s",
                 reconcile_reason_name(reason));
        note(report, name, tally->told[reason], what, what);
    }
}

static void
note(const struct reconcile_report *report, const char *kind, uint64_t n,
     const char *one, const char *many)
{
    if (n) {
        printf("  %s%s%s: %" PRIu64 " %s\n", report->sensor, kind[0] ? " " : "",
               kind, n, either(n, one, many));
    }
}

static const char *
either(uint64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

static void
show_names(const struct reconcile_report *report)
{
    const struct ledger_result *result = &report->result;

    note(report, "", result->missing, "event without a serial is missing",
         "events without serials are missing");
    note(report, "", result->unknown, "event without a serial may be missing",
         "events without serials may be missing");
    note(report, "", result->trimmed, "event without a serial was trimmed",
         "events without serials were trimmed");
    note(report, "", result->counted,
         "event without a serial was dropped and counted",
         "events without serials were dropped and counted");
    note(report, "", result->unaccounted,
         "event was numbered and is in no stream, and not counted either",
         "events were numbered and are in no stream, and not counted either");
    note(report, "", result->n_unended, "run did not tell its end",
         "runs did not tell their end");
    note(report, "", result->seams - result->open_seams,
         "time the serials began anew, after a run that told its end",
         "times the serials began anew, after a run that told its end");
}

/* What never got to where it is given a serial. */
static void
show_losses(const struct reconcile_report *report)
{
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        uint64_t refused = report->result.refused[kind];
        uint64_t dropped = report->result.dropped[kind];
        const char *name = event_kind_name((enum event_kind)kind);

        note(report, name, refused, "event was counted as lost in a full queue",
             "events were counted as lost in full queues");
        note(report, name, dropped > refused ? dropped - refused : 0,
             "event was counted as dropped, those told included",
             "events were counted as dropped, those told included");
    }
}

static void
show_finding(const struct reconcile_report *report,
             const struct ledger_finding *finding)
{
    static const char *const whats[] = {[LEDGER_MISSING] = "missing",
                                        [LEDGER_DOUBLED] = "doubled",
                                        [LEDGER_UNKNOWN] = "unknown",
                                        [LEDGER_TOLD] = "told",
                                        [LEDGER_SEAM] = "seam"};
    const char *kind = finding->is_sequence && finding->what != LEDGER_DOUBLED
                           ? ""
                           : event_kind_name(finding->kind);

    printf("  %s%s%s: %s", report->sensor, kind[0] ? " " : "", kind,
           whats[finding->what]);
    if (finding->is_sequence && finding->what != LEDGER_SEAM) {
        printf(" event %s-%08" PRIx32 "-%014" PRIx64, report->sensor,
               finding->epoch, finding->first);
    } else if (finding->first) {
        printf(" %" PRIu64, finding->first);
    }
    if (finding->last != finding->first) {
        printf("%s%" PRIu64 " (%" PRIu64 ")",
               finding->is_sequence ? " and on to " : "..", finding->last,
               finding->last - finding->first + 1);
    }
    show_ids(finding);
    printf("%s%s\n", finding->why ? ": " : "",
           finding->why ? finding->why : "");
}

static void
show_ids(const struct ledger_finding *finding)
{
    char after[STREAM_PAGES_ID_SIZE], before[STREAM_PAGES_ID_SIZE];
    bool has_after = finding->after.ms || finding->after.seq;
    bool has_before = finding->before.ms || finding->before.seq;

    redis_id_format(finding->after, after);
    redis_id_format(finding->before, before);
    if (finding->what == LEDGER_DOUBLED && finding->first == finding->last) {
        printf(", entry %s", after);
    } else if (finding->what == LEDGER_DOUBLED) {
        printf(", entries %s to %s", after, before);
    } else if (has_after && has_before) {
        printf(", between %s and %s", after, before);
    } else if (has_after) {
        printf(", behind %s", after);
    } else if (has_before) {
        printf(", before %s", before);
    }
}

static void
show_copied(const struct copy_check *check, const struct copy_finding *finding)
{
    const char *sensor = copy_check_sensor(check, finding->sensor);

    printf("  files: %s %s %s-%08" PRIx32 "-%014" PRIx64,
           finding->is_doubled ? "doubled" : "missing",
           event_kind_name(finding->kind), sensor, finding->first.epoch,
           finding->first.sequence);
    if (finding->n > 1) {
        printf(" to %s-%08" PRIx32 "-%014" PRIx64 " (%" PRIu64 ")", sensor,
               finding->first.epoch, finding->last, finding->n);
    }
    puts("");
}

static void
show_left_out(const char *where, uint64_t n)
{
    if (n) {
        printf("  %s: and %" PRIu64 " more %s\n", where, n,
               either(n, "place", "places"));
    }
}

/* A sensor's report, for programs; see reconcile.h. */

#include "tools/reconcile/reconcile.h"

#include <string.h>

enum {
    ERROR_SIZE = 800
};

static void write_kind(struct json *, const struct ledger_result *,
                       enum event_kind);
static void write_names(struct json *, const struct ledger_result *);
static void write_findings(struct json *, const struct ledger_result *);
static void write_finding(struct json *, const struct ledger_finding *);
static void write_id(struct json *, const char *key, struct redis_id);

void
reconcile_json(const struct reconcile_report *report, struct json *json)
{
    const struct ledger_result *result = &report->result;
    char text[ERROR_SIZE];

    json_reset(json, false);
    json_open(json, NULL, '{');
    json_plain(json, "sensor", report->sensor);
    json_plain(json, "verdict", reconcile_verdict_name(result->verdict));
    json_bool(json, "alive", report->is_alive);
    if (report->error.code != ERROR_NONE) {
        error_format(&report->error, text, sizeof text);
        json_cstring(json, "error", text);
    }
    json_open(json, "kinds", '{');
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (report->kinds & 1U << kind) {
            write_kind(json, result, (enum event_kind)kind);
        }
    }
    json_close(json, '}');
    write_names(json, result);
    json_u64(json, "runs", result->n_runs);
    json_u64(json, "unended", result->n_unended);
    json_u64(json, "lineages", result->n_lineages);
    json_u64(json, "seams", result->seams);
    json_u64(json, "open_seams", result->open_seams);
    write_findings(json, result);
    json_close(json, '}');
}

void
reconcile_json_copy(const struct copy_check *check,
                    const struct copy_result *result, struct json *json)
{
    json_reset(json, false);
    json_open(json, NULL, '{');
    json_u64(json, "lines", result->lines);
    json_u64(json, "events", result->events);
    json_u64(json, "missing", result->missing);
    json_u64(json, "doubled", result->doubled);
    json_u64(json, "waiting", result->waiting);
    json_u64(json, "only_here", result->only_here);
    json_u64(json, "others", result->others);
    json_u64(json, "no_events", result->no_events);
    json_open(json, "findings", '[');
    for (size_t i = 0; i < result->n_findings; i++) {
        const struct copy_finding *finding = &result->findings[i];

        json_open(json, NULL, '{');
        json_plain(json, "what", finding->is_doubled ? "doubled" : "missing");
        json_plain(json, "kind", event_kind_name(finding->kind));
        json_plain(json, "sensor", copy_check_sensor(check, finding->sensor));
        json_u64(json, "epoch", finding->first.epoch);
        json_u64(json, "first", finding->first.sequence);
        json_u64(json, "last", finding->last);
        json_u64(json, "events", finding->n);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_u64(json, "findings_left_out", result->findings_left_out);
    json_close(json, '}');
}

static void
write_kind(struct json *json, const struct ledger_result *result,
           enum event_kind kind)
{
    const struct ledger_tally *tally = &result->kinds[kind];

    json_key(json, event_kind_name(kind));
    json->comma = false;
    json_open(json, NULL, '{');
    json_u64(json, "entries", tally->entries);
    json_u64(json, "first_serial", tally->first_serial);
    json_u64(json, "last_serial", tally->last_serial);
    json_u64(json, "missing", tally->missing);
    json_u64(json, "doubled", tally->doubled);
    json_u64(json, "unknown", tally->unknown);
    json_u64(json, "trimmed", tally->trimmed);
    json_u64(json, "waiting", tally->waiting);
    json_u64(json, "foreign", tally->foreign);
    json_u64(json, "deprived", tally->deprived);
    json_u64(json, "unserialed", tally->unserialed);
    json_u64(json, "late", tally->late);
    json_u64(json, "untracked", tally->untracked);
    json_open(json, "told", '{');
    for (unsigned reason = 0; reason < LEDGER_N_REASONS; reason++) {
        if (tally->told[reason]) {
            json_u64(json, reconcile_reason_name(reason), tally->told[reason]);
        }
    }
    json_close(json, '}');
    json_u64(json, "counted_refused", result->refused[kind]);
    json_u64(json, "counted_dropped", result->dropped[kind]);
    json_close(json, '}');
}

static void
write_names(struct json *json, const struct ledger_result *result)
{
    json_open(json, "without_serials", '{');
    json_u64(json, "missing", result->missing);
    json_u64(json, "unknown", result->unknown);
    json_u64(json, "trimmed", result->trimmed);
    json_u64(json, "counted", result->counted);
    json_close(json, '}');
    json_u64(json, "unaccounted", result->unaccounted);
}

static void
write_findings(struct json *json, const struct ledger_result *result)
{
    json_open(json, "findings", '[');
    for (size_t i = 0; i < result->n_findings; i++) {
        write_finding(json, &result->findings[i]);
    }
    json_close(json, ']');
    json_u64(json, "findings_left_out", result->findings_left_out);
}

static void
write_finding(struct json *json, const struct ledger_finding *finding)
{
    static const char *const whats[] = {[LEDGER_MISSING] = "missing",
                                        [LEDGER_DOUBLED] = "doubled",
                                        [LEDGER_UNKNOWN] = "unknown",
                                        [LEDGER_TOLD] = "told",
                                        [LEDGER_SEAM] = "seam"};
    bool is_doubled = finding->what == LEDGER_DOUBLED;
    bool has_kind = !finding->is_sequence || is_doubled;

    json_open(json, NULL, '{');
    json_plain(json, "what", whats[finding->what]);
    if (has_kind) {
        json_plain(json, "kind", event_kind_name(finding->kind));
    }
    if (finding->is_sequence) {
        json_u64(json, "epoch", finding->epoch);
    }
    if (finding->first) {
        json_plain(json, "numbers",
                   finding->is_sequence ? "sequence" : "serial");
        json_u64(json, "first", finding->first);
        json_u64(json, "last", finding->last);
    }
    write_id(json, is_doubled ? "entry" : "after", finding->after);
    if (!is_doubled || finding->first != finding->last) {
        write_id(json, is_doubled ? "last_entry" : "before", finding->before);
    }
    if (finding->why) {
        json_plain(json, "why", finding->why);
    }
    json_close(json, '}');
}

static void
write_id(struct json *json, const char *key, struct redis_id id)
{
    char text[STREAM_PAGES_ID_SIZE];

    if (id.ms || id.seq) {
        json_plain(json, key, redis_id_format(id, text));
    }
}

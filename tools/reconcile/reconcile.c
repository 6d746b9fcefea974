/* See reconcile.h. */

#include "tools/reconcile/reconcile.h"

#include <poll.h>
#include <string.h>

static void look_again(struct sensor_read *, struct ledger *,
                       const struct stream_server *, struct reconcile_report *);

bool
reconcile_sensor(const char *sensor, const struct sensor_read_options *options,
                 struct stream_server *server, struct reconcile_report *report)
{
    struct sensor_read *read = sensor_read_new(sensor, options, server);
    struct ledger *ledger = ledger_new();
    bool good = read && ledger;

    report->sensor = sensor;
    report->kinds = options->kinds;
    report->error.code = ERROR_NONE;
    if (good) {
        bool is_whole = sensor_read_all(read, ledger, &report->error);

        report->is_alive = sensor_read_is_alive(read);
        ledger_judge(ledger, &report->result);
        if (is_whole) {
            look_again(read, ledger, server, report);
        }
        if (report->error.code != ERROR_NONE) {
            report->result.verdict =
                reconcile_worse(report->result.verdict, LEDGER_UNPROVEN);
        }
    }
    sensor_read_free(read);
    ledger_free(ledger);
    return good;
}

/* The record of a gap may be on its way: behind what made us look for it, or in
 * the spool. */
static void
look_again(struct sensor_read *read, struct ledger *ledger,
           const struct stream_server *server, struct reconcile_report *report)
{
    unsigned looks = report->is_alive ? RECONCILE_LOOKS : 1;

    for (unsigned i = 0; i < looks && !*server->stop &&
                         report->result.verdict == LEDGER_INCOMPLETE;
         i++) {
        if (i > 0) {
            poll(NULL, 0, RECONCILE_PAUSE_MS); /* A signal ends it early. */
        }
        if (!sensor_read_again(read, ledger, &report->error)) {
            return;
        }
        ledger_judge(ledger, &report->result);
    }
}

enum ledger_verdict
reconcile_worse(enum ledger_verdict a, enum ledger_verdict b)
{
    if (a == LEDGER_INCOMPLETE || b == LEDGER_INCOMPLETE) {
        return LEDGER_INCOMPLETE;
    }
    return a == LEDGER_UNPROVEN ? a : b;
}

const char *
reconcile_verdict_name(enum ledger_verdict verdict)
{
    switch (verdict) {
    case LEDGER_COMPLETE: return "complete";
    case LEDGER_INCOMPLETE: return "incomplete";
    case LEDGER_UNPROVEN:
    default: return "unproven";
    }
}

const char *
reconcile_reason_name(unsigned reason)
{
    return reason < SPOOL_N_REASONS
               ? spool_reason_name((enum spool_reason)reason)
               : "other";
}

uint64_t
reconcile_told(const struct ledger_tally *tally)
{
    uint64_t n = 0;

    for (unsigned reason = 0; reason < LEDGER_N_REASONS; reason++) {
        n += tally->told[reason];
    }
    return n;
}

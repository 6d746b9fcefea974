/* Says of a sensor whether everything it wrote is in Redis, once.
 *
 *   event_read, stream_entry   what an entry says of itself
 *   stream_pages               entries of a stream, in pages
 *   sensor_read                a sensor's streams and spool, into a ledger
 *   range_set, ledger          the books, and what follows from them
 *   key_sort, copy_check       what a file has of it that events went on to
 *   stream_group               how far the readers are
 *   reconcile_text, _json      how it is told
 *
 * Belongs to one thread.  Memory: one ledger, answers of the server's. */

#ifndef TOOLS_RECONCILE_RECONCILE_H
#define TOOLS_RECONCILE_RECONCILE_H

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/reconcile/copy_check.h"
#include "tools/reconcile/ledger.h"
#include "tools/reconcile/sensor_read.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RECONCILE_LOOKS = 4,      /* At a sensor that runs, for gap records, */
    RECONCILE_PAUSE_MS = 700, /* with pauses between them. */
    RECONCILE_MAX_SHOWN = 20, /* Findings of a sensor, to people. */
    RECONCILE_MAX_JSON = 1 << 20
};

struct reconcile_report {
    const char *sensor;
    unsigned kinds; /* That were judged. */
    bool is_alive;
    struct error error; /* ERROR_NONE: all was read. */
    struct ledger_result result;
};

/* Reads and judges.  What could not be read is in the report's error, and makes
 * the verdict LEDGER_UNPROVEN unless something is missing all the same.  False
 * if memory is out. */
bool reconcile_sensor(const char *sensor, const struct sensor_read_options *,
                      struct stream_server *, struct reconcile_report *);

/* Two verdicts as one: what is worse. */
enum ledger_verdict reconcile_worse(enum ledger_verdict, enum ledger_verdict);

const char *reconcile_verdict_name(enum ledger_verdict);
const char *reconcile_reason_name(unsigned reason);
uint64_t reconcile_told(const struct ledger_tally *);

/* A table on standard output; the head once. */
void reconcile_text_head(void);
void reconcile_text(const struct reconcile_report *);

/* What files have of the streams. */
void reconcile_text_copy(const struct copy_check *, const struct copy_result *);
void reconcile_json_copy(const struct copy_check *, const struct copy_result *,
                         struct json *);

/* One object on one line. */
void reconcile_json(const struct reconcile_report *, struct json *);

#endif

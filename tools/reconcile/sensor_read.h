/* Reads the streams of one sensor into a ledger.
 *
 * A sensor that runs writes meanwhile.  So first it is asked, in one
 * transaction, where all streams begin and end; what came later is not looked
 * at, what the server trims while we read is told from what was not there, and
 * what waits is looked up in the spool before: it can only have moved to the
 * streams since.  A gap's record may come later than what is behind the gap, so
 * where something is missing the status is read on, sensor_read_again().
 *
 * The streams are read side by side in the order of ids, which is that of
 * sequence numbers.  Memory: an answer of the server's for each of them, and
 * the ledger.  Belongs to one thread. */

#ifndef TOOLS_RECONCILE_SENSOR_READ_H
#define TOOLS_RECONCILE_SENSOR_READ_H

#include "tools/reconcile/ledger.h"
#include "tools/reconcile/stream_pages.h"
#include "tools/redis/redis_id.h"

#include <stdbool.h>

struct error;

struct sensor_read_options {
    const char *key;   /* As redis_template.h has it. */
    const char *field; /* That holds the event. */
    unsigned kinds;    /* To be judged: bit 1 << enum event_kind. */
    bool has_from, has_to;
    struct redis_id from, to; /* Both included. */
    const char *spool;        /* As spool_look_find(); NULL: not known. */
    /* Sees every entry of these kinds that is the sensor's, and says whether to
     * go on; NULL: nobody does. */
    bool (*see)(void *context, const struct event_name *, enum event_kind,
                struct redis_id, struct error *);
    void *context;
};

struct sensor_read; /* Opaque. */

/* Everything is borrowed until sensor_read_free(). */
struct sensor_read *sensor_read_new(const char *sensor,
                                    const struct sensor_read_options *,
                                    struct stream_server *);
void sensor_read_free(struct sensor_read *); /* Accepts NULL. */

/* False if it could not be read to its end; what was is in the ledger. */
bool sensor_read_all(struct sensor_read *, struct ledger *, struct error *);

/* Looks for gap records that came since. */
bool sensor_read_again(struct sensor_read *, struct ledger *, struct error *);

/* Whether the sensor runs now. */
bool sensor_read_is_alive(const struct sensor_read *);

#endif

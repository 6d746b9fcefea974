/* The books about the streams of one sensor: what is in them, what was told as
 * lost, what waits, and what follows from all that.
 *
 * Two numbers identify an event.  The serial counts the records of one kind in
 * the sensor's spool: 1, 2, 3, without a gap, over restarts as long as the
 * spool lives.  The name, "SENSOR-EPOCH-SEQUENCE" of event.id, counts the
 * events of one run, of all kinds together.  Entries that were written before
 * there were serials have only the name.
 *
 *   run      what has one epoch.  Gap records are of no run: the output tells
 *            them, with serials like those of status events, and ids of its
 * own. lineage  runs that shared a spool, so that serials go on from each to
 * the next.  Serials that begin anew begin another one; what the last run of a
 * lineage had still to say at such a seam is known only if it told that it
 * ended. hole     serials of a lineage that are not in the stream.  Each one is
 *            told (by a gap record), trimmed (from the stream's beginning),
 *            waiting (in the spool), unknown (what would tell is gone), or
 *            missing.
 *
 * Where there are no serials, holes in the sequence of a run are judged the
 * same way.  Where there are, they are compared: a sequence number that is
 * neither in a stream nor a serial's hole, nor counted, is unknown.
 *
 * Pure bookkeeping: no Redis, no files, no clock.  Entries may come in any
 * order, but memory is bounded by LEDGER_MAX_* (some 16 MiB), not by how many
 * there are, because in the order of their ids they are few ranges.  What does
 * not fit the bounds is counted as untracked, and then nothing is proven.
 * Belongs to one thread. */

#ifndef TOOLS_RECONCILE_LEDGER_H
#define TOOLS_RECONCILE_LEDGER_H

#include "tools/event/event.h"
#include "tools/reconcile/range_set.h"
#include "tools/spool/spool_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_MAX_RUNS = 4096,
    LEDGER_MAX_RANGES = 1 << 17, /* Of all runs. */
    LEDGER_MAX_GAPS = 1 << 15,
    LEDGER_MAX_WAITING = 1 << 15, /* Ranges. */
    LEDGER_MAX_FINDINGS = 1000,   /* More are counted. */
    LEDGER_OTHER_REASON = SPOOL_N_REASONS,
    LEDGER_N_REASONS
};

/* A serial or sequence number above it is nobody's. */
#define LEDGER_MAX_NUMBER (UINT64_C(1) << 62)

struct event_name {
    uint32_t epoch;
    uint64_t sequence;
};

struct ledger_entry {
    enum event_kind kind;
    struct redis_id id;
    struct event_name name;
    uint64_t serial;  /* 0: it has none. */
    bool is_deprived; /* It does not hold its event. */
};

/* What a gap record tells.  Without serials (0) it is about all ids between
 * 'after' and 'before'. */
struct ledger_gap {
    enum event_kind kind;
    unsigned reason; /* enum spool_reason, or LEDGER_OTHER_REASON. */
    uint64_t first, last;
    struct redis_id after, before;
};

/* Of the stream with entries of a kind, as it was before it was read.  Kinds
 * may share one: then 'shares' is the lowest of them. */
struct ledger_stream {
    bool is_read;    /* It was looked at; else only gaps are known. */
    bool is_there;   /* It exists. */
    bool is_counted; /* The server knows how many were removed. */
    uint64_t removed;
    enum event_kind shares;
    struct redis_id first, last; /* Ids of what was in it. */
    /* Its first entry after it was read: what is before was trimmed while we
     * read, or is 'first'. */
    struct redis_id first_after;
};

struct ledger_spool {
    bool is_there;
    uint64_t last_serial; /* Given. */
    uint64_t last_found;  /* On disk: what is between was in memory. */
    uint64_t last_given;  /* After the streams were read. */
};

/* What a run counted at its output to Redis. */
struct ledger_counters {
    uint64_t dropped, refused;
};

enum ledger_class {
    LEDGER_MISSING,
    LEDGER_DOUBLED,
    LEDGER_UNKNOWN,
    LEDGER_TOLD,
    LEDGER_SEAM
};

struct ledger_finding {
    enum ledger_class what;
    enum event_kind kind;
    bool is_sequence;     /* The numbers are of events, not of serials: of any
                           * kind.  Also for a seam. */
    uint32_t epoch;       /* Of what is doubled, or is_sequence. */
    uint64_t first, last; /* Numbers. */
    struct redis_id after, before; /* Entries around; 0-0 if none.  Doubled:
                                    * the first and the last that are too many.
                                    */
    const char *why; /* A literal; NULL: there is nothing to add. */
};

struct ledger_tally {
    uint64_t entries; /* All, those that are not ours as well. */
    uint64_t foreign, deprived, unserialed, late, doubled;
    uint64_t untracked; /* For lack of room. */
    uint64_t missing, waiting, trimmed, unknown;
    uint64_t told[LEDGER_N_REASONS];
    uint64_t first_serial, last_serial; /* Of the last lineage; 0: none. */
};

enum ledger_verdict {
    LEDGER_COMPLETE,
    LEDGER_INCOMPLETE, /* Something is missing or doubled. */
    LEDGER_UNPROVEN    /* Neither can be said. */
};

struct ledger_result {
    enum ledger_verdict verdict;
    struct ledger_tally kinds[EVENT_N_KINDS];
    /* Events without serials, of all kinds. */
    uint64_t missing, trimmed, unknown, counted;
    uint64_t unaccounted; /* Sequence numbers of nothing we know of. */
    uint64_t n_runs, n_unended, n_lineages;
    uint64_t seams, open_seams;
    uint64_t dropped[EVENT_N_KINDS]; /* Counted by the sensor's runs, */
    uint64_t refused[EVENT_N_KINDS]; /* and of these, before the spool. */
    struct ledger_finding findings[LEDGER_MAX_FINDINGS];
    size_t n_findings;
    uint64_t findings_left_out;
};

struct ledger_options {
    bool is_part;  /* Not read from the beginning on, */
    bool is_cut;   /* not to the end. */
    bool is_alive; /* The sensor runs: what its last run said last may be on
                    * its way. */
};

struct ledger; /* Opaque. */

struct ledger *ledger_new(void);   /* NULL, if out of memory. */
void ledger_free(struct ledger *); /* Accepts NULL. */

void ledger_set_options(struct ledger *, const struct ledger_options *);
void ledger_set_stream(struct ledger *, enum event_kind,
                       const struct ledger_stream *);

void ledger_add(struct ledger *, const struct ledger_entry *);
void ledger_add_foreign(struct ledger *, enum event_kind);

/* A gap record, in an entry of the status stream; NULL: it cannot be read. */
void ledger_add_gap(struct ledger *, const struct ledger_entry *,
                    const struct ledger_gap *);

/* What status events tell; 'epoch' is of the event. */
void ledger_add_end(struct ledger *, uint32_t epoch);
void ledger_set_counters(struct ledger *, uint32_t epoch, enum event_kind,
                         const struct ledger_counters *);

/* What is in the spool, which is that of the last lineage. */
void ledger_set_spool(struct ledger *, enum event_kind,
                      const struct ledger_spool *);
void ledger_add_waiting(struct ledger *, enum event_kind, uint64_t serial);

/* A gap record that is in the spool, or came after all that was read. */
void ledger_add_new_gap(struct ledger *, const struct ledger_gap *);

/* May be called again after more was added. */
void ledger_judge(const struct ledger *, struct ledger_result *);

/* "SENSOR-EPOCH-SEQUENCE" of that very sensor; false if it is none. */
bool event_name_parse(const char *text, size_t size, const char *sensor,
                      struct event_name *);

#endif

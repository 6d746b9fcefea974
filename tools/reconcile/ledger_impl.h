/* The inside of the ledger: ledger.c keeps it, ledger_judge.c (serials),
 * ledger_names.c (sequence numbers) and ledger_verdict.c draw the conclusions.
 */

#ifndef TOOLS_RECONCILE_LEDGER_IMPL_H
#define TOOLS_RECONCILE_LEDGER_IMPL_H

#include "tools/reconcile/ledger.h"

struct ledger_run {
    uint32_t epoch;
    bool is_of_gaps; /* No run, but gap records before the first of one. */
    bool has_end;
    uint64_t unserialed;
    struct range_set serials[EVENT_N_KINDS];
    struct range_set sequences;
    struct ledger_counters counters[EVENT_N_KINDS];
};

/* A gap record, and the run it stands in; LEDGER_MAX_RUNS: the last. */
struct ledger_told {
    struct ledger_gap gap;
    size_t run;
};

struct ledger_waiting {
    uint64_t first, last;
};

struct ledger {
    struct ledger_options options;
    struct ledger_stream streams[EVENT_N_KINDS];
    struct ledger_spool spool[EVENT_N_KINDS];
    struct ledger_run *runs; /* In order of their first entries. */
    size_t n_runs;
    size_t last_run; /* Found last. */
    /* The runs of the last status and the last entry at all that were new;
     * LEDGER_MAX_RUNS: none. */
    size_t last_status, newest;
    struct range_set gap_names;
    struct range_budget budget;
    struct ledger_told *told;
    size_t n_told;
    struct ledger_waiting *waiting[EVENT_N_KINDS];
    size_t n_waiting[EVENT_N_KINDS];
    struct ledger_tally tally[EVENT_N_KINDS]; /* What is known at once. */
    uint64_t untracked;                       /* What is not of a kind. */
    struct ledger_finding doubled[LEDGER_MAX_FINDINGS];
    size_t n_doubled;
    /* Of each kind, that may still grow; NULL: none. */
    struct ledger_finding *latest_doubled[EVENT_N_KINDS];
    uint64_t doubled_left_out;
};

/* While it is judged. */
struct ledger_judge {
    const struct ledger *ledger;
    struct ledger_result *result;
    uint64_t removed[EVENT_N_KINDS]; /* Not yet accounted for, by 'shares'. */
    size_t begin, end;               /* The lineage: its runs. */
    bool is_first, is_last;          /* Of the lineages. */
};

void ledger_note(struct ledger_result *, const struct ledger_finding *);

/* Whether what is between two entries of a kind may have been trimmed while the
 * stream was read. */
bool ledger_was_trimmed_meanwhile(const struct ledger *, enum event_kind,
                                  struct redis_id after);

/* Judges sequence numbers of the lineage, whose serials were: 'n_holes' of them
 * are not in the streams, whatever became of them, and of these 'n_told' were
 * told. */
void ledger_judge_names(struct ledger_judge *, uint64_t n_holes,
                        uint64_t n_told);

/* Behind a lineage that another one follows, or that is the last. */
void ledger_judge_seam(struct ledger_judge *);
void ledger_judge_spool(struct ledger_judge *);

void ledger_conclude(const struct ledger *, struct ledger_result *);

static inline bool
redis_id_is_none(struct redis_id id)
{
    return id.ms == 0 && id.seq == 0;
}

#endif

/* What goes on between segments, as metrics; see metrics.h.
 *
 * There are as many series of a family as pairs.h counts apart, and one more
 * for all other pairs. */

#include "tools/metrics/metrics_impl.h"

/* X(name, member, type, help): of a pair, */
#define SINGLE_FAMILIES(X)                                                     \
    X("segmon_segment_flows_total", flows, METRICS_COUNTER,                    \
      "Flows opened from one segment to another")                              \
    X("segmon_segment_got_through", got_through, METRICS_GAUGE,                \
      "Of these, denied and established all the same")                         \
    X("segmon_segment_one_sided", one_sided, METRICS_GAUGE,                    \
      "Of these, answered by who was never seen")                              \
    X("segmon_segment_two_sided", two_sided, METRICS_GAUGE,                    \
      "Of these, both ends of which were seen")                                \
    X("segmon_segment_violations_total", violations, METRICS_COUNTER,          \
      "Violation events about them")

/* and of each of its ends. */
#define BOTH_FAMILIES(X)                                                       \
    X("segmon_segment_packets_total", packets, METRICS_COUNTER,                \
      "Packets sent by the end that opened the flow (src), or the other "      \
      "(dst)")                                                                 \
    X("segmon_segment_bytes_total", bytes, METRICS_COUNTER,                    \
      "Bytes of IP packets that they sent")                                    \
    X("segmon_segment_missed_bytes_total", missed_bytes, METRICS_COUNTER,      \
      "Bytes that they sent, as the other end acknowledged, and that were "    \
      "not "                                                                   \
      "captured")                                                              \
    X("segmon_segment_duplicates_total", duplicates, METRICS_COUNTER,          \
      "Copies of packets, which a span port makes that sees them twice")

typedef void write_counts(struct metrics_text *, const struct event_pair *,
                          const struct event_pair_counts *);

static void write_all(struct metrics_text *, const struct event_status *,
                      write_counts *);
static void write_verdicts(struct metrics_text *, const struct event_pair *,
                           const struct event_pair_counts *);
static void label_pair(struct metrics_text *, const struct event_pair *);

#define WRITE_SINGLE(NAME, member, TYPE, HELP)                                 \
    static void write_##member(struct metrics_text *text,                      \
                               const struct event_pair *pair,                  \
                               const struct event_pair_counts *counts)         \
    {                                                                          \
        label_pair(text, pair);                                                \
        metrics_value(text, counts->member);                                   \
    }
SINGLE_FAMILIES(WRITE_SINGLE)
#undef WRITE_SINGLE

#define WRITE_BOTH(NAME, member, TYPE, HELP)                                   \
    static void write_##member(struct metrics_text *text,                      \
                               const struct event_pair *pair,                  \
                               const struct event_pair_counts *counts)         \
    {                                                                          \
        for (unsigned i = 0; i < 2; i++) {                                     \
            label_pair(text, pair);                                            \
            metrics_label(text, "by", i == 0 ? "src" : "dst");                 \
            metrics_value(text, counts->member[i]);                            \
        }                                                                      \
    }
BOTH_FAMILIES(WRITE_BOTH)
#undef WRITE_BOTH

void
metrics_write_pairs(struct metrics_text *text,
                    const struct event_status *status)
{
    metrics_only(text, "segmon_segment_pairs", METRICS_GAUGE,
                 "Pairs of segments that are counted apart", status->n_pairs);
#define WRITE_FAMILY(NAME, member, TYPE, HELP)                                 \
    metrics_family(text, NAME, TYPE, HELP);                                    \
    write_all(text, status, write_##member);
    SINGLE_FAMILIES(WRITE_FAMILY)
    BOTH_FAMILIES(WRITE_FAMILY)
#undef WRITE_FAMILY
    metrics_family(text, "segmon_segment_verdicts", METRICS_GAUGE,
                   "Flows between two segments by what the policy says of them "
                   "now; only those that there are");
    write_all(text, status, write_verdicts);
}

static void
write_all(struct metrics_text *text, const struct event_status *status,
          write_counts *write)
{
    for (size_t i = 0; i < status->n_pairs; i++) {
        write(text, &status->pairs[i], &status->pairs[i].counts);
    }
    if (status->other_pairs) {
        write(text, NULL, status->other_pairs);
    }
}

static void
write_verdicts(struct metrics_text *text, const struct event_pair *pair,
               const struct event_pair_counts *counts)
{
    for (unsigned i = 0; i < EVENT_N_VERDICTS; i++) {
        if (counts->verdicts[i]) {
            label_pair(text, pair);
            metrics_label(text, "verdict",
                          event_verdict_name((enum decision)i));
            metrics_value(text, counts->verdicts[i]);
        }
    }
}

/* NULL stands for the others. */
static void
label_pair(struct metrics_text *text, const struct event_pair *pair)
{
    metrics_label(text, "src", pair ? pair->src : METRICS_OTHER);
    metrics_label(text, "dst", pair ? pair->dst : METRICS_OTHER);
}

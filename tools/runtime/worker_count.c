/* What flows are to the pair of segments they are between.
 *
 * A flow is counted when it is first judged, and moves when it is judged
 * otherwise, or found to be between other segments: so a matrix of the counts
 * shows what is going on, not what has ended.  What it sends counts as its
 * records tell it. */

#include "tools/runtime/worker_impl.h"

static void stand(struct worker *, const struct standing *, bool begins);
static struct event_pair_counts *find(struct worker *, const struct standing *);
static bool is_equal(const struct standing *, const struct standing *);
static void add_end(struct event_pair_counts *, unsigned end,
                    const struct flow_end_point *);
static bool is_two_sided(uint64_t src_packets, uint64_t dst_packets);

void
worker_standing(const struct tracked *tracked, struct standing *standing)
{
    *standing = (struct standing){
        .src = tracked->src_segment,
        .dst = tracked->dst_segment,
        .decision = tracked->decision,
        .generation = tracked->generation & UINT8_MAX,
        .is_counted = tracked->judged,
        .got_through = tracked->decision == DECISION_DENY &&
                       tracked->told_rank[VIEW_ENFORCED] >=
                           flow_outcome_rank(FLOW_OUTCOME_ESTABLISHED),
        .one_sided = tracked->one_sided,
    };
}

void
worker_count_change(struct worker *worker, const struct standing *before,
                    const struct tracked *tracked)
{
    struct standing now;

    worker_standing(tracked, &now);
    if (!is_equal(before, &now)) {
        if (before->is_counted) {
            stand(worker, before, false);
        }
        stand(worker, &now, true);
    }
}

void
worker_count_flip(struct worker *worker, const struct tracked *tracked)
{
    struct standing standing;

    worker_standing(tracked, &standing);
    if (standing.is_counted) {
        segment_id swapped = standing.src;

        stand(worker, &standing, false);
        standing.src = standing.dst;
        standing.dst = swapped;
        stand(worker, &standing, true);
    }
}

void
worker_count_record(struct worker *worker, const struct flow_record *record,
                    const struct tracked *tracked)
{
    const struct flow_end_point *src = &record->source;
    const struct flow_end_point *dst = &record->destination;
    struct event_pair_counts *counts;
    struct standing standing;

    worker_standing(tracked, &standing);
    counts = find(worker, &standing);
    add_end(counts, 0, src);
    add_end(counts, 1, dst);
    counts->two_sided += is_two_sided(src->packets, dst->packets) &&
                         !is_two_sided(src->packets - src->delta_packets,
                                       dst->packets - dst->delta_packets);
}

static void
stand(struct worker *worker, const struct standing *standing, bool begins)
{
    struct event_pair_counts *counts = find(worker, standing);
    uint64_t one = begins ? 1 : UINT64_MAX; /* Unsigned numbers wrap. */

    counts->flows += one;
    counts->verdicts[standing->decision] += one;
    counts->got_through += standing->got_through ? one : 0;
    counts->one_sided += standing->one_sided ? one : 0;
}

/* Flows not judged since the policy changed are in terms of the one before. */
static struct event_pair_counts *
find(struct worker *worker, const struct standing *standing)
{
    struct pairs *pairs = &worker->pairs;

    if (standing->generation == worker->generation) {
        return pairs_at(pairs, standing->src, standing->dst);
    }
    return pairs_at(pairs,
                    pairs_segment(pairs, worker->previous, standing->src),
                    pairs_segment(pairs, worker->previous, standing->dst));
}

static bool
is_equal(const struct standing *a, const struct standing *b)
{
    return a->is_counted == b->is_counted && a->src == b->src &&
           a->dst == b->dst && a->decision == b->decision &&
           a->generation == b->generation && a->got_through == b->got_through &&
           a->one_sided == b->one_sided;
}

static void
add_end(struct event_pair_counts *counts, unsigned end,
        const struct flow_end_point *point)
{
    counts->packets[end] += point->delta_packets;
    counts->bytes[end] += point->delta_bytes;
    counts->missed_bytes[end] += point->delta_missed_bytes;
    counts->duplicates[end] += point->delta_duplicates;
}

static bool
is_two_sided(uint64_t src_packets, uint64_t dst_packets)
{
    return src_packets > 0 && dst_packets > 0;
}

/* Intervals out of counters and states; see blindness.h.
 *
 * An interval begins when the look before it was, for that is since when it may
 * have been so.  What comes in bursts, as losses do, is one interval until it
 * has been quiet for a while; it ended when it was last so. */

#include "tools/runtime/blindness.h"

#include "capture/error.h"

#include <stdio.h>
#include <string.h>

/* What an interval is of: an interface, a pair, or neither. */
struct scope {
    enum event_blindness_cause cause;
    const char *interface, *src, *dst; /* NULL. */
};

static void look_at_clock(struct blindness *, const struct clock_change *,
                          struct wall_time now);
static void look_at_interface(struct blindness *,
                              const struct event_interface *,
                              struct wall_time now);
static void look_at_losses(struct blindness *, const struct blindness_view *);
static void look_at_loss(struct blindness *, const struct scope *,
                         uint64_t received, uint64_t lost,
                         struct wall_time now);
static struct blindness_counts counts_of(const struct event_interface *);
static uint16_t look_at_pair(struct blindness *, const struct pair *,
                             struct wall_time now);
static bool look_at_part(struct blindness *, const struct pair *,
                         enum event_blindness_cause, uint64_t lost,
                         struct wall_time now);
static uint64_t new_gaps(const struct event_pair_counts *is,
                         const struct event_pair_counts *was);
static uint64_t new_one_sided(const struct event_pair_counts *is,
                              const struct event_pair_counts *was);
static void blind(struct blindness *, const struct scope *,
                  enum event_visibility, uint64_t lost, struct wall_time since,
                  struct wall_time now);
static void sighted(struct blindness *, const struct scope *,
                    struct wall_time when);
static bool is_dark(const struct blindness *);
static struct blindness_interval *find(struct blindness *,
                                       const struct scope *);
static struct blindness_interval *add(struct blindness *, const struct scope *);
static bool make_room(struct blindness *, const struct scope *);
static void drop(struct blindness *, size_t i);
static bool is_of(const struct event_blindness *, const struct scope *);
static bool is_same(const char *, const char *);
static void end(struct blindness *, struct blindness_interval *,
                struct wall_time when);
static void note(struct blindness *, const struct event_blindness *);

bool
blindness_init(struct blindness *blindness, const struct policy *policy,
               struct error *error)
{
    memset(blindness, 0, sizeof *blindness);
    return pairs_init(&blindness->pairs, policy, error);
}

void
blindness_done(struct blindness *blindness)
{
    pairs_done(&blindness->pairs);
}

int64_t
blindness_look(struct blindness *blindness, const struct blindness_view *view)
{
    const struct wall_time now = view->now.wall;
    const struct clock_change change =
        clock_watch_look(&blindness->clock, &view->now);
    const struct scope emergency = {.cause = EVENT_BLINDNESS_EMERGENCY};

    if (!blindness->looked.ns) {
        blindness->looked = blindness->period = blindness->began = now;
    }
    blindness->n_interfaces = view->n_interfaces;
    look_at_clock(blindness, &change, now);
    for (size_t i = 0; i < view->n_interfaces; i++) {
        look_at_interface(blindness, &view->interfaces[i], now);
    }
    if (view->flows->emergency) {
        blind(blindness, &emergency, EVENT_VISIBILITY_PARTIAL, 0, now, now);
    } else {
        sighted(blindness, &emergency, now);
    }
    blindness->since_look_ns += change.passed_ns;
    if (change.passed_ns >= BLINDNESS_LOOK_NS && !view->is_last) {
        blindness->since_look_ns = 0; /* Who counts was kept waiting, too. */
    } else if (blindness->since_look_ns >= BLINDNESS_LOOK_NS || view->is_last) {
        look_at_losses(blindness, view);
        blindness->since_look_ns = 0;
        blindness->looked = now;
    }
    return change.step_ns;
}

/* Both are over when they are noticed. */
static void
look_at_clock(struct blindness *blindness, const struct clock_change *change,
              struct wall_time now)
{
    const struct scope suspended = {.cause = EVENT_BLINDNESS_SUSPENDED};
    const struct scope step = {.cause = EVENT_BLINDNESS_CLOCK_STEP};
    struct wall_time since = {now.ns - change->passed_ns};

    if (change->passed_ns >= BLINDNESS_SUSPENDED_NS) {
        blind(blindness, &suspended, EVENT_VISIBILITY_PARTIAL, 0, since, now);
        sighted(blindness, &suspended, now);
    }
    if (change->step_ns) {
        struct wall_time before = {now.ns - change->step_ns};
        bool is_ahead = change->step_ns > 0;

        blindness->clock_steps++;
        blind(blindness, &step, EVENT_VISIBILITY_PARTIAL, 0,
              is_ahead ? before : now, now);
        sighted(blindness, &step, is_ahead ? now : before);
        blindness->looked.ns += change->step_ns;
        blindness->period.ns += change->step_ns;
        blindness->began.ns += change->step_ns;
    }
}

static void
look_at_interface(struct blindness *blindness,
                  const struct event_interface *interface, struct wall_time now)
{
    const struct scope scope = {.cause = EVENT_BLINDNESS_INTERFACE,
                                .interface = interface->name};

    if (interface->state == SOURCE_LIVE_CAPTURING) {
        sighted(blindness, &scope, now);
    } else {
        blind(blindness, &scope, EVENT_VISIBILITY_NONE, 0, now, now);
    }
}

static void
look_at_losses(struct blindness *blindness, const struct blindness_view *view)
{
    const struct scope outputs = {.cause = EVENT_BLINDNESS_OUTPUT_DROPS};
    struct wall_time now = view->now.wall;

    for (size_t i = 0; i < view->n_interfaces; i++) {
        const struct event_interface *interface = &view->interfaces[i];
        const struct blindness_counts before = blindness->interfaces[i];
        const struct blindness_counts counts = counts_of(interface);
        struct scope scope = {.cause = EVENT_BLINDNESS_KERNEL_DROPS,
                              .interface = interface->name};

        look_at_loss(blindness, &scope, counts.received - before.received,
                     counts.kernel_drops - before.kernel_drops, now);
        scope.cause = EVENT_BLINDNESS_DEVICE_DROPS;
        look_at_loss(blindness, &scope, counts.received - before.received,
                     counts.device_drops - before.device_drops, now);
        blindness->interfaces[i] = counts;
    }
    look_at_loss(blindness, &outputs, 0, view->dropped - blindness->dropped,
                 now);
    blindness->dropped = view->dropped;
}

static void
look_at_loss(struct blindness *blindness, const struct scope *scope,
             uint64_t received, uint64_t lost, struct wall_time now)
{
    struct blindness_interval *interval = find(blindness, scope);

    if (lost > 0 && lost >= (received + lost) / BLINDNESS_FRAMES_PER_LOSS) {
        blind(blindness, scope, EVENT_VISIBILITY_PARTIAL, lost,
              blindness->looked, now);
    } else if (interval && now.ns - interval->last.ns >= BLINDNESS_QUIET_NS) {
        end(blindness, interval, interval->last);
    } else if (interval) {
        interval->told.lost += lost;
    }
}

static struct blindness_counts
counts_of(const struct event_interface *interface)
{
    struct blindness_counts counts = {.device_drops = interface->missed};

    for (unsigned i = 0; i < interface->n_workers; i++) {
        counts.received += interface->workers[i].received;
        counts.kernel_drops +=
            interface->workers[i].kernel_drops + interface->workers[i].unread;
    }
    return counts;
}

void
blindness_look_at_pairs(struct blindness *blindness, const struct pairs *pairs,
                        struct wall_time now)
{
    if (blindness->pairs.policy != pairs->policy) {
        pairs_set_policy(&blindness->pairs, pairs->policy);
    }
    for (size_t i = 0; i < pairs->n; i++) {
        blindness->pair_causes[i] =
            look_at_pair(blindness, &pairs->list[i], now);
    }
    pairs_copy(&blindness->pairs, pairs);
    blindness->began = blindness->period;
    blindness->period = now;
}

/* The bits of what it is blind by. */
static uint16_t
look_at_pair(struct blindness *blindness, const struct pair *is,
             struct wall_time now)
{
    static const struct event_pair_counts nothing = {.flows = 0};
    size_t at = pairs_number(&blindness->pairs, is->src, is->dst);
    const struct event_pair_counts *was =
        at < blindness->pairs.n ? &blindness->pairs.list[at].counts : &nothing;
    uint16_t causes = 0;

    if (look_at_part(blindness, is, EVENT_BLINDNESS_GAPS,
                     new_gaps(&is->counts, was), now)) {
        causes |= 1U << EVENT_BLINDNESS_GAPS;
    }
    if (look_at_part(blindness, is, EVENT_BLINDNESS_ONE_SIDED,
                     new_one_sided(&is->counts, was), now)) {
        causes |= 1U << EVENT_BLINDNESS_ONE_SIDED;
    }
    return causes;
}

/* Whether so much lost is worth telling; it was since the last look. */
static bool
look_at_part(struct blindness *blindness, const struct pair *pair,
             enum event_blindness_cause cause, uint64_t lost,
             struct wall_time now)
{
    const struct policy *policy = blindness->pairs.policy;
    const struct scope scope = {.cause = cause,
                                .src = policy_segment(policy, pair->src)->name,
                                .dst = policy_segment(policy, pair->dst)->name};

    if (lost) {
        blind(blindness, &scope, EVENT_VISIBILITY_PARTIAL, lost,
              blindness->period, now);
    } else {
        sighted(blindness, &scope, blindness->period);
    }
    return lost > 0;
}

/* Bytes of TCP; 0 if they are few, or few of all. */
static uint64_t
new_gaps(const struct event_pair_counts *is,
         const struct event_pair_counts *was)
{
    uint64_t gaps = 0;
    uint64_t bytes = 0;

    for (unsigned end = 0; end < 2; end++) {
        gaps += is->missed_bytes[end] - was->missed_bytes[end];
        bytes += is->bytes[end] - was->bytes[end];
    }
    return gaps >= BLINDNESS_MIN_GAP_BYTES &&
                   gaps >= (gaps + bytes) / BLINDNESS_BYTES_PER_GAP
               ? gaps
               : 0;
}

/* Flows; 0 if they are few, or few of all.  What comes late takes back that one
 * was one-sided. */
static uint64_t
new_one_sided(const struct event_pair_counts *is,
              const struct event_pair_counts *was)
{
    uint64_t one_sided =
        is->one_sided > was->one_sided ? is->one_sided - was->one_sided : 0;
    uint64_t two_sided = is->two_sided - was->two_sided;

    return one_sided >= BLINDNESS_MIN_ONE_SIDED &&
                   one_sided >=
                       (one_sided + two_sided) / BLINDNESS_FLOWS_PER_ONE_SIDED
               ? one_sided
               : 0;
}

void
blindness_judge(const struct blindness *blindness, struct event_pair *pairs,
                size_t n_pairs)
{
    unsigned of_all = 0;
    bool dark = is_dark(blindness);

    for (size_t i = 0; i < blindness->n; i++) {
        if (!blindness->list[i].told.src) {
            of_all |= 1U << blindness->list[i].told.cause;
        }
    }
    for (size_t i = 0; i < n_pairs; i++) {
        size_t at = pairs_number(&blindness->pairs, pairs[i].src_segment,
                                 pairs[i].dst_segment);

        pairs[i].blind_by = of_all;
        if (at < blindness->pairs.n) {
            pairs[i].blind_by |= blindness->pair_causes[at];
        }
        pairs[i].visibility = dark                ? EVENT_VISIBILITY_NONE
                              : pairs[i].blind_by ? EVENT_VISIBILITY_PARTIAL
                                                  : EVENT_VISIBILITY_FULL;
    }
}

/* Whether nothing was to be seen on any interface, the whole time. */
static bool
is_dark(const struct blindness *blindness)
{
    size_t n_dark = 0;

    for (size_t i = 0; i < blindness->n; i++) {
        const struct event_blindness *told = &blindness->list[i].told;

        n_dark += told->cause == EVENT_BLINDNESS_INTERFACE && !told->end.ns &&
                  told->begin.ns <= blindness->began.ns;
    }
    return n_dark > 0 && n_dark == blindness->n_interfaces;
}

void
blindness_tell(const struct blindness *blindness, struct event_status *status,
               struct event_blindness list[BLINDNESS_MAX])
{
    for (size_t i = 0; i < blindness->n; i++) {
        list[i] = blindness->list[i].told;
    }
    status->blindness = list;
    status->n_blindness = blindness->n;
    status->blindness_left_out = blindness->left_out;
    status->clock_steps = blindness->clock_steps;
}

void
blindness_next_period(struct blindness *blindness)
{
    for (size_t i = blindness->n; i-- > 0;) {
        if (blindness->list[i].told.end.ns) {
            drop(blindness, i);
        }
    }
    blindness->left_out = 0;
}

/* It is so now; if that is new, then since 'since'. */
static void
blind(struct blindness *blindness, const struct scope *scope,
      enum event_visibility visibility, uint64_t lost, struct wall_time since,
      struct wall_time now)
{
    struct blindness_interval *interval = find(blindness, scope);

    if (!interval) {
        interval = add(blindness, scope);
        if (!interval) {
            return;
        }
        interval->told.begin = since;
        interval->told.visibility = visibility;
    }
    interval->told.lost += lost;
    interval->last = now;
}

/* It is so no more. */
static void
sighted(struct blindness *blindness, const struct scope *scope,
        struct wall_time when)
{
    struct blindness_interval *interval = find(blindness, scope);

    if (interval) {
        end(blindness, interval, when);
    }
}

static struct blindness_interval *
find(struct blindness *blindness, const struct scope *scope)
{
    for (size_t i = 0; i < blindness->n; i++) {
        struct blindness_interval *interval = &blindness->list[i];

        if (!interval->told.end.ns && is_of(&interval->told, scope)) {
            return interval;
        }
    }
    return NULL;
}

/* NULL if there is no room. */
static struct blindness_interval *
add(struct blindness *blindness, const struct scope *scope)
{
    struct blindness_interval *interval;

    if (!make_room(blindness, scope)) {
        blindness->left_out++;
        return NULL;
    }
    interval = &blindness->list[blindness->n];
    *interval = (struct blindness_interval){
        .told = {.cause = scope->cause, .interface = scope->interface}};
    if (scope->src) {
        snprintf(interval->src, sizeof interval->src, "%s", scope->src);
        snprintf(interval->dst, sizeof interval->dst, "%s", scope->dst);
        interval->told.src = interval->src;
        interval->told.dst = interval->dst;
    }
    blindness->n++;
    note(blindness, &interval->told);
    return interval;
}

/* What ended first was told when it did, so it may go. */
static bool
make_room(struct blindness *blindness, const struct scope *scope)
{
    size_t n_pairs = 0;
    size_t i = 0;

    for (size_t j = 0; j < blindness->n; j++) {
        n_pairs += blindness->list[j].told.src != NULL;
    }
    if (scope->src && n_pairs == BLINDNESS_MAX_PAIRS) {
        return false;
    }
    if (blindness->n < BLINDNESS_MAX) {
        return true;
    }
    while (i < blindness->n && !blindness->list[i].told.end.ns) {
        i++;
    }
    if (i == blindness->n) {
        return false;
    }
    drop(blindness, i);
    blindness->left_out++;
    return true;
}

static void
drop(struct blindness *blindness, size_t i)
{
    for (blindness->n--; i < blindness->n; i++) {
        struct blindness_interval *to = &blindness->list[i];

        *to = blindness->list[i + 1];
        if (to->told.src) {
            to->told.src = to->src;
            to->told.dst = to->dst;
        }
    }
}

static bool
is_of(const struct event_blindness *told, const struct scope *scope)
{
    return told->cause == scope->cause &&
           is_same(told->interface, scope->interface) &&
           is_same(told->src, scope->src) && is_same(told->dst, scope->dst);
}

static bool
is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
end(struct blindness *blindness, struct blindness_interval *interval,
    struct wall_time when)
{
    interval->told.end = when;
    note(blindness, &interval->told);
}

/* For people: what changed last. */
static void
note(struct blindness *blindness, const struct event_blindness *told)
{
    const char *of = told->interface ? told->interface
                     : told->src     ? told->src
                                     : "the sensor";

    blindness->changes++;
    blindness->ended = told->end.ns != 0;
    snprintf(blindness->note, sizeof blindness->note, "%.64s%s%s: %s %s", of,
             told->src ? " -> " : "", told->src ? told->dst : "",
             blindness->ended ? "no longer blind by" : "blind by",
             event_blindness_cause_name(told->cause));
}

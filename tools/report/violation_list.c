/* Sorted arrays that are made unique whenever they are full: no structure but
 * qsort(), and room for what differs only.  See violation_list.h. */

#include "tools/report/violation_list.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROWS = 256
};

static void add(struct violation_list *, struct violation_rows *,
                const struct violation_row *);
static bool make_room(struct violation_list *, struct violation_rows *);
static void pack(struct violation_rows *);
static void add_rows(struct violation_list *, struct violation_rows *,
                     const struct violation_rows *other);
static struct violation_row *find(const struct violation_rows *,
                                  const struct violation_row *key);
static struct violation_row *find_told(const struct violation_rows *,
                                       const struct violation_row *flow);
static int compare_rows(const void *, const void *);
static int compare_numbers(uint64_t, uint64_t);
static bool is_worse(enum flow_outcome, enum flow_outcome than);

void
violation_list_init(struct violation_list *list)
{
    *list = (struct violation_list){.told = {.max = VIOLATION_LIST_MAX},
                                    .flows = {.max = VIOLATION_LIST_MAX_FLOWS}};
}

void
violation_list_done(struct violation_list *list)
{
    free(list->told.rows);
    free(list->flows.rows);
    violation_list_init(list);
}

void
violation_list_told(struct violation_list *list,
                    const struct event_violation *event)
{
    const struct violation *violation = event->violation;
    struct violation_row row = {.rule = violation->rule,
                                .reason = violation->reason,
                                .src = violation->src,
                                .dst = violation->dst,
                                .protocol = violation->protocol,
                                .port = violation->port,
                                .all_dsts = violation->all_dsts,
                                .all_ports = violation->all_ports,
                                .src_segment = violation->src_segment,
                                .dst_segment = violation->dst_segment,
                                .outcome = violation->outcome};

    add(list, &list->told, &row);
}

void
violation_list_flow(struct violation_list *list, const struct event_flow *flow)
{
    const struct flow_record *record = flow->record;
    bool icmp = record->protocol == PROTOCOL_ICMP ||
                record->protocol == PROTOCOL_ICMPV6;
    struct violation_row row = {.rule = flow->verdict->rule,
                                .reason = flow->verdict->reason,
                                .src = record->source.addr,
                                .dst = record->destination.addr,
                                .protocol = record->protocol,
                                .port = icmp ? record->icmp_type
                                             : record->destination.port,
                                .src_segment = flow->src_segment,
                                .dst_segment = flow->dst_segment,
                                .outcome = record->outcome};

    if (flow->verdict->decision == DECISION_DENY) {
        add(list, &list->flows, &row);
    } else if (flow->verdict->staged_decision == DECISION_DENY) {
        row.rule = flow->verdict->staged_rule;
        row.reason = VERDICT_REASON_STAGED;
        add(list, &list->flows, &row);
    }
}

void
violation_list_merge(struct violation_list *list,
                     const struct violation_list *other)
{
    add_rows(list, &list->told, &other->told);
    add_rows(list, &list->flows, &other->flows);
    list->overflow |= other->overflow;
    list->out_of_memory |= other->out_of_memory;
}

/* What ended decides; a violation of which no flow is known to have ended, such
 * as one that an ICMP error quotes, stays as it was told. */
void
violation_list_settle(struct violation_list *list)
{
    struct violation_rows *told = &list->told;
    bool *ended;

    pack(told);
    pack(&list->flows);
    list->overflow |= told->n > told->max || list->flows.n > list->flows.max;
    ended = calloc(told->n + 1, sizeof *ended);
    list->out_of_memory |= !ended;
    for (size_t i = 0; ended && i < list->flows.n; i++) {
        const struct violation_row *flow = &list->flows.rows[i];
        struct violation_row *row = find_told(told, flow);
        bool *known = row ? &ended[row - told->rows] : NULL;

        if (row && (!*known || is_worse(flow->outcome, row->outcome))) {
            row->outcome = flow->outcome;
            *known = true;
        }
    }
    free(ended);
}

static int
compare_rows(const void *left, const void *right)
{
    const struct violation_row *a = left, *b = right;
    int order = compare_numbers((uint32_t)a->rule, (uint32_t)b->rule);

    order = order ? order : compare_numbers(a->reason, b->reason);
    order = order ? order : memcmp(&a->src, &b->src, sizeof a->src);
    order = order ? order : compare_numbers(a->all_dsts, b->all_dsts);
    order = order ? order : memcmp(&a->dst, &b->dst, sizeof a->dst);
    order = order ? order : compare_numbers(a->protocol, b->protocol);
    order = order ? order : compare_numbers(a->all_ports, b->all_ports);
    return order ? order : compare_numbers(a->port, b->port);
}

static void
add(struct violation_list *list, struct violation_rows *rows,
    const struct violation_row *row)
{
    if (rows->n < rows->capacity || make_room(list, rows)) {
        rows->rows[rows->n++] = *row;
    }
}

/* Called when the room is used up.  Half of it is free afterwards, or more than
 * half of what there may ever be. */
static bool
make_room(struct violation_list *list, struct violation_rows *rows)
{
    size_t wanted = rows->capacity ? 2 * rows->capacity : FIRST_ROWS;
    struct violation_row *larger;

    if (list->overflow) {
        return false;
    }
    pack(rows);
    list->overflow = rows->n > rows->max;
    if (list->overflow || rows->n < rows->capacity / 2 ||
        rows->capacity == 2 * rows->max) {
        return !list->overflow;
    }
    wanted = wanted < 2 * rows->max ? wanted : 2 * rows->max;
    larger = realloc(rows->rows, wanted * sizeof *larger);
    if (!larger) {
        list->out_of_memory = true;
        return rows->n < rows->capacity;
    }
    rows->rows = larger;
    rows->capacity = wanted;
    return true;
}

/* Puts the rows in order, equal ones into one with the worst outcome. */
static void
pack(struct violation_rows *rows)
{
    size_t n = 0;

    if (rows->n == 0) {
        return;
    }
    qsort(rows->rows, rows->n, sizeof *rows->rows, compare_rows);
    for (size_t i = 1; i < rows->n; i++) {
        struct violation_row *last = &rows->rows[n];

        if (compare_rows(last, &rows->rows[i]) != 0) {
            rows->rows[++n] = rows->rows[i];
        } else if (is_worse(rows->rows[i].outcome, last->outcome)) {
            last->outcome = rows->rows[i].outcome;
        }
    }
    rows->n = n + 1;
}

static void
add_rows(struct violation_list *list, struct violation_rows *rows,
         const struct violation_rows *other)
{
    for (size_t i = 0; i < other->n; i++) {
        add(list, rows, &other->rows[i]);
    }
}

static struct violation_row *
find(const struct violation_rows *rows, const struct violation_row *key)
{
    return rows->n
               ? bsearch(key, rows->rows, rows->n, sizeof *key, compare_rows)
               : NULL;
}

/* The violation a flow is of: its own, else that of a sweep it was part of. */
static struct violation_row *
find_told(const struct violation_rows *told, const struct violation_row *flow)
{
    struct violation_row *row = find(told, flow);
    struct violation_row sweep = *flow, ports = *flow;

    sweep.dst = (struct addr){{0}};
    sweep.all_dsts = true;
    ports.port = 0;
    ports.all_ports = true;
    row = row ? row : find(told, &sweep);
    return row ? row : find(told, &ports);
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* What the control let through; a flow that nobody answers may be on its way,
 * one that is refused is not. */
static bool
is_worse(enum flow_outcome outcome, enum flow_outcome than)
{
    static const int ranks[FLOW_N_OUTCOMES] = {
        [FLOW_OUTCOME_REFUSED] = 0,
        [FLOW_OUTCOME_ATTEMPT] = 1,
        [FLOW_OUTCOME_ESTABLISHED] = 2,
        [FLOW_OUTCOME_DATA] = 3,
    };

    return ranks[outcome] > ranks[than];
}

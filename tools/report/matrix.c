/* The segment matrix; see matrix.h. */

#include "tools/report/matrix.h"

#include "tools/report/summary.h"
#include "tools/report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_COLUMNS = 14,
    CELL_SIZE = 48, /* Of a cell's text. */
    MIN_WIDTH = 60,
    MAX_PAIRS = 20 /* In the list. */
};

struct cell {
    size_t src, dst; /* Segments. */
    const struct event_pair_counts *counts;
};

/* The pairs of segments that talk, and the segments they name. */
struct shape {
    struct cell *cells;
    size_t n_cells, n_segments;
    bool *is_src, *is_dst; /* By segment. */
    size_t n_dst;
    int columns; /* Of a cell. */
};

static bool shape_init(struct shape *, const struct event_status *);
static void shape_add(struct shape *, const struct policy *,
                      const struct event_pair *);
static const struct event_pair_counts *shape_find(const struct shape *,
                                                  size_t src, size_t dst);
static size_t segment_number(const struct policy *, const char *name);
static void shape_done(struct shape *);
static void print_grid(const struct summary *, const struct shape *, FILE *);
static void print_row(const struct summary *, const struct shape *, size_t src,
                      FILE *);
static void print_cell(const struct summary *, const struct event_pair_counts *,
                       int columns, FILE *);
static int cell_text(const struct event_pair_counts *, char text[CELL_SIZE]);
static void fit_columns(const struct summary *, struct shape *);
static void print_list(const struct summary *, struct shape *, FILE *);
static void print_pair(const struct summary *, const struct cell *, int columns,
                       FILE *);
static void print_others(const struct summary *, FILE *);
static const char *segment_name(const struct summary *, size_t segment);
static int compare_cells(const void *, const void *);

void
matrix_print(const struct summary *summary, FILE *stream)
{
    unsigned width = summary->width < MIN_WIDTH ? MIN_WIDTH : summary->width;
    struct shape shape;

    if (!shape_init(&shape, summary->status)) {
        return;
    }
    if (shape.n_cells) {
        fit_columns(summary, &shape);
        fputs("\nfrom -> to (flows; x violations, ! alerts)\n", stream);
        if (2 + NAME_COLUMNS + shape.n_dst * (size_t)shape.columns <= width) {
            print_grid(summary, &shape, stream);
        } else {
            print_list(summary, &shape, stream);
        }
    }
    print_others(summary, stream);
    shape_done(&shape);
}

static bool
shape_init(struct shape *shape, const struct event_status *status)
{
    size_t n = policy_n_segments(status->policy);

    *shape = (struct shape){
        .n_segments = n,
        .cells = calloc(status->n_pairs + 1, sizeof(struct cell)),
        .is_src = calloc(n, sizeof(bool)),
        .is_dst = calloc(n, sizeof(bool))};
    if (!shape->is_src || !shape->is_dst || !shape->cells) {
        shape_done(shape);
        return false;
    }
    for (size_t i = 0; i < status->n_pairs; i++) {
        shape_add(shape, status->policy, &status->pairs[i]);
    }
    return true;
}

static void
shape_add(struct shape *shape, const struct policy *policy,
          const struct event_pair *pair)
{
    size_t src = segment_number(policy, pair->src);
    size_t dst = segment_number(policy, pair->dst);

    if (pair->counts.flows && src < shape->n_segments &&
        dst < shape->n_segments) {
        shape->cells[shape->n_cells++] = (struct cell){src, dst, &pair->counts};
        shape->is_src[src] = true;
        shape->n_dst += !shape->is_dst[dst];
        shape->is_dst[dst] = true;
    }
}

/* NULL if they do not talk. */
static const struct event_pair_counts *
shape_find(const struct shape *shape, size_t src, size_t dst)
{
    for (size_t i = 0; i < shape->n_cells; i++) {
        if (shape->cells[i].src == src && shape->cells[i].dst == dst) {
            return shape->cells[i].counts;
        }
    }
    return NULL;
}

/* One past the last if there is none. */
static size_t
segment_number(const struct policy *policy, const char *name)
{
    size_t n = policy_n_segments(policy);
    size_t i = 0;

    while (i < n &&
           strcmp(policy_segment(policy, (segment_id)i)->name, name) != 0) {
        i++;
    }
    return i;
}

static void
shape_done(struct shape *shape)
{
    free(shape->cells);
    free(shape->is_src);
    free(shape->is_dst);
}

static void
print_grid(const struct summary *summary, const struct shape *shape,
           FILE *stream)
{
    fprintf(stream, "  %-*s", NAME_COLUMNS, "");
    for (size_t dst = 0; dst < shape->n_segments; dst++) {
        if (shape->is_dst[dst]) {
            fprintf(stream, "%*.*s", shape->columns, NAME_COLUMNS,
                    segment_name(summary, dst));
        }
    }
    fputc('\n', stream);
    for (size_t src = 0; src < shape->n_segments; src++) {
        if (shape->is_src[src]) {
            print_row(summary, shape, src, stream);
        }
    }
}

static void
print_row(const struct summary *summary, const struct shape *shape, size_t src,
          FILE *stream)
{
    fprintf(stream, "  %-*.*s", NAME_COLUMNS, NAME_COLUMNS,
            segment_name(summary, src));
    for (size_t dst = 0; dst < shape->n_segments; dst++) {
        if (shape->is_dst[dst]) {
            print_cell(summary, shape_find(shape, src, dst), shape->columns,
                       stream);
        }
    }
    fputc('\n', stream);
}

static void
print_cell(const struct summary *summary,
           const struct event_pair_counts *counts, int columns, FILE *stream)
{
    enum text_color color = TEXT_GREEN;
    char text[CELL_SIZE];

    if (!counts) {
        fprintf(stream, "%*s", columns, ".");
        return;
    }
    cell_text(counts, text);
    if (counts->got_through) {
        color = TEXT_RED;
    } else if (counts->verdicts[DECISION_DENY] ||
               counts->verdicts[DECISION_ALERT]) {
        color = TEXT_YELLOW;
    }
    fprintf(stream, "%s%*s%s", text_color(summary->color, color), columns, text,
            text_color(summary->color, TEXT_PLAIN));
}

/* Flows, then the worst that was found: "12", "31 x4", "7 !7".  Returns its
 * length. */
static int
cell_text(const struct event_pair_counts *counts, char text[CELL_SIZE])
{
    uint64_t violations = counts->verdicts[DECISION_DENY];
    uint64_t alerts = counts->verdicts[DECISION_ALERT];

    if (violations) {
        return snprintf(text, CELL_SIZE, "%" PRIu64 " x%" PRIu64, counts->flows,
                        violations);
    }
    if (alerts) {
        return snprintf(text, CELL_SIZE, "%" PRIu64 " !%" PRIu64, counts->flows,
                        alerts);
    }
    return snprintf(text, CELL_SIZE, "%" PRIu64, counts->flows);
}

/* As wide as the widest cell and the longest name at the top. */
static void
fit_columns(const struct summary *summary, struct shape *shape)
{
    for (size_t i = 0; i < shape->n_cells; i++) {
        const struct cell *cell = &shape->cells[i];
        char text[CELL_SIZE];
        int width = cell_text(cell->counts, text);
        int name = (int)strnlen(segment_name(summary, cell->dst), NAME_COLUMNS);
        int wanted = width > name ? width : name;

        if (wanted + 2 > shape->columns) {
            shape->columns = wanted + 2;
        }
    }
}

static void
print_list(const struct summary *summary, struct shape *shape, FILE *stream)
{
    qsort(shape->cells, shape->n_cells, sizeof *shape->cells, compare_cells);
    for (size_t i = 0; i < shape->n_cells && i < MAX_PAIRS; i++) {
        print_pair(summary, &shape->cells[i], shape->columns, stream);
    }
    if (shape->n_cells > MAX_PAIRS) {
        fprintf(stream, "  and %zu more pairs\n", shape->n_cells - MAX_PAIRS);
    }
}

static void
print_pair(const struct summary *summary, const struct cell *cell, int columns,
           FILE *stream)
{
    char bytes[TEXT_NUMBER_SIZE];

    fputs("  ", stream);
    print_cell(summary, cell->counts, columns, stream);
    fprintf(stream, "  %9s  %s -> %s",
            text_bytes(cell->counts->bytes[0] + cell->counts->bytes[1], bytes),
            segment_name(summary, cell->src), segment_name(summary, cell->dst));
    if (cell->counts->got_through) {
        fprintf(stream, "  (%" PRIu64 " got through)",
                cell->counts->got_through);
    }
    fputc('\n', stream);
}

static void
print_others(const struct summary *summary, FILE *stream)
{
    const struct event_pair_counts *others = summary->status->other_pairs;

    if (others && others->flows) {
        fprintf(stream,
                "  and %" PRIu64 " flows of further pairs, or of segments that "
                "are no more\n",
                others->flows);
    }
}

static const char *
segment_name(const struct summary *summary, size_t segment)
{
    return policy_segment(summary->status->policy, (segment_id)segment)->name;
}

static int
compare_cells(const void *left, const void *right)
{
    const struct cell *a = left;
    const struct cell *b = right;
    const uint64_t keys[3][2] = {
        {a->counts->got_through, b->counts->got_through},
        {a->counts->verdicts[DECISION_DENY],
         b->counts->verdicts[DECISION_DENY]},
        {a->counts->flows, b->counts->flows},
    };

    for (size_t i = 0; i < 3; i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] > keys[i][1] ? -1 : 1;
        }
    }
    if (a->src != b->src) {
        return a->src < b->src ? -1 : 1;
    }
    return a->dst < b->dst ? -1 : a->dst > b->dst;
}

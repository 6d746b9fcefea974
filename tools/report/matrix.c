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

struct pair {
    segment_id src, dst;
    const struct tally_cell *cell;
};

/* The pairs of segments that talk, and the segments they name. */
struct shape {
    struct pair *pairs;
    size_t n_pairs;
    bool *is_src, *is_dst; /* By segment. */
    size_t n_dst;
    int columns; /* Of a cell. */
};

static bool shape_init(struct shape *, const struct tally *);
static void shape_add(struct shape *, segment_id src, segment_id dst,
                      const struct tally_cell *);
static void shape_done(struct shape *);
static void print_grid(const struct summary *, const struct shape *, FILE *);
static void print_row(const struct summary *, const struct shape *, size_t src,
                      FILE *);
static void print_cell(const struct summary *, const struct tally_cell *,
                       int columns, FILE *);
static int cell_text(const struct tally_cell *, char text[CELL_SIZE]);
static void fit_columns(const struct summary *, struct shape *);
static void print_list(const struct summary *, struct shape *, FILE *);
static void print_pair(const struct summary *, const struct pair *, int columns,
                       FILE *);
static const char *segment_name(const struct summary *, size_t segment);
static int compare_pairs(const void *, const void *);

void
matrix_print(const struct summary *summary, FILE *stream)
{
    unsigned width = summary->width < MIN_WIDTH ? MIN_WIDTH : summary->width;
    struct shape shape;

    if (!shape_init(&shape, summary->tally)) {
        return;
    }
    if (shape.n_pairs) {
        fit_columns(summary, &shape);
        fputs("\nfrom -> to (flows; x violations, ! alerts)\n", stream);
        if (2 + NAME_COLUMNS + shape.n_dst * (size_t)shape.columns <= width) {
            print_grid(summary, &shape, stream);
        } else {
            print_list(summary, &shape, stream);
        }
    }
    shape_done(&shape);
}

static bool
shape_init(struct shape *shape, const struct tally *tally)
{
    size_t n = tally->n_segments;
    size_t capacity = 0;

    *shape = (struct shape){.is_src = calloc(n, sizeof(bool)),
                            .is_dst = calloc(n, sizeof(bool))};
    for (size_t i = 0; tally->rows && i < n; i++) {
        capacity += tally->rows[i] ? n : 0;
    }
    shape->pairs = calloc(capacity + 1, sizeof *shape->pairs);
    if (!shape->is_src || !shape->is_dst || !shape->pairs) {
        shape_done(shape);
        return false;
    }
    for (size_t src = 0; tally->rows && src < n; src++) {
        for (size_t dst = 0; tally->rows[src] && dst < n; dst++) {
            shape_add(shape, (segment_id)src, (segment_id)dst,
                      &tally->rows[src][dst]);
        }
    }
    return true;
}

static void
shape_add(struct shape *shape, segment_id src, segment_id dst,
          const struct tally_cell *cell)
{
    if (cell->flows) {
        shape->pairs[shape->n_pairs++] = (struct pair){src, dst, cell};
        shape->is_src[src] = true;
        shape->n_dst += !shape->is_dst[dst];
        shape->is_dst[dst] = true;
    }
}

static void
shape_done(struct shape *shape)
{
    free(shape->pairs);
    free(shape->is_src);
    free(shape->is_dst);
}

static void
print_grid(const struct summary *summary, const struct shape *shape,
           FILE *stream)
{
    const struct tally *tally = summary->tally;

    fprintf(stream, "  %-*s", NAME_COLUMNS, "");
    for (size_t dst = 0; dst < tally->n_segments; dst++) {
        if (shape->is_dst[dst]) {
            fprintf(stream, "%*.*s", shape->columns, NAME_COLUMNS,
                    segment_name(summary, dst));
        }
    }
    fputc('\n', stream);
    for (size_t src = 0; src < tally->n_segments; src++) {
        if (shape->is_src[src]) {
            print_row(summary, shape, src, stream);
        }
    }
}

static void
print_row(const struct summary *summary, const struct shape *shape, size_t src,
          FILE *stream)
{
    const struct tally *tally = summary->tally;

    fprintf(stream, "  %-*.*s", NAME_COLUMNS, NAME_COLUMNS,
            segment_name(summary, src));
    for (size_t dst = 0; dst < tally->n_segments; dst++) {
        if (shape->is_dst[dst]) {
            print_cell(summary, &tally->rows[src][dst], shape->columns, stream);
        }
    }
    fputc('\n', stream);
}

static void
print_cell(const struct summary *summary, const struct tally_cell *cell,
           int columns, FILE *stream)
{
    enum text_color color = TEXT_GREEN;
    char text[CELL_SIZE];

    if (!cell->flows) {
        fprintf(stream, "%*s", columns, ".");
        return;
    }
    cell_text(cell, text);
    if (cell->broken) {
        color = TEXT_RED;
    } else if (cell->decisions[DECISION_DENY] ||
               cell->decisions[DECISION_ALERT]) {
        color = TEXT_YELLOW;
    }
    fprintf(stream, "%s%*s%s", text_color(summary->color, color), columns, text,
            text_color(summary->color, TEXT_PLAIN));
}

/* Flows, then the worst that was found: "12", "31 x4", "7 !7".  Returns its
 * length. */
static int
cell_text(const struct tally_cell *cell, char text[CELL_SIZE])
{
    uint64_t violations = cell->decisions[DECISION_DENY];
    uint64_t alerts = cell->decisions[DECISION_ALERT];

    if (violations) {
        return snprintf(text, CELL_SIZE, "%" PRIu64 " x%" PRIu64, cell->flows,
                        violations);
    }
    if (alerts) {
        return snprintf(text, CELL_SIZE, "%" PRIu64 " !%" PRIu64, cell->flows,
                        alerts);
    }
    return snprintf(text, CELL_SIZE, "%" PRIu64, cell->flows);
}

/* As wide as the widest cell and the longest name at the top. */
static void
fit_columns(const struct summary *summary, struct shape *shape)
{
    for (size_t i = 0; i < shape->n_pairs; i++) {
        const struct pair *pair = &shape->pairs[i];
        char text[CELL_SIZE];
        int cell = cell_text(pair->cell, text);
        int name = (int)strnlen(segment_name(summary, pair->dst), NAME_COLUMNS);
        int wanted = cell > name ? cell : name;

        if (wanted + 2 > shape->columns) {
            shape->columns = wanted + 2;
        }
    }
}

static void
print_list(const struct summary *summary, struct shape *shape, FILE *stream)
{
    qsort(shape->pairs, shape->n_pairs, sizeof *shape->pairs, compare_pairs);
    for (size_t i = 0; i < shape->n_pairs && i < MAX_PAIRS; i++) {
        print_pair(summary, &shape->pairs[i], shape->columns, stream);
    }
    if (shape->n_pairs > MAX_PAIRS) {
        fprintf(stream, "  and %zu more pairs\n", shape->n_pairs - MAX_PAIRS);
    }
}

static void
print_pair(const struct summary *summary, const struct pair *pair, int columns,
           FILE *stream)
{
    char bytes[TEXT_NUMBER_SIZE];

    fputs("  ", stream);
    print_cell(summary, pair->cell, columns, stream);
    fprintf(stream, "  %9s  %s -> %s", text_bytes(pair->cell->bytes, bytes),
            segment_name(summary, pair->src), segment_name(summary, pair->dst));
    if (pair->cell->broken) {
        fprintf(stream, "  (%" PRIu64 " got through)", pair->cell->broken);
    }
    fputc('\n', stream);
}

static const char *
segment_name(const struct summary *summary, size_t segment)
{
    return policy_segment(summary->status->policy, (segment_id)segment)->name;
}

static int
compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    const uint64_t keys[3][2] = {
        {a->cell->broken, b->cell->broken},
        {a->cell->decisions[DECISION_DENY], b->cell->decisions[DECISION_DENY]},
        {a->cell->flows, b->cell->flows},
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

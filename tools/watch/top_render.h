/* What is on the screen of 'segmon top': lines of printable ASCII, from the
 * model and how somebody looks at it.  Pure, so that it can be tested without a
 * terminal, and printed without one. */

#ifndef TOOLS_WATCH_TOP_RENDER_H
#define TOOLS_WATCH_TOP_RENDER_H

#include "tools/watch/top_model.h"
#include "tools/watch/top_view.h"

#include <stddef.h>

enum {
    TOP_MAX_LINES = 200,
    TOP_MAX_WIDTH = 240,
    TOP_N_HEADER = 4, /* Lines above the rows, */
    TOP_N_FOOTER = 1  /* and below them. */
};

enum top_style {
    TOP_STYLE_PLAIN,
    TOP_STYLE_TITLE,  /* Of columns. */
    TOP_STYLE_HEADER, /* What is most important, */
    TOP_STYLE_ALARM,  /* or wrong. */
    TOP_STYLE_DIM
};

struct top_line {
    char text[TOP_MAX_WIDTH + 1];
    enum top_style style;
};

struct top_screen {
    struct top_line lines[TOP_MAX_LINES];
    size_t n_lines;       /* At most as many as there is room for. */
    size_t width, height; /* Set by the caller, 20 by TOP_N_HEADER + 2 at
                           * least, and kept below what is said above. */
};

/* May move 'first' of the view back to the last row. */
void top_render(struct top_screen *, const struct top_model *,
                struct top_view *);

/* "12.3k": three digits or so, of any rate or count. */
enum {
    TOP_NUMBER_SIZE = 16
};
const char *top_number_text(double value, char text[TOP_NUMBER_SIZE]);

#endif

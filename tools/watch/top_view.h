/* How somebody wants to look at the model: what keys do.  Pure; one thread. */

#ifndef TOOLS_WATCH_TOP_VIEW_H
#define TOOLS_WATCH_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

/* X(NAME, "name") */
#define TOP_PAGES(X)                                                           \
    X(PAIRS, "pairs")                                                          \
    X(VIOLATIONS, "violations")                                                \
    X(SENSORS, "sensors")                                                      \
    X(LOSSES, "losses")

enum top_page {
#define TOP_PAGE(NAME, TEXT) TOP_PAGE_##NAME,
    TOP_PAGES(TOP_PAGE) TOP_N_PAGES
#undef TOP_PAGE
};

enum {
    TOP_N_SORTS = 3, /* Of each page. */
    TOP_FILTER_SIZE = 40,
    /* Keys that are no characters. */
    TOP_KEY_UP = 256,
    TOP_KEY_DOWN,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_BACKSPACE
};

struct top_view {
    enum top_page page;
    unsigned sorts[TOP_N_PAGES]; /* Below TOP_N_SORTS. */
    size_t first; /* Row shown first; rendering keeps it in bounds. */
    char filter[TOP_FILTER_SIZE]; /* Rows with this text; "": all. */
    bool is_typing;               /* The filter. */
    bool is_paused, shows_help;
};

/* False if it asks to end. */
bool top_view_key(struct top_view *, int key, size_t rows_a_page);

const char *top_page_name(enum top_page);
bool top_page_parse(const char *name, enum top_page *);

#endif

/* See top_view.h. */

#include "tools/watch/top_view.h"

#include <string.h>

enum {
    KEY_ESCAPE = 27,
    KEY_DELETE = 127
};

static void type(struct top_view *, int key);
static void move(struct top_view *, int key, size_t rows_a_page);
static void choose(struct top_view *, enum top_page);

static const char *const names[] = {
#define PAGE_NAME(NAME, TEXT) [TOP_PAGE_##NAME] = (TEXT),
    TOP_PAGES(PAGE_NAME)
#undef PAGE_NAME
};

bool
top_view_key(struct top_view *view, int key, size_t rows_a_page)
{
    if (view->is_typing) {
        type(view, key);
        return true;
    }
    switch (key) {
    case 'q': return false;
    case 'h':
    case '?': view->shows_help = !view->shows_help; break;
    case 'p': view->is_paused = !view->is_paused; break;
    case 's':
        view->sorts[view->page] = (view->sorts[view->page] + 1) % TOP_N_SORTS;
        break;
    case 'f':
    case '/': view->is_typing = true; break;
    case KEY_ESCAPE:
        view->filter[0] = '\0';
        view->shows_help = false;
        break;
    case '\t': choose(view, (view->page + 1) % TOP_N_PAGES); break;
    case '1':
    case '2':
    case '3':
    case '4': choose(view, (enum top_page)(key - '1')); break;
    default: move(view, key, rows_a_page); break;
    }
    return true;
}

const char *
top_page_name(enum top_page page)
{
    return names[page];
}

bool
top_page_parse(const char *name, enum top_page *page)
{
    for (unsigned i = 0; i < TOP_N_PAGES; i++) {
        if (strcmp(name, names[i]) == 0) {
            *page = (enum top_page)i;
            return true;
        }
    }
    return false;
}

/* Enter keeps what was typed, Escape does not. */
static void
type(struct top_view *view, int key)
{
    size_t size = strlen(view->filter);

    view->first = 0;
    if (key == '\n' || key == '\r') {
        view->is_typing = false;
    } else if (key == KEY_ESCAPE) {
        view->is_typing = false;
        view->filter[0] = '\0';
    } else if ((key == TOP_KEY_BACKSPACE || key == KEY_DELETE || key == '\b') &&
               size > 0) {
        view->filter[size - 1] = '\0';
    } else if (key >= ' ' && key <= '~' && size + 1 < sizeof view->filter) {
        view->filter[size] = (char)key;
        view->filter[size + 1] = '\0';
    }
}

static void
move(struct top_view *view, int key, size_t rows_a_page)
{
    switch (key) {
    case TOP_KEY_UP: view->first -= view->first > 0; break;
    case TOP_KEY_DOWN: view->first++; break;
    case TOP_KEY_PAGE_UP:
        view->first = view->first > rows_a_page ? view->first - rows_a_page : 0;
        break;
    case TOP_KEY_PAGE_DOWN: view->first += rows_a_page; break;
    case TOP_KEY_HOME: view->first = 0; break;
    default: break;
    }
}

static void
choose(struct top_view *view, enum top_page page)
{
    view->page = page;
    view->first = 0;
    view->shows_help = false;
}

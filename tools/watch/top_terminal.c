/* See top_terminal.h. */

#include "tools/watch/top_terminal.h"

#include <curses.h>
#include <stdint.h>
#include <stdio.h>
#include <term.h>
#undef lines /* These are words, too. */
#undef columns
#include <unistd.h>

enum {
    ESCAPE_MS = 25, /* That a key may take to arrive whole. */
    ALARM_PAIR = 1
};

static SCREEN *terminal; /* NULL while closed. */

static bool can_move(void);
static attr_t attributes_of(enum top_style);

bool
top_terminal_open(bool color)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return false;
    }
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal) {
        return false;
    }
    if (!can_move()) {
        top_terminal_close();
        return false;
    }
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    if (color && has_colors()) {
        start_color();
        use_default_colors();
        init_pair(ALARM_PAIR, COLOR_RED, -1);
    }
    return true;
}

void
top_terminal_close(void)
{
    if (terminal) {
        endwin();
        delscreen(terminal);
        terminal = NULL;
    }
}

void
top_terminal_size(struct top_screen *screen)
{
    screen->width = COLS > 0 ? (size_t)COLS : 0;
    screen->height = LINES > 0 ? (size_t)LINES : 0;
}

void
top_terminal_draw(const struct top_screen *screen)
{
    erase();
    for (size_t i = 0; i < screen->n_lines && (int)i < LINES; i++) {
        attr_t attributes = attributes_of(screen->lines[i].style);

        attrset((int)attributes);
        mvaddnstr((int)i, 0, screen->lines[i].text, COLS);
    }
    attrset(A_NORMAL);
    refresh();
}

int
top_terminal_key(int timeout_ms)
{
    int key;

    timeout(timeout_ms);
    key = getch();
    switch (key) {
    case KEY_UP: return TOP_KEY_UP;
    case KEY_DOWN: return TOP_KEY_DOWN;
    case KEY_PPAGE: return TOP_KEY_PAGE_UP;
    case KEY_NPAGE: return TOP_KEY_PAGE_DOWN;
    case KEY_HOME: return TOP_KEY_HOME;
    case KEY_BACKSPACE: return TOP_KEY_BACKSPACE;
    default: return key >= 0 && key < TOP_KEY_UP ? key : -1;
    }
}

/* A "dumb" terminal can only go on to the next line. */
static bool
can_move(void)
{
    const char *move = tigetstr("cup");

    return move && (intptr_t)move != -1;
}

static attr_t
attributes_of(enum top_style style)
{
    switch (style) {
    case TOP_STYLE_TITLE: return A_REVERSE;
    case TOP_STYLE_HEADER: return A_BOLD;
    case TOP_STYLE_ALARM:
        return A_BOLD | (attr_t)COLOR_PAIR(has_colors() ? ALARM_PAIR : 0);
    case TOP_STYLE_DIM: return A_DIM;
    case TOP_STYLE_PLAIN:
    default: return A_NORMAL;
    }
}

/* The terminal that 'segmon top' draws on; the only user of ncurses, which has
 * one for the whole process.  One thread. */

#ifndef TOOLS_WATCH_TOP_TERMINAL_H
#define TOOLS_WATCH_TOP_TERMINAL_H

#include "tools/watch/top_render.h"

#include <stdbool.h>

/* False if there is no terminal, or none that can be drawn on. */
bool top_terminal_open(bool color);

/* The terminal is as it was before; does nothing if it was not opened. */
void top_terminal_close(void);

/* Its size as of now. */
void top_terminal_size(struct top_screen *);
void top_terminal_draw(const struct top_screen *);

/* Waits so long for a key as struct top_view takes it; -1: none came, or a
 * signal, or the size changed. */
int top_terminal_key(int timeout_ms);

#endif

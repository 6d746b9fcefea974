/* What a service tells the people who run it, on standard error.
 *
 * Under systemd, whose journal has said which stream is its own (sd-daemon(3),
 * JOURNAL_STREAM in systemd.exec(5)), a line begins with its priority as
 * "<N>", else with the program's name.  A line is one write(), and nothing in
 * it can disturb a terminal or begin another line: what is no printable
 * character is written as \xNN or \u{N}.
 *
 * A message is limited by its site, the place in the source that tells it: what
 * was told last is not told again, and no more than LOG_BURST lines are, within
 * LOG_INTERVAL_NS; what was held back is counted and told then ("repeated 7
 * times"), or when something else is told there.
 *
 * There is one log, of the process.  Any thread may tell, but none that
 * captures does: it takes a lock, and waits up to LOG_PATIENCE_MS for a reader
 * of the stream that is slow.  Then the line is lost, and counted, and that is
 * told. */

#ifndef TOOLS_PROCESS_LOG_H
#define TOOLS_PROCESS_LOG_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_INTERVAL_NS (10 * SECOND_NS)

enum {
    LOG_BURST = 10,
    LOG_PATIENCE_MS = 100,
    LOG_MAX_TEXT = 900, /* Bytes of a message; the rest is cut off. */
    /* Of one byte escaping makes 4 at most; no pipe tears such a line. */
    LOG_MAX_LINE = 4096
};

/* The values are those of syslog(3) and sd-daemon(3). */
enum log_level {
    LOG_LEVEL_ERROR = 3, /* Something failed that was asked for. */
    LOG_LEVEL_WARNING,   /* It goes on, but somebody should look. */
    LOG_LEVEL_NOTICE,    /* What changes what is watched, or how. */
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* One for each place that tells; the log's, and static.  Starts as zeros. */
struct log_site {
    struct log_site *next;
    bool known;
    enum log_level level;
    struct mono_time since; /* Of the interval. */
    unsigned n_told;        /* In the interval. */
    uint64_t n_held;        /* Back since the last that was told. */
    bool all_same;          /* Those that were held back, as the last told. */
    char last[LOG_MAX_TEXT + 1];
};

struct log_options {
    const char *name;    /* "run"; borrowed to the end.  NULL: none. */
    enum log_level most; /* Told; what is less urgent is not. */
    int fd;
    const char *journal_stream; /* The environment variable's value, or NULL. */
    struct mono_time (*now)(void); /* NULL: the system's clock. */
};

/* Before other threads tell.  Unless it is called, what is told goes to
 * standard error, from LOG_LEVEL_INFO on.  Forgets what was held back. */
void log_open(const struct log_options *);

/* How lines of a level begin. */
const char *log_prefix(enum log_level);

/* Another level from now on.  By the thread that opened it. */
void log_set_level(enum log_level most);

/* "error" and so on, from LOG_LEVEL_ERROR on; NULL-terminated. */
extern const char *const log_level_names[];

/* Tells, limited by the site: LOG(WARNING, "%s is slow", name). */
#define LOG(LEVEL, ...) LOG_AT(LOG_LEVEL_##LEVEL, __VA_ARGS__)
#define LOG_AT(level, ...)                                                     \
    do {                                                                       \
        static struct log_site log_site_here;                                  \
                                                                               \
        log_tell(&log_site_here, (level), __VA_ARGS__);                        \
    } while (0)

/* Without a site it is told in any case: an answer to what somebody asked. */
void log_tell(struct log_site *, enum log_level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells what was held back for long enough: to be called every so often. */
void log_pass_time(void);

/* Writes 'text' with what cannot be shown escaped, and terminated, to 'size'
 * bytes, as much as there is room for.  Returns the bytes written. */
size_t log_escape(const char *text, char *safe, size_t size);

#endif

/* Lines for people, no more of them than they can read; see log.h.
 *
 * A service that says the same thing for a week fills a disk, and hides what it
 * says once.  So each site has a small account of its own: none of them can
 * silence another. */

#include "tools/process/log.h"

#include "tools/event/system_clock.h"
#include "tools/event/utf8.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_NAME = 40,
    HELD_SIZE = 64
};

static_assert(sizeof "segmon : " + MAX_NAME + 4UL * LOG_MAX_TEXT + HELD_SIZE <=
                  LOG_MAX_LINE,
              "any message fits a line");

static struct {
    pthread_mutex_t lock;
    const char *name;
    enum log_level most;
    int fd;
    bool is_journal;
    struct mono_time (*now)(void);
    struct log_site *sites;
    uint64_t n_lost;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .most = LOG_LEVEL_INFO,
           .fd = STDERR_FILENO,
           .now = system_clock_mono};

const char *const log_level_names[] = {"error", "warning", "notice",
                                       "info",  "debug",   NULL};

static bool is_journal(int fd, const char *journal_stream);
static void limit(struct log_site *, enum log_level, const char *text);
static void hold(struct log_site *, bool same);
static void tell_held(struct log_site *);
static void write_line(enum log_level, const char *text, const char *more);
static bool write_all(const char *line, size_t size);
static bool wait_writable(void);
static void tell_lost(void);

void
log_open(const struct log_options *options)
{
    pthread_mutex_lock(&state.lock);
    state.name = options->name;
    state.most = options->most;
    state.fd = options->fd;
    state.is_journal = is_journal(options->fd, options->journal_stream);
    state.now = options->now ? options->now : system_clock_mono;
    state.n_lost = 0;
    while (state.sites) {
        struct log_site *site = state.sites;

        state.sites = site->next;
        *site = (struct log_site){0};
    }
    pthread_mutex_unlock(&state.lock);
}

const char *
log_prefix(enum log_level level)
{
    static const char *const priorities[] = {"<3>", "<4>", "<5>", "<6>", "<7>"};

    return state.is_journal ? priorities[level - LOG_LEVEL_ERROR] : "segmon: ";
}

void
log_set_level(enum log_level most)
{
    pthread_mutex_lock(&state.lock);
    state.most = most;
    pthread_mutex_unlock(&state.lock);
}

void
log_tell(struct log_site *site, enum log_level level, const char *format, ...)
{
    char text[LOG_MAX_TEXT + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&state.lock);
    if (level <= state.most && site) {
        limit(site, level, text);
    } else if (level <= state.most) {
        write_line(level, text, "");
    }
    pthread_mutex_unlock(&state.lock);
}

void
log_pass_time(void)
{
    struct mono_time now;

    pthread_mutex_lock(&state.lock);
    now = state.now();
    for (struct log_site *site = state.sites; site; site = site->next) {
        if (site->n_held && now.ns - site->since.ns >= LOG_INTERVAL_NS) {
            tell_held(site);
            site->since = now;
            site->n_told = 1;
        }
    }
    pthread_mutex_unlock(&state.lock);
}

size_t
log_escape(const char *text, char *safe, size_t size)
{
    return utf8_escape(safe, size, text, strlen(text));
}

/* Standard error may have been sent elsewhere since systemd set it. */
static bool
is_journal(int fd, const char *journal_stream)
{
    uintmax_t device, inode;
    struct stat status;
    char *end;

    if (!journal_stream || fstat(fd, &status) != 0) {
        return false;
    }
    device = strtoumax(journal_stream, &end, 10);
    if (end == journal_stream || *end != ':') {
        return false;
    }
    inode = strtoumax(end + 1, &end, 10);
    return !*end && device == status.st_dev && inode == status.st_ino;
}

static void
limit(struct log_site *site, enum log_level level, const char *text)
{
    struct mono_time now = state.now();
    bool is_old = !site->known || now.ns - site->since.ns >= LOG_INTERVAL_NS;
    bool same = site->known && strcmp(site->last, text) == 0;

    if (!site->known) {
        site->known = true;
        site->next = state.sites;
        state.sites = site;
    }
    if (!is_old && (same || site->n_told >= LOG_BURST)) {
        hold(site, same);
        return;
    }
    if (site->n_held) {
        tell_held(site);
    }
    if (is_old) {
        site->since = now;
        site->n_told = 0;
    }
    site->n_told++;
    site->level = level;
    snprintf(site->last, sizeof site->last, "%s", text);
    write_line(level, text, "");
}

static void
hold(struct log_site *site, bool same)
{
    site->all_same = same && (site->all_same || site->n_held == 0);
    site->n_held++;
}

static void
tell_held(struct log_site *site)
{
    char held[HELD_SIZE];

    if (site->all_same) {
        snprintf(held, sizeof held, " (repeated %" PRIu64 " times)",
                 site->n_held);
    } else {
        snprintf(held, sizeof held, " (and %" PRIu64 " others like it)",
                 site->n_held);
    }
    site->n_held = 0;
    write_line(site->level, site->last, held);
}

static void
write_line(enum log_level level, const char *text, const char *more)
{
    char line[LOG_MAX_LINE];
    size_t size;

    if (state.is_journal) {
        size = (size_t)snprintf(line, sizeof line, "<%d>", (int)level);
    } else {
        size = (size_t)snprintf(line, sizeof line,
                                "segmon%s%.*s: ", state.name ? " " : "",
                                MAX_NAME, state.name ? state.name : "");
    }
    size += log_escape(text, line + size, sizeof line - size);
    size += (size_t)snprintf(line + size, sizeof line - size, "%s\n", more);
    if (!write_all(line, size)) {
        state.n_lost++;
    } else if (state.n_lost) {
        tell_lost();
    }
}

static void
tell_lost(void)
{
    char text[HELD_SIZE];
    uint64_t n_lost = state.n_lost;

    snprintf(text, sizeof text, "before this, %" PRIu64 " lines were lost here",
             n_lost);
    state.n_lost = 0;
    write_line(LOG_LEVEL_WARNING, text, "");
    if (state.n_lost) {
        state.n_lost += n_lost;
    }
}

/* A line that a pipe has no room for stays whole, or away. */
static bool
write_all(const char *line, size_t size)
{
    ssize_t n;

    do {
        if (!wait_writable()) {
            return false;
        }
        n = write(state.fd, line, size);
    } while (n < 0 && errno == EINTR);
    return n >= 0;
}

static bool
wait_writable(void)
{
    struct pollfd poll_fd = {.fd = state.fd, .events = POLLOUT};
    int ready;

    do {
        ready = poll(&poll_fd, 1, state.n_lost ? 0 : LOG_PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* A small HTTP server on libmicrohttpd; see metrics_http.h.
 *
 * The library has no thread of its own here: ours waits for what its daemons
 * wait for, so it can also end what has lasted too long.  The library's own
 * time-out starts again with every byte, which is what an attacker sends. */

#include "tools/metrics/metrics_http.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/doorbell.h"
#include "tools/runtime/health.h"
#include "tools/runtime/listen_place.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOOK_MS = 500,       /* Between two looks at what lasts too long. */
    TEXT_WAIT_MS = 1000, /* For a text that was asked for. */
    MAX_HOST_NAME = 255, /* RFC 1035, section 2.3.4. */
    MAX_PLAIN = HEALTH_REASON_SIZE + 32
};

struct caller {
    struct MHD_Connection *connection; /* NULL: nobody. */
    struct mono_time began;
};

/* One address we listen on. */
struct door {
    struct metrics_http *http;
    struct MHD_Daemon *daemon;
    int poll_fd;
    struct caller callers[METRICS_HTTP_MAX_CONNECTIONS];
};

struct metrics_http {
    struct door doors[LISTEN_PLACE_MAX];
    size_t n_doors;
    char host_name[MAX_HOST_NAME + 1]; /* "" if only this machine gets here. */
    int stop_fd;                       /* An eventfd. */
    pthread_t thread;
    bool running;
    struct MHD_Response *metrics; /* The text last taken; NULL: none yet. */
    struct mono_time metrics_made;

    atomic_bool wants_text, stopping;
    struct doorbell text_came;
    pthread_mutex_t lock; /* Guards what follows: what was published. */
    bool healthy, ready;
    char reason[HEALTH_REASON_SIZE];
    struct mono_time published; /* Last. */
    char *text;                 /* Not taken yet; owned, or NULL. */
    size_t text_size;
    struct mono_time text_made;
};

static bool start(struct metrics_http *, const struct listen_place *,
                  struct error *);
static bool open_door(struct metrics_http *, int fd, struct error *);
static bool start_thread(struct metrics_http *, struct error *);
static void *serve(void *context);
static int wait_ms(const struct metrics_http *);
static void end_what_lasts(struct door *, struct mono_time now);
static void notify(void *context, struct MHD_Connection *, void **caller,
                   enum MHD_ConnectionNotificationCode);
static enum MHD_Result answer(void *context, struct MHD_Connection *,
                              const char *path, const char *method,
                              const char *version, const char *body,
                              size_t *body_size, void **request);
static bool is_for_us(const struct metrics_http *, const char *host,
                      const char *version);
static enum MHD_Result answer_metrics(struct metrics_http *,
                                      struct MHD_Connection *);
static bool refresh(struct metrics_http *);
static bool take_text(struct metrics_http *, struct mono_time asked);
static bool is_alive(struct metrics_http *);
static enum MHD_Result answer_health(struct metrics_http *,
                                     struct MHD_Connection *, bool ready);
static enum MHD_Result answer_plain(struct MHD_Connection *, unsigned status,
                                    const char *text);
static struct MHD_Response *make_response(char *data, size_t size,
                                          enum MHD_ResponseMemoryMode,
                                          const char *type);

struct metrics_http *
metrics_http_start(const struct listen_place *listen, struct error *error)
{
    struct metrics_http *http = calloc(1, sizeof *http);

    if (!http) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    http->stop_fd = -1;
    http->published = system_clock_mono();
    snprintf(http->reason, sizeof http->reason, "starting");
    doorbell_init(&http->text_came);
    pthread_mutex_init(&http->lock, NULL);
    if (!start(http, listen, error)) {
        metrics_http_stop(http);
        return NULL;
    }
    return http;
}

void
metrics_http_stop(struct metrics_http *http)
{
    uint64_t one = 1;

    if (!http) {
        return;
    }
    atomic_store(&http->stopping, true);
    doorbell_ring(&http->text_came);
    if (http->running && write(http->stop_fd, &one, sizeof one) > 0) {
        pthread_join(http->thread, NULL);
    }
    for (size_t i = 0; i < http->n_doors; i++) {
        MHD_stop_daemon(http->doors[i].daemon);
    }
    if (http->metrics) {
        MHD_destroy_response(http->metrics);
    }
    if (http->stop_fd >= 0) {
        close(http->stop_fd);
    }
    free(http->text);
    doorbell_done(&http->text_came);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

void
metrics_http_publish_health(struct metrics_http *http,
                            const struct health *health)
{
    pthread_mutex_lock(&http->lock);
    http->healthy = health->healthy;
    http->ready = health->ready;
    memcpy(http->reason, health->reason, sizeof http->reason);
    http->published = system_clock_mono();
    pthread_mutex_unlock(&http->lock);
}

bool
metrics_http_wants_text(const struct metrics_http *http)
{
    return atomic_load(&http->wants_text);
}

void
metrics_http_publish_text(struct metrics_http *http, char *text, size_t size)
{
    char *old;

    atomic_store(&http->wants_text, false);
    pthread_mutex_lock(&http->lock);
    old = http->text;
    http->text = text;
    http->text_size = size;
    http->text_made = system_clock_mono();
    pthread_mutex_unlock(&http->lock);
    free(old);
    doorbell_ring(&http->text_came);
}

static bool
start(struct metrics_http *http, const struct listen_place *listen,
      struct error *error)
{
    int fds[LISTEN_PLACE_MAX];
    size_t n = listen_place_open(listen, fds, error);
    bool good = n > 0;

    for (size_t i = 0; i < n; i++) {
        good = good && open_door(http, fds[i], error);
        if (!good) {
            close(fds[i]);
        }
    }
    if (!listen_place_is_local(listen) &&
        gethostname(http->host_name, MAX_HOST_NAME) != 0) {
        http->host_name[0] = '\0';
    }
    return good && start_thread(http, error);
}

/* 'fd' is the daemon's if that worked. */
static bool
open_door(struct metrics_http *http, int fd, struct error *error)
{
    struct door *door = &http->doors[http->n_doors];
    const union MHD_DaemonInfo *info;

    door->http = http;
    door->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, answer, door, MHD_OPTION_LISTEN_SOCKET,
        fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_HTTP_MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_HTTP_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_HTTP_MAX_REQUEST,
        MHD_OPTION_NOTIFY_CONNECTION, notify, door, MHD_OPTION_END);
    info = door->daemon
               ? MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD)
               : NULL;
    if (!info) {
        return error_set(error, ERROR_SYSTEM, NULL,
                         "cannot serve metrics with libmicrohttpd");
    }
    door->poll_fd = info->epoll_fd;
    http->n_doors++;
    return true;
}

/* Signals are for the thread that runs the program. */
static bool
start_thread(struct metrics_http *http, struct error *error)
{
    sigset_t all, before;

    http->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (http->stop_fd < 0) {
        return error_set_errno(error, NULL, "cannot make an eventfd");
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    http->running = pthread_create(&http->thread, NULL, serve, http) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return http->running ||
           error_set(error, ERROR_SYSTEM, NULL, "cannot start a thread");
}

static void *
serve(void *context)
{
    struct metrics_http *http = context;
    struct pollfd fds[LISTEN_PLACE_MAX + 1] = {
        {.fd = http->stop_fd, .events = POLLIN}};

    for (size_t i = 0; i < http->n_doors; i++) {
        fds[i + 1] =
            (struct pollfd){.fd = http->doors[i].poll_fd, .events = POLLIN};
    }
    while (!fds[0].revents) {
        struct mono_time now = system_clock_mono();

        for (size_t i = 0; i < http->n_doors; i++) {
            end_what_lasts(&http->doors[i], now);
            MHD_run(http->doors[i].daemon);
        }
        poll(fds, http->n_doors + 1, wait_ms(http));
    }
    return NULL;
}

static int
wait_ms(const struct metrics_http *http)
{
    int wait = LOOK_MS;

    for (size_t i = 0; i < http->n_doors; i++) {
        MHD_UNSIGNED_LONG_LONG ms;

        if (MHD_get_timeout(http->doors[i].daemon, &ms) == MHD_YES &&
            ms < (unsigned)wait) {
            wait = (int)ms;
        }
    }
    return wait;
}

/* The library finds the connection closed, and forgets it. */
static void
end_what_lasts(struct door *door, struct mono_time now)
{
    for (size_t i = 0; i < METRICS_HTTP_MAX_CONNECTIONS; i++) {
        struct caller *caller = &door->callers[i];
        const union MHD_ConnectionInfo *info;

        if (!caller->connection ||
            now.ns - caller->began.ns < METRICS_HTTP_LIFETIME_S * SECOND_NS) {
            continue;
        }
        info = MHD_get_connection_info(caller->connection,
                                       MHD_CONNECTION_INFO_CONNECTION_FD);
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static void
notify(void *context, struct MHD_Connection *connection, void **caller,
       enum MHD_ConnectionNotificationCode code)
{
    struct door *door = context;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED && *caller) {
        ((struct caller *)*caller)->connection = NULL;
    }
    if (code != MHD_CONNECTION_NOTIFY_STARTED) {
        return;
    }
    for (size_t i = 0; i < METRICS_HTTP_MAX_CONNECTIONS; i++) {
        if (!door->callers[i].connection) {
            door->callers[i] = (struct caller){connection, system_clock_mono()};
            *caller = &door->callers[i];
            return;
        }
    }
}

/* Called as soon as a request's headers are there.  What it may send behind
 * them is not waited for: the connection ends with the answer. */
/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): the
 * library's type. */
static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *path,
       const char *method, const char *version, const char *body,
       size_t *body_size, void **request)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
    struct door *door = context;
    struct metrics_http *http = door->http;
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");

    (void)body;
    (void)body_size;
    (void)request;
    if (!is_for_us(http, host, version)) {
        return answer_plain(connection, MHD_HTTP_FORBIDDEN,
                            "no such host is served here\n");
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return answer_plain(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                            "only GET and HEAD\n");
    }
    if (strcmp(path, "/metrics") == 0) {
        return answer_metrics(http, connection);
    }
    if (strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0) {
        return answer_health(http, connection, path[1] == 'r');
    }
    return answer_plain(connection, MHD_HTTP_NOT_FOUND,
                        "here are /metrics, /healthz and /readyz\n");
}

/* HTTP/1.0, which no browser speaks, may have no Host. */
static bool
is_for_us(const struct metrics_http *http, const char *host,
          const char *version)
{
    char name[MAX_HOST_NAME + 1];
    struct addr addr;
    bool bracketed = host && host[0] == '[';
    size_t length;

    if (!host) {
        return strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    }
    host += bracketed;
    length = strcspn(host, bracketed ? "]" : ":");
    if (length > MAX_HOST_NAME) {
        return false;
    }
    memcpy(name, host, length);
    name[length] = '\0';
    return addr_parse(name, &addr) || strcasecmp(name, "localhost") == 0 ||
           (http->host_name[0] && strcasecmp(name, http->host_name) == 0);
}

static enum MHD_Result
answer_metrics(struct metrics_http *http, struct MHD_Connection *connection)
{
    int64_t age_ns = system_clock_mono().ns - http->metrics_made.ns;
    bool fresh =
        http->metrics && age_ns < METRICS_HTTP_FRESH_MS * MILLISECOND_NS;

    fresh = fresh || refresh(http);
    if (!is_alive(http)) {
        return answer_plain(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                            "stuck: the program does not count any more\n");
    }
    if (!fresh || !http->metrics) {
        return answer_plain(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                            "no metrics came in time\n");
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, http->metrics);
}

/* Asks for a text and waits for one made since.  False if none came: one that
 * came too late for whoever asked before is no answer now. */
static bool
refresh(struct metrics_http *http)
{
    struct mono_time asked = system_clock_mono();
    int64_t left_ns = TEXT_WAIT_MS * MILLISECOND_NS;
    bool fresh = false;

    atomic_store(&http->wants_text, true);
    while (!fresh && left_ns > 0 && is_alive(http) &&
           !atomic_load(&http->stopping)) {
        doorbell_wait(&http->text_came, left_ns);
        fresh = take_text(http, asked);
        left_ns =
            asked.ns + TEXT_WAIT_MS * MILLISECOND_NS - system_clock_mono().ns;
    }
    return fresh;
}

/* Whether the last text was made since 'asked'.  Those who are being sent the
 * one before keep it until they have it. */
static bool
take_text(struct metrics_http *http, struct mono_time asked)
{
    char *text;
    size_t size;
    bool fresh;

    pthread_mutex_lock(&http->lock);
    text = http->text;
    size = http->text_size;
    http->text = NULL;
    fresh = http->text_made.ns >= asked.ns;
    if (text) {
        http->metrics_made = http->text_made;
    }
    pthread_mutex_unlock(&http->lock);
    if (text) {
        if (http->metrics) {
            MHD_destroy_response(http->metrics);
        }
        http->metrics =
            make_response(text, size, MHD_RESPMEM_MUST_FREE,
                          "text/plain; version=0.0.4; charset=utf-8");
    }
    return fresh;
}

static bool
is_alive(struct metrics_http *http)
{
    struct mono_time published;

    pthread_mutex_lock(&http->lock);
    published = http->published;
    pthread_mutex_unlock(&http->lock);
    return system_clock_mono().ns - published.ns < METRICS_HTTP_STUCK_NS;
}

static enum MHD_Result
answer_health(struct metrics_http *http, struct MHD_Connection *connection,
              bool ready)
{
    char text[MAX_PLAIN] = "stuck: the program does not look after itself\n";
    bool good = is_alive(http);

    pthread_mutex_lock(&http->lock);
    if (good) {
        good = ready ? http->ready : http->healthy;
        snprintf(text, sizeof text, "%s%s\n",
                 good ? "ok" : "not ok: ", good ? "" : http->reason);
    }
    pthread_mutex_unlock(&http->lock);
    return answer_plain(
        connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result
answer_plain(struct MHD_Connection *connection, unsigned status,
             const char *text)
{
    char copy[MAX_PLAIN];
    struct MHD_Response *response;
    enum MHD_Result result;

    snprintf(copy, sizeof copy, "%s", text);
    response = make_response(copy, strlen(copy), MHD_RESPMEM_MUST_COPY,
                             "text/plain; charset=utf-8");
    if (!response) {
        return MHD_NO;
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* NULL without memory.  Nobody is to keep an answer, or to guess what it is. */
static struct MHD_Response *
make_response(char *data, size_t size, enum MHD_ResponseMemoryMode mode,
              const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, data, mode);

    if (!response) {
        if (mode == MHD_RESPMEM_MUST_FREE) {
            free(data);
        }
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Connection", "close");
    return response;
}

/* Asking a Redis server; see redis_link.h.
 *
 * Of hiredis there is what it does well: it reads the protocol.  Bytes are sent
 * and received here, because hiredis copies what it sends into a buffer that
 * has no bound, dies of SIGPIPE on a connection that is gone, and waits for
 * ever on one that is silent. */

#include "tools/redis/redis_link.h"

#include "capture/error.h"
#include "tools/event/json.h"
#include "tools/event/system_clock.h"
#include "tools/event/utf8.h"
#include "tools/redis/redis_socket.h"
#include "tools/redis/redis_tls.h"
#include "tools/redis/redis_uri.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

enum {
    /* What comes in one piece may be nested some thousands deep, and be freed
     * by as many calls; hiredis 1 lets it go on. */
    READ_BYTES = 1 << 14,
    MAX_NESTED = 8, /* As in hiredis 0.14; we ask nothing half so deep. */
    REASON_SIZE = 128,
    TOLD_SIZE = 121 /* Of what a server says, what is told. */
};

/* As hiredis has it. */
#if HIREDIS_MAJOR > 0
typedef size_t list_length;
#else
typedef int list_length;
#endif

struct redis_link {
    int fd;
    struct redis_tls *tls; /* NULL: in the clear. */
    redisReader *reader;
    redisReplyObjectFunctions makers; /* Of answers, for 'reader', */
    void *(*make_list)(const redisReadTask *, list_length); /* as it came. */
    size_t n_elements;   /* Of the answer that is being read. */
    struct json command; /* The latest. */
    bool failed;
    char name[REDIS_URI_NAME_SIZE];
};

static bool connect_to(struct redis_link *, const struct redis_uri *,
                       const struct redis_address *, struct error *);
static bool make_reader(struct redis_link *);
static bool log_in(struct redis_link *, const struct redis_uri *,
                   struct error *);
static bool authenticate(struct redis_link *, const struct redis_uri *,
                         struct error *);
static bool encode(struct redis_link *, const char *const *words,
                   struct error *);
static bool receive_some(struct redis_link *, struct mono_time began,
                         size_t *n_bytes, struct error *);
static bool has_unread(const struct redis_link *);
static size_t receive_bytes(struct redis_link *, char *bytes, size_t size,
                            struct mono_time began, size_t n_before,
                            struct error *);
static bool feed(struct redis_link *, const char *bytes, size_t size,
                 struct error *);
static struct mono_time time_for(struct mono_time began, size_t n_bytes);
static void *make_list(const redisReadTask *, list_length n);
static const redisReply *of(const struct redis_reply *);
static bool fail_system(struct redis_link *, int reason, struct error *);
static bool fail(struct redis_link *, const char *why, struct error *);

struct redis_link *
redis_link_open(const struct redis_uri *uri, struct error *error)
{
    return redis_link_open_at(uri, &uri->addresses[0], error);
}

struct redis_link *
redis_link_open_at(const struct redis_uri *uri,
                   const struct redis_address *address, struct error *error)
{
    struct redis_link *link = calloc(1, sizeof *link);

    if (!link) {
        error_set(error, ERROR_MEMORY, uri->name, "no memory for a connection");
        return NULL;
    }
    link->fd = -1;
    redis_uri_name(uri, address, link->name);
    json_init(&link->command, REDIS_LINK_MAX_COMMAND);
    if (!connect_to(link, uri, address, error) || !log_in(link, uri, error)) {
        redis_link_close(link);
        return NULL;
    }
    return link;
}

void
redis_link_close(struct redis_link *link)
{
    if (link) {
        redis_tls_close(link->tls);
        if (link->reader) {
            redisReaderFree(link->reader);
        }
        if (link->fd >= 0) {
            close(link->fd);
        }
        json_done(&link->command);
        free(link);
    }
}

struct redis_reply *
redis_link_ask(struct redis_link *link, const char *const *words,
               struct error *error)
{
    if (!encode(link, words, error) ||
        !redis_link_send(link, link->command.data, link->command.size, error)) {
        return NULL;
    }
    return redis_link_receive(link, error);
}

bool
redis_link_do(struct redis_link *link, const char *const *words,
              struct error *error)
{
    struct redis_reply *reply = redis_link_ask(link, words, error);
    bool done = reply && (!redis_reply_error(reply) ||
                          redis_reply_refuse(reply, link, words[0], error));

    redis_reply_free(reply);
    return done;
}

bool
redis_link_ok(const struct redis_link *link)
{
    return !link->failed;
}

const char *
redis_link_name(const struct redis_link *link)
{
    return link->name;
}

bool
redis_link_send(struct redis_link *link, const char *commands, size_t size,
                struct error *error)
{
    struct mono_time began = system_clock_mono();
    size_t sent = 0;

    if (link->failed) {
        return fail(link, "the connection failed before", error);
    }
    while (sent < size) {
        struct mono_time until = time_for(began, sent);
        ssize_t n =
            link->tls
                ? redis_tls_send(link->tls, commands + sent, size - sent, until)
                : send(link->fd, commands + sent, size - sent, MSG_NOSIGNAL);

        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno != EINTR) {
            return fail_system(link, errno, error);
        }
        if (sent < size && system_clock_mono().ns > until.ns) {
            return fail_system(link, EAGAIN, error);
        }
    }
    return true;
}

struct redis_reply *
redis_link_receive(struct redis_link *link, struct error *error)
{
    struct mono_time began = system_clock_mono();
    size_t n_bytes = 0;

    link->n_elements = 0;
    if (link->failed) { /* What comes now may answer an earlier command. */
        fail(link, "the connection failed before", error);
        return NULL;
    }
    for (;;) {
        void *reply = NULL;

        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            fail(link,
                 link->n_elements > REDIS_LINK_MAX_ELEMENTS
                     ? "an answer with too many elements"
                     : link->reader->errstr,
                 error);
            return NULL;
        }
        if (reply) {
            return reply;
        }
        if (link->reader->ridx > MAX_NESTED) {
            fail(link, "an answer nested too deeply", error);
            return NULL;
        }
        if (n_bytes > REDIS_LINK_MAX_ANSWER) {
            fail(link, "an answer too large", error);
            return NULL;
        }
        if (!receive_some(link, began, &n_bytes, error)) {
            return NULL;
        }
    }
}

/* No more is asked for than is expected, so that what is behind it is not taken
 * as well. */
bool
redis_link_receive_as(struct redis_link *link, const char *expected,
                      size_t size, struct error *error)
{
    struct mono_time began = system_clock_mono();
    char bytes[READ_BYTES];
    size_t n_same = 0;

    if (link->failed || has_unread(link)) {
        return false;
    }
    while (n_same < size) {
        size_t left = size - n_same;
        size_t n = receive_bytes(link, bytes,
                                 left < sizeof bytes ? left : sizeof bytes,
                                 began, n_same, error);

        if (n_same == 0) {
            redis_link_wake_at(link, 1);
        }
        if (n == 0) {
            return false;
        }
        if (memcmp(bytes, expected + n_same, n) != 0) {
            feed(link, expected, n_same, error);
            feed(link, bytes, n, error);
            return false;
        }
        n_same += n;
    }
    return true;
}

/* Where the kernel does not know the option, it wakes as it likes; and it does
 * not know how many bytes TLS makes of these. */
void
redis_link_wake_at(struct redis_link *link, size_t n_bytes)
{
    int low_water = n_bytes < INT_MAX ? (int)n_bytes : INT_MAX;

    if (!link->tls) {
        setsockopt(link->fd, SOL_SOCKET, SO_RCVLOWAT, &low_water,
                   sizeof low_water);
    }
}

bool
redis_link_wait(struct redis_link *link, int timeout_ms)
{
    struct pollfd wanted = {.fd = link->fd, .events = POLLIN};

    return (link->tls && redis_tls_has_more(link->tls)) ||
           poll(&wanted, 1, timeout_ms) > 0;
}

void
redis_reply_free(struct redis_reply *reply)
{
    if (reply) {
        freeReplyObject(reply);
    }
}

const char *
redis_reply_error(const struct redis_reply *reply)
{
    return reply && of(reply)->type == REDIS_REPLY_ERROR ? of(reply)->str
                                                         : NULL;
}

bool
redis_reply_refuse(const struct redis_reply *reply,
                   const struct redis_link *link, const char *what,
                   struct error *error)
{
    const char *text = redis_reply_error(reply);
    char told[TOLD_SIZE];

    utf8_escape(told, sizeof told, text ? text : "", text ? of(reply)->len : 0);
    return error_set(error, ERROR_SYSTEM, link->name, "%.60s%s%s", what,
                     what[0] ? ": " : "", told);
}

const char *
redis_reply_text(const struct redis_reply *reply, size_t *size)
{
    const redisReply *found = of(reply);

    if (!found || (found->type != REDIS_REPLY_STRING &&
                   found->type != REDIS_REPLY_STATUS)) {
        return NULL;
    }
    if (size) {
        *size = found->len;
    }
    return found->str;
}

bool
redis_reply_is(const struct redis_reply *reply, const char *text)
{
    size_t size;
    const char *found = redis_reply_text(reply, &size);

    return found && size == strlen(text) && memcmp(found, text, size) == 0;
}

bool
redis_reply_integer(const struct redis_reply *reply, int64_t *value)
{
    if (!reply || of(reply)->type != REDIS_REPLY_INTEGER) {
        return false;
    }
    *value = of(reply)->integer;
    return true;
}

bool
redis_reply_is_list(const struct redis_reply *reply)
{
    return reply && of(reply)->type == REDIS_REPLY_ARRAY;
}

size_t
redis_reply_n(const struct redis_reply *reply)
{
    return redis_reply_is_list(reply) ? of(reply)->elements : 0;
}

const struct redis_reply *
redis_reply_at(const struct redis_reply *reply, size_t i)
{
    return i < redis_reply_n(reply) ? (const void *)of(reply)->element[i]
                                    : NULL;
}

const struct redis_reply *
redis_reply_of(const struct redis_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < redis_reply_n(reply); i += 2) {
        if (redis_reply_is(redis_reply_at(reply, i), name)) {
            return redis_reply_at(reply, i + 1);
        }
    }
    return NULL;
}

const char *
redis_link_library_version(void)
{
#define TEXT_OF(X)  TEXT_OF_(X)
#define TEXT_OF_(X) #X
    return TEXT_OF(HIREDIS_MAJOR) "." TEXT_OF(HIREDIS_MINOR) "." TEXT_OF(
        HIREDIS_PATCH);
#undef TEXT_OF_
#undef TEXT_OF
}

static bool
connect_to(struct redis_link *link, const struct redis_uri *uri,
           const struct redis_address *address, struct error *error)
{
    link->fd = redis_socket_open(address, uri->is_unix, link->name, error);
    if (link->fd < 0) {
        return false;
    }
    if (!make_reader(link)) {
        return fail(link, "no memory for a connection", error);
    }
    if (uri->is_tls) {
        link->tls = redis_tls_open(link->fd, uri, address->host, link->name,
                                   time_for(system_clock_mono(), 0), error);
    }
    return !uri->is_tls || link->tls;
}

/* A list's room is made when its length is read, before any of it came: so
 * that, too, has to be bounded. */
static bool
make_reader(struct redis_link *link)
{
    link->reader = redisReaderCreate();
    if (!link->reader) {
        return false;
    }
    link->makers = *link->reader->fn;
    link->make_list = link->makers.createArray;
    link->makers.createArray = make_list;
    link->reader->fn = &link->makers;
    link->reader->privdata = link;
    return true;
}

static bool
log_in(struct redis_link *link, const struct redis_uri *uri,
       struct error *error)
{
    char database[JSON_MAX_NUMBER + 1];

    if (uri->password[0] && !authenticate(link, uri, error)) {
        return false;
    }
    snprintf(database, sizeof database, "%" PRIu32, uri->database);
    return uri->database == 0 ||
           redis_link_do(link, REDIS_WORDS("SELECT", database), error);
}

/* A server that does not know the command repeats what came with it. */
static bool
authenticate(struct redis_link *link, const struct redis_uri *uri,
             struct error *error)
{
    const char *const *words =
        uri->user[0] ? REDIS_WORDS("AUTH", uri->user, uri->password)
                     : REDIS_WORDS("AUTH", uri->password);
    struct redis_reply *reply = redis_link_ask(link, words, error);
    const char *text = redis_reply_error(reply);
    bool done = reply && !text;

    if (link->command.data) {
        explicit_bzero(link->command.data, link->command.size);
    }
    if (text && strstr(text, "with args beginning")) {
        fail(link, "AUTH: the server does not know this command", error);
    } else if (text) {
        redis_reply_refuse(reply, link, "AUTH", error);
    }
    redis_reply_free(reply);
    return done;
}

static bool
encode(struct redis_link *link, const char *const *words, struct error *error)
{
    json_reset(&link->command, false);
    resp_words(&link->command, words);
    return !link->command.failed ||
           fail(link, "no memory for a command", error);
}

static bool
receive_some(struct redis_link *link, struct mono_time began, size_t *n_bytes,
             struct error *error)
{
    char bytes[READ_BYTES];
    size_t n = receive_bytes(link, bytes, sizeof bytes, began, *n_bytes, error);

    *n_bytes += n;
    return n > 0 && feed(link, bytes, n, error);
}

/* In 'reader'. */
static bool
has_unread(const struct redis_link *link)
{
    return link->reader->pos < link->reader->len || link->reader->ridx >= 0;
}

/* 0 if the link failed. */
static size_t
receive_bytes(struct redis_link *link, char *bytes, size_t size,
              struct mono_time began, size_t n_before, struct error *error)
{
    struct mono_time until = time_for(began, n_before);
    ssize_t n;

    if (n_before > 0 && system_clock_mono().ns > until.ns) {
        fail(link, "an answer that comes too slowly", error);
        return 0;
    }
    do {
        n = link->tls ? redis_tls_receive(link->tls, bytes, size, until)
                      : recv(link->fd, bytes, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        fail_system(link, errno, error);
    } else if (n == 0) {
        fail(link, "the server closed the connection", error);
    }
    return n > 0 ? (size_t)n : 0;
}

static bool
feed(struct redis_link *link, const char *bytes, size_t size,
     struct error *error)
{
    return redisReaderFeed(link->reader, bytes, size) == REDIS_OK ||
           fail(link, link->reader->errstr, error);
}

/* By when the next of it has to have come, or gone, after 'n_bytes'. */
static struct mono_time
time_for(struct mono_time began, size_t n_bytes)
{
    began.ns += REDIS_LINK_TIMEOUT_S * SECOND_NS +
                (int64_t)(n_bytes / REDIS_LINK_MIN_RATE) * SECOND_NS;
    return began;
}

static void *
make_list(const redisReadTask *task, list_length n)
{
    struct redis_link *link = task->privdata;

    link->n_elements += (size_t)n;
    return link->n_elements > REDIS_LINK_MAX_ELEMENTS
               ? NULL
               : link->make_list(task, n);
}

/* The handle is hiredis' own structure. */
static const redisReply *
of(const struct redis_reply *reply)
{
    return (const void *)reply;
}

/* EAGAIN is that it took longer than the timeout. */
static bool
fail_system(struct redis_link *link, int reason, struct error *error)
{
    char text[REASON_SIZE];

    if (reason == EAGAIN || reason == EWOULDBLOCK) {
        snprintf(text, sizeof text, "no answer in time");
    } else if (strerror_r(reason, text, sizeof text)) {
        snprintf(text, sizeof text, "error %d", reason);
    }
    return fail(link, text, error);
}

/* Always false. */
static bool
fail(struct redis_link *link, const char *why, struct error *error)
{
    char told[TOLD_SIZE];

    utf8_escape(told, sizeof told, why, strlen(why));
    link->failed = true;
    return error_set(error, ERROR_SYSTEM, link->name, "%s", told);
}

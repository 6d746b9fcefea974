/* See stream_pages.h. */

#include "tools/reconcile/stream_pages.h"

#include "capture/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SHRINK = 10, /* So many times fewer entries, after a failure. */
    MAX_TRIES = 3
};

static bool fetch(struct stream_pages *, struct stream_server *,
                  struct error *);
static struct redis_reply *ask_page(const struct stream_pages *,
                                    struct stream_server *, struct error *);
static struct redis_reply *ask_once(struct stream_server *,
                                    const char *const *words, struct error *);

void
stream_server_init(struct stream_server *server)
{
    redis_place_init(&server->place, &server->uri);
}

void
stream_server_go_to(struct stream_server *server, const char *key)
{
    bool is_other = strcmp(server->key, key) != 0;

    snprintf(server->key, sizeof server->key, "%s", key);
    if (is_other && server->link && redis_place_is_cluster(&server->place)) {
        stream_server_drop(server);
    }
}

struct redis_reply *
stream_server_ask(struct stream_server *server, const char *const *words,
                  struct error *error)
{
    bool was_open = server->link != NULL;
    struct error failed;
    struct redis_reply *reply = ask_once(server, words, &failed);

    if (!reply && was_open && !server->link && !*server->stop) {
        reply = ask_once(server, words, &failed);
    }
    if (!reply) {
        *error = failed;
    }
    return reply;
}

bool
stream_server_open(struct stream_server *server, struct error *error)
{
    if (!server->link) {
        server->link = redis_place_open(
            &server->place, server->key[0] ? server->key : NULL, error);
    }
    return server->link != NULL;
}

void
stream_server_drop(struct stream_server *server)
{
    redis_link_close(server->link);
    server->link = NULL;
}

void
stream_server_close(struct stream_server *server)
{
    stream_server_drop(server);
    redis_place_done(&server->place);
    explicit_bzero(&server->uri, sizeof server->uri);
}

void
stream_pages_init(struct stream_pages *pages, const char *key,
                  struct redis_id first, struct redis_id last)
{
    *pages = (struct stream_pages){.next = first,
                                   .last = last,
                                   .is_done = redis_id_compare(first, last) > 0,
                                   .count = STREAM_PAGES_MAX_COUNT};
    snprintf(pages->key, sizeof pages->key, "%s", key);
}

void
stream_pages_done(struct stream_pages *pages)
{
    redis_reply_free(pages->page);
    pages->page = NULL;
}

bool
stream_pages_peek(struct stream_pages *pages, struct stream_server *server,
                  const struct redis_reply **entry, struct redis_id *id,
                  struct error *error)
{
    const char *text;

    if (pages->at == redis_reply_n(pages->page) && !pages->is_done &&
        !fetch(pages, server, error)) {
        return false;
    }
    *entry = redis_reply_at(pages->page, pages->at);
    if (!*entry) {
        return true;
    }
    text = redis_reply_text(redis_reply_at(*entry, 0), NULL);
    if (!text || !redis_id_parse(text, id) ||
        redis_id_compare(*id, pages->next) < 0) {
        return error_set(error, ERROR_VALUE, pages->key,
                         "its entries are not in order");
    }
    return true;
}

void
stream_pages_pass(struct stream_pages *pages, struct redis_id id)
{
    pages->at++;
    pages->next = redis_id_above(id);
    if (redis_id_compare(id, pages->last) >= 0) {
        pages->is_done = true;
    }
}

struct redis_id
redis_id_above(struct redis_id id)
{
    return id.seq == UINT64_MAX ? (struct redis_id){id.ms + 1, 0}
                                : (struct redis_id){id.ms, id.seq + 1};
}

const char *
redis_id_format(struct redis_id id, char text[STREAM_PAGES_ID_SIZE])
{
    snprintf(text, STREAM_PAGES_ID_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
    return text;
}

/* An answer that is too large breaks the connection, as does a server that
 * ends: fewer entries do for both. */
static bool
fetch(struct stream_pages *pages, struct stream_server *server,
      struct error *error)
{
    struct error failed;
    unsigned tries = 0;

    stream_pages_done(pages);
    pages->at = 0;
    while (!(pages->page = ask_page(pages, server, &failed))) {
        tries += pages->count == 1;
        if (server->link || tries == MAX_TRIES || *server->stop) {
            *error = failed;
            return false;
        }
        pages->count = pages->count > SHRINK ? pages->count / SHRINK : 1;
    }
    pages->is_done = redis_reply_n(pages->page) < pages->count;
    pages->count = pages->count * 2 < STREAM_PAGES_MAX_COUNT
                       ? pages->count * 2
                       : STREAM_PAGES_MAX_COUNT;
    return true;
}

static struct redis_reply *
ask_page(const struct stream_pages *pages, struct stream_server *server,
         struct error *error)
{
    char first[STREAM_PAGES_ID_SIZE], last[STREAM_PAGES_ID_SIZE];
    char count[STREAM_PAGES_ID_SIZE];

    redis_id_format(pages->next, first);
    redis_id_format(pages->last, last);
    snprintf(count, sizeof count, "%u", pages->count);
    return ask_once(
        server, REDIS_WORDS("XRANGE", pages->key, first, last, "COUNT", count),
        error);
}

/* The link is closed if it failed or leads to the wrong node, and stays if the
 * server refused for another reason. */
static struct redis_reply *
ask_once(struct stream_server *server, const char *const *words,
         struct error *error)
{
    struct redis_reply *reply = NULL;

    if (stream_server_open(server, error)) {
        reply = redis_link_ask(server->link, words, error);
    }
    if (!reply) {
        stream_server_drop(server);
    }
    if (redis_reply_error(reply)) {
        redis_reply_refuse(reply, server->link, words[0], error);
        if (redis_place_refused(&server->place, redis_reply_error(reply))) {
            stream_server_drop(server);
        }
        redis_reply_free(reply);
        return NULL;
    }
    return reply;
}

/* See redis_place.h. */

#include "tools/redis/redis_place.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char moved[] = "MOVED ";
static const char ask[] = "ASK ";
static const char switched[] = "+switch-master";

static struct redis_link *open_any(struct redis_place *, struct error *);
static struct redis_link *try_at(struct redis_place *,
                                 const struct redis_address *, struct error *);
static struct redis_link *open_master(struct redis_place *, struct mono_time,
                                      struct error *);
static bool find_master(const struct redis_place *,
                        const struct redis_address *,
                        struct redis_address *master, struct error *);
static struct redis_link *open_sentinel(const struct redis_place *,
                                        const struct redis_address *,
                                        struct error *);
static bool begin_watch(struct redis_place *);
static bool take_news(struct redis_place *);
static bool take_master(const struct redis_place *, const struct redis_link *,
                        const struct redis_reply *,
                        struct redis_address *master, struct error *);
static bool is_master(struct redis_link *, struct error *);
static struct redis_link *if_it_works(struct redis_link *);
static bool is_elsewhere(struct redis_place *, struct redis_link *,
                         const char *key, struct error *);
static void note_nodes(struct redis_place *, struct redis_link *,
                       struct error *);
static void note_node(struct redis_place *, const struct redis_reply *);
static bool begins(const char *text, const char *begin);
static bool read_address(const char *text, const struct redis_address *here,
                         struct redis_address *);
static bool set_address(struct redis_address *, const char *host, size_t size,
                        const char *port);
static bool is_over(struct mono_time began);

void
redis_place_init(struct redis_place *place, const struct redis_uri *uri)
{
    *place = (struct redis_place){.uri = uri};
}

void
redis_place_done(struct redis_place *place)
{
    redis_link_close(place->lent);
    place->lent = NULL;
    redis_link_close(place->watch);
    place->watch = NULL;
}

struct redis_link *
redis_place_open(struct redis_place *place, const char *key,
                 struct error *error)
{
    struct mono_time began = system_clock_mono();

    for (unsigned i = 0; i < REDIS_PLACE_MAX_HOPS && !is_over(began); i++) {
        struct redis_link *link = open_any(place, error);

        if (!link || !key) {
            return link;
        }
        if (!is_elsewhere(place, link, key, error)) {
            note_nodes(place, link, error);
            return if_it_works(link);
        }
        redis_link_close(link);
    }
    return NULL;
}

/* What was asked on the way may have been too much for it. */
static struct redis_link *
if_it_works(struct redis_link *link)
{
    if (redis_link_ok(link)) {
        return link;
    }
    redis_link_close(link);
    return NULL;
}

const struct redis_address *
redis_place_here(const struct redis_place *place)
{
    return &place->here;
}

bool
redis_place_is_cluster(const struct redis_place *place)
{
    return place->n_nodes > 0;
}

bool
redis_place_refused(struct redis_place *place, const char *text)
{
    struct redis_address address;

    if (begins(text, moved) && !place->uri->is_unix &&
        read_address(text, &place->here, &address)) {
        place->learnt = address;
        return true;
    }
    if (begins(text, "READONLY ") || begins(text, "CLUSTERDOWN ") ||
        begins(text, "MASTERDOWN ")) {
        place->learnt.host[0] = '\0';
        place->first++;
        return true;
    }
    return false;
}

bool
redis_place_is_stale(struct redis_place *place)
{
    bool stale = false;

    if (!place->uri->master[0] || !place->here.host[0]) {
        return false;
    }
    if (!place->watch && system_clock_mono().ns >= place->watch_ns) {
        stale = begin_watch(place);
    }
    while (place->watch && redis_link_wait(place->watch, 0)) {
        stale |= take_news(place);
    }
    return stale;
}

bool
redis_place_is_ask(const char *text)
{
    return begins(text, ask);
}

bool
redis_place_is_elsewhere(const char *text)
{
    return begins(text, ask) || begins(text, moved);
}

struct redis_link *
redis_place_follow(struct redis_place *place, const char *text,
                   struct error *error)
{
    struct redis_address address;

    if (place->uri->is_unix || !read_address(text, &place->here, &address)) {
        error_set(error, ERROR_SYSTEM, place->uri->name,
                  "the server does not say which other one can be reached");
        return NULL;
    }
    if (!place->lent || !redis_link_ok(place->lent) ||
        !redis_address_same(&address, &place->lent_at)) {
        redis_link_close(place->lent);
        place->lent = redis_link_open_at(place->uri, &address, error);
        place->lent_at = address;
    }
    if (place->lent &&
        !redis_link_do(place->lent, REDIS_WORDS("ASKING"), error)) {
        redis_link_close(place->lent);
        place->lent = NULL;
    }
    return place->lent;
}

struct redis_reply *
redis_place_ask(const struct redis_place *place, struct redis_link *link,
                const char *const *words, struct error *error)
{
    struct redis_reply *reply = redis_link_ask(link, words, error);
    struct redis_place other = {.uri = place->uri, .here = place->here};

    for (unsigned i = 0; i < REDIS_PLACE_MAX_HOPS; i++) {
        const char *refusal = redis_reply_error(reply);
        struct redis_link *next;

        if (!refusal || !redis_place_is_elsewhere(refusal)) {
            break;
        }
        next = redis_place_follow(&other, refusal, error);
        redis_reply_free(reply);
        reply = next ? redis_link_ask(next, words, error) : NULL;
        other.here = other.lent_at;
    }
    redis_place_done(&other);
    return reply;
}

/* Where it was last, or else what the URI says, or else any node that a cluster
 * was known to have. */
static struct redis_link *
open_any(struct redis_place *place, struct error *error)
{
    const struct redis_uri *uri = place->uri;
    struct mono_time began = system_clock_mono();
    struct redis_link *link = NULL;
    size_t n;

    if (place->learnt.host[0]) {
        link = try_at(place, &place->learnt, error);
        if (link) {
            return link;
        }
        place->learnt.host[0] = '\0';
    }
    if (uri->master[0]) {
        return open_master(place, began, error);
    }
    n = uri->n_addresses + place->n_nodes;
    for (size_t i = 0; i < n && !link && !is_over(began); i++) {
        size_t at = (place->first + i) % n;

        link =
            try_at(place,
                   at < uri->n_addresses ? &uri->addresses[at]
                                         : &place->nodes[at - uri->n_addresses],
                   error);
    }
    return link;
}

static struct redis_link *
try_at(struct redis_place *place, const struct redis_address *address,
       struct error *error)
{
    struct redis_link *link = redis_link_open_at(place->uri, address, error);

    if (link) {
        place->here = *address;
    }
    return link;
}

/* A Sentinel that has not heard of a failover yet names the old master, which
 * may be a replica by now. */
static struct redis_link *
open_master(struct redis_place *place, struct mono_time began,
            struct error *error)
{
    const struct redis_uri *uri = place->uri;
    struct redis_address master;

    for (size_t i = 0; i < uri->n_addresses && !is_over(began); i++) {
        size_t at = (place->first + i) % uri->n_addresses;
        struct redis_link *link = NULL;

        if (find_master(place, &uri->addresses[at], &master, error)) {
            link = try_at(place, &master, error);
        }
        if (link && is_master(link, error)) {
            place->first = at;
            return link;
        }
        redis_link_close(link);
    }
    return NULL;
}

/* As one Sentinel has it. */
static bool
find_master(const struct redis_place *place, const struct redis_address *at,
            struct redis_address *master, struct error *error)
{
    struct redis_link *link = open_sentinel(place, at, error);
    struct redis_reply *reply = NULL;
    bool found;

    if (link) {
        reply =
            redis_link_ask(link,
                           REDIS_WORDS("SENTINEL", "get-master-addr-by-name",
                                       place->uri->master),
                           error);
    }
    found = reply && take_master(place, link, reply, master, error);
    redis_reply_free(reply);
    redis_link_close(link);
    return found;
}

/* They have users of their own, and no databases. */
static struct redis_link *
open_sentinel(const struct redis_place *place, const struct redis_address *at,
              struct error *error)
{
    struct redis_uri asker = *place->uri;
    struct redis_link *link;

    asker.database = 0;
    explicit_bzero(asker.password, sizeof asker.password);
    memcpy(asker.user, asker.sentinel_user, sizeof asker.user);
    if (asker.sentinel_password_file[0] &&
        !redis_password_read(&asker, asker.sentinel_password_file, error)) {
        return NULL;
    }
    link = redis_link_open_at(&asker, at, error);
    explicit_bzero(&asker, sizeof asker);
    return link;
}

/* What happened before is not told: it is asked for, once the watch has begun.
 * Whether there was something. */
static bool
begin_watch(struct redis_place *place)
{
    const struct redis_uri *uri = place->uri;
    const struct redis_address *at =
        &uri->addresses[place->first % uri->n_addresses];
    struct redis_address master;
    struct error error;

    place->watch_ns = system_clock_mono().ns + REDIS_PLACE_WATCH_S * SECOND_NS;
    place->watch = open_sentinel(place, at, &error);
    if (place->watch &&
        redis_link_do(place->watch, REDIS_WORDS("SUBSCRIBE", switched),
                      &error) &&
        find_master(place, at, &master, &error)) {
        return !redis_address_same(&master, &place->here);
    }
    redis_link_close(place->watch);
    place->watch = NULL;
    place->first++; /* Another one, then. */
    return false;
}

/* "message", the channel, and "master old-host old-port new-host new-port". */
static bool
take_news(struct redis_place *place)
{
    const char *name = place->uri->master;
    struct error error;
    struct redis_reply *reply = redis_link_receive(place->watch, &error);
    const char *text = redis_reply_text(redis_reply_at(reply, 2), NULL);
    bool is_ours = text && begins(text, name) && text[strlen(name)] == ' ';

    if (!reply) {
        redis_link_close(place->watch);
        place->watch = NULL;
    }
    redis_reply_free(reply);
    return is_ours;
}

static bool
take_master(const struct redis_place *place, const struct redis_link *link,
            const struct redis_reply *reply, struct redis_address *master,
            struct error *error)
{
    size_t size = 0;
    const char *host = redis_reply_text(redis_reply_at(reply, 0), &size);
    const char *port = redis_reply_text(redis_reply_at(reply, 1), NULL);

    if (redis_reply_error(reply)) {
        return redis_reply_refuse(reply, link, "SENTINEL", error);
    }
    return (host && port && set_address(master, host, size, port)) ||
           error_set(error, ERROR_SYSTEM, redis_link_name(link),
                     "this Sentinel knows no master '%.60s'",
                     place->uri->master);
}

static bool
is_master(struct redis_link *link, struct error *error)
{
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("ROLE"), error);
    bool good = redis_reply_is(redis_reply_at(reply, 0), "master");

    if (redis_reply_error(reply)) {
        redis_reply_refuse(reply, link, "ROLE", error);
    } else if (reply && !good) {
        error_set(error, ERROR_SYSTEM, redis_link_name(link),
                  "the Sentinels call this the master, and it is a replica");
    }
    redis_reply_free(reply);
    return good;
}

/* Asked in a way that changes nothing; whatever else is answered is for those
 * to see who ask in earnest. */
static bool
is_elsewhere(struct redis_place *place, struct redis_link *link,
             const char *key, struct error *error)
{
    struct redis_reply *reply =
        redis_link_ask(link, REDIS_WORDS("XINFO", "STREAM", key), error);
    const char *refusal = redis_reply_error(reply);
    bool elsewhere = refusal && redis_place_refused(place, refusal);

    if (elsewhere) {
        redis_reply_refuse(reply, link, "", error);
    }
    redis_reply_free(reply);
    return elsewhere;
}

/* Those of a cluster, so that another one can be asked when this one is gone. A
 * server that is no cluster says so, and nothing is noted. */
static void
note_nodes(struct redis_place *place, struct redis_link *link,
           struct error *error)
{
    struct redis_reply *slots;

    if (place->uri->is_unix || place->uri->master[0] || !redis_link_ok(link)) {
        return;
    }
    slots = redis_link_ask(link, REDIS_WORDS("CLUSTER", "SLOTS"), error);
    if (redis_reply_n(slots)) {
        place->n_nodes = 0;
    }
    for (size_t i = 0; i < redis_reply_n(slots); i++) {
        const struct redis_reply *range = redis_reply_at(slots, i);

        for (size_t j = 2; j < redis_reply_n(range); j++) {
            note_node(place, redis_reply_at(range, j));
        }
    }
    redis_reply_free(slots);
}

/* Host, port, and more. */
static void
note_node(struct redis_place *place, const struct redis_reply *node)
{
    struct redis_address *address = &place->nodes[place->n_nodes];
    size_t size = 0;
    const char *host = redis_reply_text(redis_reply_at(node, 0), &size);
    int64_t port = 0;

    redis_reply_integer(redis_reply_at(node, 1), &port);
    if (place->n_nodes == REDIS_PLACE_MAX_NODES || !host || size == 0 ||
        size >= sizeof address->host || port <= 0 || port > UINT16_MAX) {
        return;
    }
    memcpy(address->host, host, size + 1);
    address->port = (uint16_t)port;
    for (size_t i = 0; i < place->n_nodes; i++) {
        if (redis_address_same(address, &place->nodes[i])) {
            return;
        }
    }
    place->n_nodes++;
}

static bool
begins(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* "MOVED 866 host:port" and "ASK 866 host:port".  An IPv6 address has no
 * brackets; no host is the one that says so. */
static bool
read_address(const char *text, const struct redis_address *here,
             struct redis_address *address)
{
    const char *slot = strchr(text, ' ');
    const char *host = slot ? strchr(slot + 1, ' ') : NULL;
    const char *port = host ? strrchr(host, ':') : NULL;

    if (!port) {
        return false;
    }
    host++;
    return host == port
               ? set_address(address, here->host, strlen(here->host), port + 1)
               : *host != '?' && set_address(address, host,
                                             (size_t)(port - host), port + 1);
}

static bool
set_address(struct redis_address *address, const char *host, size_t size,
            const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);

    if (size == 0 || size >= sizeof address->host || end == port ||
        (*end && *end != ' ') || number == 0 || number > UINT16_MAX) {
        return false;
    }
    memcpy(address->host, host, size);
    address->host[size] = '\0';
    address->port = (uint16_t)number;
    return true;
}

static bool
is_over(struct mono_time began)
{
    return system_clock_mono().ns - began.ns >=
           REDIS_PLACE_TIMEOUT_S * SECOND_NS;
}

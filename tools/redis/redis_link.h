/* One connection to a Redis server, for asking and answering.
 *
 * A link is connected and logged in from the start, and used until anything
 * goes wrong with it.  It is never repaired: what was sent and not answered is
 * in doubt then, and only its owner knows what follows from that.  So after a
 * call that failed there is nothing left to do but redis_link_close().
 *
 * No wait is endless: connecting (redis_socket.h), shaking hands for TLS,
 * taking a command, and each further piece of an answer take
 * REDIS_LINK_TIMEOUT_S at most, and what comes or goes in pieces has no more
 * than one second more for every REDIS_LINK_MIN_RATE bytes.  Memory: an answer
 * of REDIS_LINK_MAX_ANSWER bytes, some times over, with
 * REDIS_LINK_MAX_ELEMENTS in all its lists, whatever the server sends.
 *
 * Which of several servers, and where it is now, is redis_place.h's affair.
 *
 * What errors tell is safe to print: a server's text is escaped, and has no
 * password in it.  A link belongs to one thread. */

#ifndef TOOLS_REDIS_REDIS_LINK_H
#define TOOLS_REDIS_REDIS_LINK_H

#include "tools/redis/resp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct redis_address;
struct redis_link;  /* Opaque, as is */
struct redis_reply; /* one, or one element of it. */
struct redis_uri;

enum {
    REDIS_LINK_TIMEOUT_S = 2,
    REDIS_LINK_MAX_ANSWER = 64 << 20,
    REDIS_LINK_MAX_ELEMENTS = 1 << 21,
    REDIS_LINK_MIN_RATE = 1 << 16,
    REDIS_LINK_MAX_COMMAND = 1 << 20 /* Of redis_link_ask(). */
};

/* Connects to the URI's first address, with AUTH and SELECT as the URI says; it
 * is not kept. */
struct redis_link *redis_link_open(const struct redis_uri *, struct error *);

/* The same, to an address. */
struct redis_link *redis_link_open_at(const struct redis_uri *,
                                      const struct redis_address *,
                                      struct error *);
void redis_link_close(struct redis_link *); /* Accepts NULL. */

/* Sends one command, of words that end with NULL, and waits for the answer,
 * which may be an error of the server's.  NULL if the link failed. */
struct redis_reply *redis_link_ask(struct redis_link *,
                                   const char *const *words, struct error *);

/* The same, where an error of the server's is a failure as well:
 * redis_link_ok() says whether the link can still be used. */
bool redis_link_do(struct redis_link *, const char *const *words,
                   struct error *);
bool redis_link_ok(const struct redis_link *);

/* "redis at host:port", for people: the one that it is connected to. */
const char *redis_link_name(const struct redis_link *);

/* The two halves of asking, for many commands at once: bytes as resp.h writes
 * them, and then an answer to each. */
bool redis_link_send(struct redis_link *, const char *commands, size_t size,
                     struct error *);
struct redis_reply *redis_link_receive(struct redis_link *, struct error *);

/* True if the next answers are these bytes: they are taken, and nothing is made
 * of them.  If not, redis_link_receive() tells what they are, unless the link
 * failed.  Ends what redis_link_wake_at() began. */
bool redis_link_receive_as(struct redis_link *, const char *expected,
                           size_t size, struct error *);

/* Lets the next redis_link_receive() sleep until so many bytes are there (or
 * the time is up), rather than wake for every few. */
void redis_link_wake_at(struct redis_link *, size_t n_bytes);

/* Waits until some of an answer is there.  False when the time is up before, or
 * a signal came. */
bool redis_link_wait(struct redis_link *, int timeout_ms);

/* For all of these an answer may be NULL, and then it is none of these things:
 * so a path of them leads to NULL where an answer has another shape. */
void redis_reply_free(struct redis_reply *);

/* What the server refused with, as it came; NULL if it is no error. */
const char *redis_reply_error(const struct redis_reply *);
/* Makes an error of it, about 'what' unless that is "".  Always false. */
bool redis_reply_refuse(const struct redis_reply *, const struct redis_link *,
                        const char *what, struct error *);

/* A string or a status, terminated, which may hold any bytes; NULL if it is
 * none.  'size' may be NULL. */
const char *redis_reply_text(const struct redis_reply *, size_t *size);
bool redis_reply_is(const struct redis_reply *, const char *text);

bool redis_reply_integer(const struct redis_reply *, int64_t *);
bool redis_reply_is_list(const struct redis_reply *);
size_t redis_reply_n(const struct redis_reply *); /* Of a list; else 0. */
const struct redis_reply *redis_reply_at(const struct redis_reply *, size_t i);

/* The value behind 'name' in a list of names and values, as XINFO and HGETALL
 * answer; NULL if there is none. */
const struct redis_reply *redis_reply_of(const struct redis_reply *,
                                         const char *name);

/* Of hiredis, as compiled against: it cannot tell what is linked. */
const char *redis_link_library_version(void);

#endif

/* The addresses that a name has, without waiting for ever.
 *
 * The resolver has patience of its own, for each server and each try
 * (resolv.conf(5)), and cannot be interrupted.  So it is asked in a thread,
 * which is left alone after REDIS_LOOKUP_TIMEOUT_S: who asks for the same name
 * again soon waits for that one, and gets what it found meanwhile.  So a
 * resolver that is slower is waited for by whoever tries again; but one that is
 * asked when a name server is away may say so minutes after that is back, and
 * so is asked anew after REDIS_LOOKUP_FRESH_S.  At most REDIS_LOOKUP_MAX are
 * under way at once, in the whole program.
 *
 * Any thread. */

#ifndef TOOLS_REDIS_REDIS_LOOKUP_H
#define TOOLS_REDIS_REDIS_LOOKUP_H

struct addrinfo;
struct error;
struct redis_address;

enum {
    REDIS_LOOKUP_TIMEOUT_S = 6, /* One name server of two may be away. */
    REDIS_LOOKUP_FRESH_S = 2 * REDIS_LOOKUP_TIMEOUT_S,
    REDIS_LOOKUP_MAX = 16
};

/* To be freed with freeaddrinfo(); NULL if there are none, or not in time.  The
 * error's 'where' is 'name'. */
struct addrinfo *redis_lookup(const struct redis_address *, const char *name,
                              struct error *);

#endif

/* Whether a Redis server can be trusted with events, by what INFO and CONFIG
 * say of it.
 *
 * Streams and lists are keys without an expiry: a server that may evict such
 * keys to make room deletes a whole stream at once.  What a user may not ask
 * for is not known, and no risk. */

#ifndef TOOLS_REDIS_REDIS_HEALTH_H
#define TOOLS_REDIS_REDIS_HEALTH_H

#include <stdbool.h>

struct error;
struct redis_info;
struct redis_link;

/* X(NAME, "the server ...") */
#define REDIS_RISKS(X)                                                         \
    X(EVICTS, "may evict any key when it is full")                             \
    X(EVICTS_SOME, "may evict keys that expire when it is full")               \
    X(REPLICA, "is a replica of another")                                      \
    X(SENTINEL, "is a Sentinel, and keeps no keys")                            \
    X(ALONE, "wants replicas before it takes anything, and has none")          \
    X(VOLATILE, "keeps nothing on disk")                                       \
    X(SNAPSHOTS, "writes snapshots only")                                      \
    X(FSYNC, "leaves it to the system when its file is written")               \
    X(WRITES, "could not write to its disk")

enum redis_risk {
#define REDIS_RISK_ENUM(NAME, TEXT) REDIS_RISK_##NAME,
    REDIS_RISKS(REDIS_RISK_ENUM) REDIS_N_RISKS
#undef REDIS_RISK_ENUM
};

const char *redis_risk_text(enum redis_risk);

enum {
    REDIS_SETUP_WORD_SIZE = 64
};

/* What INFO does not tell: "" for what is not set. */
struct redis_setup {
    bool is_known;
    char save[REDIS_SETUP_WORD_SIZE];
    char fsync[REDIS_SETUP_WORD_SIZE];
};

/* Bits of 1 << enum redis_risk.  Pure. */
unsigned redis_health_judge(const struct redis_info *,
                            const struct redis_setup *);

/* Which write failed last, as INFO names it; NULL if none did.  Pure. */
const char *redis_health_failed_write(const struct redis_info *);

/* Asks for it; whether the link failed, redis_link_ok() says. */
void redis_setup_ask(struct redis_link *, struct redis_setup *);

/* Asks for all, and judges.  False if the link failed. */
bool redis_health_ask(struct redis_link *, unsigned *risks, struct error *);

#endif

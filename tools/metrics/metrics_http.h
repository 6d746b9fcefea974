/* Metrics, and whether the program is healthy and ready, over HTTP:
 *
 *   /metrics   what metrics_write() says, for Prometheus
 *   /healthz   200 while the program goes on working, else 503
 *   /readyz    200 while it captures and its events have somewhere to go
 *
 * One thread serves all of it, and nothing waits for that thread: who runs the
 * program publishes what there is to say a few times a second, and leaves.  A
 * text of all metrics is made only if somebody has asked for one.
 *
 * Who connects may be hostile.  There are METRICS_HTTP_MAX_CONNECTIONS at most
 * for each address, each for one request of METRICS_HTTP_MAX_REQUEST bytes, for
 * METRICS_HTTP_LIFETIME_S seconds at most; GET and HEAD only.  A web page that
 * has its own name resolve to our address (DNS rebinding) gets nothing, because
 * the request's Host must be an address, localhost, or, if we listen on an
 * address others can reach, the name of this machine. */

#ifndef TOOLS_METRICS_METRICS_HTTP_H
#define TOOLS_METRICS_METRICS_HTTP_H

#include "capture/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct health;
struct metrics_http; /* Opaque. */
struct listen_place;

enum {
    METRICS_HTTP_MAX_CONNECTIONS = 16,
    METRICS_HTTP_MAX_REQUEST = 8192, /* Line and headers. */
    METRICS_HTTP_IDLE_S = 5,         /* Without a byte sent or taken. */
    METRICS_HTTP_LIFETIME_S = 20,
    METRICS_HTTP_FRESH_MS = 1000 /* A text is good for so long. */
};

/* Who publishes nothing for so long is not working any more. */
#define METRICS_HTTP_STUCK_NS (10 * SECOND_NS)

/* Listens and starts the thread.  NULL with '*error' if the port is taken, or
 * else it cannot be listened on. */
struct metrics_http *metrics_http_start(const struct listen_place *,
                                        struct error *);

/* Ends all connections and the thread.  Accepts NULL. */
void metrics_http_stop(struct metrics_http *);

/* For the thread that runs the program: what is so now. */
void metrics_http_publish_health(struct metrics_http *, const struct health *);

/* Whether somebody waits for a text; then one is to be published. */
bool metrics_http_wants_text(const struct metrics_http *);

/* Takes 'text' over, to be freed; NULL if none could be made. */
void metrics_http_publish_text(struct metrics_http *, char *text, size_t size);

#endif

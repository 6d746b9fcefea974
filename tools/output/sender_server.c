/* What is told of the server; see sender.h. */

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/output/sender_impl.h"
#include "tools/redis/redis_health.h"

#include <assert.h>

/* Somebody may change how it is set up. */
#define LOOK_NS (60 * SECOND_NS)

static_assert((int)EVENT_MAX_RISKS >= (int)REDIS_N_RISKS,
              "an event has room for all risks");

void
sender_count_connection(struct sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    sender->server.connections++;
    pthread_mutex_unlock(&sender->mutex);
    sender->look_ns = 0;
}

void
sender_count_error(struct sender *sender, enum event_server_error error)
{
    pthread_mutex_lock(&sender->mutex);
    sender->server.errors[error]++;
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
}

enum event_server_error
sender_error_of(enum redis_answer answer)
{
    switch (answer) {
    case REDIS_TRY_LATER: return EVENT_SERVER_LATER;
    case REDIS_MOVED: return EVENT_SERVER_MOVED;
    case REDIS_DENIED: return EVENT_SERVER_DENIED;
    case REDIS_STORED:
    case REDIS_NOT_ABOVE:
    case REDIS_GONE:
    case REDIS_REFUSED: break;
    }
    return EVENT_SERVER_REFUSED;
}

void
sender_look_at_server(struct sender *sender)
{
    int64_t now_ns = system_clock_mono().ns;
    struct event_server *server = &sender->server;
    unsigned risks;

    if (now_ns < sender->look_ns) {
        return;
    }
    sender->look_ns = now_ns + LOOK_NS;
    if (!redis_health_ask(sender->link, &risks, &sender->error)) {
        sender_lose_link(sender);
        return;
    }
    pthread_mutex_lock(&sender->mutex);
    server->n_risks = 0;
    for (unsigned risk = 0; risk < REDIS_N_RISKS; risk++) {
        if (risks >> risk & 1) {
            server->risks[server->n_risks++] =
                redis_risk_text((enum redis_risk)risk);
        }
    }
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
}

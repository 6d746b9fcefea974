/* Syncs the spool, so that neither who puts events nor who sends them waits for
 * the disk; see sender.h. */

#include "tools/event/system_clock.h"
#include "tools/output/sender_impl.h"

/* There is nothing to do until it is rung. */
#define FOR_LONG_NS (3600 * SECOND_NS)

static bool begin(struct sender *);
static void end(struct sender *);

void *
sender_sync_run(void *context)
{
    struct sender *sender = context;

    while (!atomic_load(&sender->stop)) {
        if (begin(sender)) {
            spool_sync_run(sender->spool);
            end(sender);
        } else {
            doorbell_wait(&sender->sync, FOR_LONG_NS);
        }
    }
    return NULL;
}

static bool
begin(struct sender *sender)
{
    bool is_begun;

    pthread_mutex_lock(&sender->mutex);
    is_begun = spool_sync_begin(sender->spool, system_clock_mono());
    pthread_mutex_unlock(&sender->mutex);
    return is_begun;
}

/* What was not read before it was synced can be sent now. */
static void
end(struct sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    spool_sync_end(sender->spool);
    sender_publish(sender);
    pthread_mutex_unlock(&sender->mutex);
    if (sender->options.spool.sync_ns == 0) {
        doorbell_ring(&sender->work);
    }
}

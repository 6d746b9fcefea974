/* Wakes a thread that waits for work or for room.
 *
 * Any thread may ring; one thread waits.  A ring before the wait is not lost.
 */

#ifndef TOOLS_OUTPUT_DOORBELL_H
#define TOOLS_OUTPUT_DOORBELL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct doorbell {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool rung;           /* Under 'mutex'. */
    atomic_bool waiting; /* And no hint was taken yet. */
};

void doorbell_init(struct doorbell *);
void doorbell_done(struct doorbell *);
void doorbell_ring(struct doorbell *);

/* As doorbell_ring(), but may be missed by a thread just about to wait, which
 * then sleeps its time out: for hints on a busy path. */
void doorbell_hint(struct doorbell *);

/* Until rung, or for 'timeout_ns' at most. */
void doorbell_wait(struct doorbell *, int64_t timeout_ns);

#endif

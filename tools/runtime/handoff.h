/* Stretches of a capture on their way from the reader to all workers.
 *
 * A stretch is a window full of the capture and, for each worker, the frames in
 * it that are its share.  Frames are not copied: they point into the window,
 * where read(2) put them.  Stretches circulate in a ring that every worker goes
 * round at its own pace.  The reader hands one on by moving its count on, a
 * worker gives one back by moving its own; the slowest worker decides what is
 * empty again.  So what threads share is these counts, each written by one of
 * them, once a stretch: a packet costs no lock, no atomic operation and no
 * cache line that two threads write.
 *
 * Who has nothing to do sleeps, and is woken late, when much has come together:
 * the workers for a round, HANDOFF_ROUND stretches or what there is before the
 * reader waits; the reader when so many are empty.  A round is also what the
 * desk puts in order together.  At its end each worker is told how far the
 * run's clock has come, so time passes for a worker without packets too.
 *
 * Memory: HANDOFF_STRETCHES windows of SOURCE_WINDOW_BYTES, used for the first
 * time as the reader runs ahead, and lists of frames, a quarter of that on most
 * captures.  A window for a larger record is made only when all others are
 * empty, and gone when it is used again: so there are at most two such. */

#ifndef TOOLS_RUNTIME_HANDOFF_H
#define TOOLS_RUNTIME_HANDOFF_H

#include "capture/frame.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct handoff; /* Opaque. */
struct policy;

enum {
    HANDOFF_STRETCHES = 16,
    /* A round must fit into the ring whole: a worker may wait for the desk, and
     * the desk waits for the end of the round on every worker. */
    HANDOFF_ROUND = HANDOFF_STRETCHES / 2,
    HANDOFF_LIST_FRAMES = 64
};

/* Frames of one worker, in order. */
struct handoff_list {
    alignas(64) size_t n_frames;
    const struct handoff_list *next;              /* More of the stretch. */
    struct wall_time clocks[HANDOFF_LIST_FRAMES]; /* Of the run, at each. */
    struct frame frames[HANDOFF_LIST_FRAMES];
};

/* What a worker gets of a stretch. */
struct handoff_share {
    const struct handoff_list *frames; /* Or NULL. */
    bool ends_round;
    struct wall_time clock; /* Of the run, where the stretch ends. */
    struct policy *policy;  /* In force from the next stretch on; or NULL. */
};

struct handoff *handoff_new(unsigned n_workers, struct error *);
void handoff_free(struct handoff *); /* Accepts NULL; all threads are done. */

/* Reader: the window of the stretch to be filled, of 'size' bytes at least.  A
 * new one after handoff_send(), once a stretch is empty.  For more than
 * SOURCE_WINDOW_BYTES all have to be: the one sent must have ended a round.
 * NULL: out of memory. */
uint8_t *handoff_window(struct handoff *, size_t size);

/* Reader: adds a frame in the window, which is at most one for each
 * SOURCE_MIN_RECORD_BYTES. */
void handoff_add(struct handoff *, unsigned worker, const struct frame *,
                 struct wall_time clock);

/* Reader: whether no frame was added since the last one was sent. */
bool handoff_is_empty(struct handoff *);

/* Reader: hands the stretch on.  The window's frames stay where they are until
 * all workers are done with it.  'policy' is a reference that is taken over, or
 * NULL. */
void handoff_send(struct handoff *, bool ends_round, struct wall_time clock,
                  struct policy *);

/* Reader: no more come; once. */
void handoff_close(struct handoff *);

/* Worker: its share of the next stretch, borrowed until handoff_done().  False
 * at the end. */
bool handoff_receive(struct handoff *, unsigned worker, struct handoff_share *);
void handoff_done(struct handoff *, unsigned worker);

#endif

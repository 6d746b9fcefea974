/* Stretches of a capture on their way from who reads it to all workers.
 *
 * A stretch is a window full of the capture and, for each worker, the frames in
 * it that are its share.  Frames are not copied: they point into the window,
 * where read(2) put them.  Stretches pass through a ring that every worker goes
 * round at its own pace.  The reader hands one on by moving the ring's count
 * on, a worker gives one back by moving its own; the slowest worker decides
 * what is empty again.  So what threads share is these counts, each written by
 * one of them at a time, once a stretch: a packet costs no lock, no atomic
 * operation and no cache line that two threads write.
 *
 * The reader is one thread at a time; it may be a worker, which then has to do
 * its own share before it fills a stretch that is the last.  Who has nothing to
 * do sleeps, and is woken late, when much has come together: the workers for
 * HANDOFF_WAKE stretches or what there is before the reader waits; the reader
 * when a round's worth is empty.  A round, HANDOFF_ROUND stretches or what
 * there is before the reader waits, is what the desk puts in order together.
 * At its end each worker is told how far the run's clock has come, so time
 * passes for a worker without packets too.
 *
 * Memory: a window of SOURCE_WINDOW_BYTES for each stretch that was in use at
 * one time, HANDOFF_STRETCHES at most, and lists of frames, a quarter of that
 * on most captures.  What was emptied last is filled first, while it is in a
 * cache: workers that keep up make do with a few.  A window for a larger record
 * is made only when all others are empty, and gone when it is used again: so
 * there are at most two such. */

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
    HANDOFF_STRETCHES = 32,
    /* A round must fit into the ring whole: a worker may wait for the desk, and
     * the desk waits for the end of the round on every worker. */
    HANDOFF_ROUND = HANDOFF_STRETCHES / 2,
    HANDOFF_WAKE = 8,
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

/* Reader: the window of the stretch to be filled, of 'size' bytes at least.
 * Another one after handoff_send(), once a stretch is empty; what is in the one
 * before may be read until then, and until it is the same.  For more than
 * SOURCE_WINDOW_BYTES all have to be: the one sent must have ended a round.
 * NULL: out of memory. */
uint8_t *handoff_window(struct handoff *, size_t size);

/* Reader: adds a frame in the window, which is at most one for each
 * SOURCE_MIN_RECORD_BYTES. */
void handoff_add(struct handoff *, unsigned worker, const struct frame *,
                 struct wall_time clock);

/* Reader: whether no frame was added since the last one was sent. */
bool handoff_is_empty(struct handoff *);

/* Reader: whether a worker has not done all the others yet: handoff_window()
 * waits for it once this one is sent. */
bool handoff_is_last(struct handoff *);

/* Reader: hands the stretch on.  The window's frames stay where they are until
 * all workers are done with it.  'policy' is a reference that is taken over, or
 * NULL. */
void handoff_send(struct handoff *, bool ends_round, struct wall_time clock,
                  struct policy *);

/* Reader: no more come; once. */
void handoff_close(struct handoff *);

/* Worker: how many stretches wait for it. */
size_t handoff_backlog(const struct handoff *, unsigned worker);

/* Worker: sleeps until there are many, or the round's last, or somebody wakes
 * it.  False: there is none, and no more come. */
bool handoff_wait(struct handoff *, unsigned worker);
void handoff_wake(struct handoff *, unsigned worker);

/* Worker: its share of the next stretch, which is there, borrowed until
 * handoff_done(). */
void handoff_receive(struct handoff *, unsigned worker, struct handoff_share *);
void handoff_done(struct handoff *, unsigned worker);

#endif

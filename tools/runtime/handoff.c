/* A ring of stretches with one writer and many readers; see handoff.h.
 *
 * 'sent' and each worker's 'done' count for ever; a stretch is in slot 'count
 * modulo HANDOFF_STRETCHES' from when it is sent until all have done it, then
 * on the reader's stack of idle ones.  Sleeping is Dekker's: who sleeps says so
 * before it looks a last time, who wakes looks for sleepers after it has moved
 * its count, and the order of both is that of sequential consistency.  So no
 * wake is lost, and a thread that is awake costs the others nothing. */

#include "tools/runtime/handoff.h"

#include "capture/error.h"
#include "capture/source.h"
#include "rules/policy.h"
#include "tools/output/doorbell.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    CACHE_LINE_BYTES = 64,
    FULL_LISTS =
        SOURCE_WINDOW_BYTES / SOURCE_MIN_RECORD_BYTES / HANDOFF_LIST_FRAMES
};

static const int64_t sleep_ns = SECOND_NS; /* Woken before, by who knows. */

static_assert(sizeof(struct handoff_list) % CACHE_LINE_BYTES == 0,
              "no line belongs to two workers");

/* The reader's until it is sent, then everybody's to read. */
struct stretch {
    uint8_t *window; /* NULL until first used. */
    size_t capacity;
    struct handoff_list *lists; /* FULL_LISTS, and one begun for each worker. */
    size_t n_lists;             /* In use. */
    const struct handoff_list **first; /* By worker; or NULL. */
    bool ends_round;
    struct wall_time clock;
    struct policy *policy; /* Owned; or NULL. */
};

/* One worker's side: a line that it writes, and one that wakes it. */
struct side {
    alignas(CACHE_LINE_BYTES) atomic_size_t done;
    alignas(CACHE_LINE_BYTES) struct doorbell work;
};

struct handoff {
    /* The reader writes, once a stretch. */
    alignas(CACHE_LINE_BYTES) atomic_size_t sent;
    atomic_size_t wanted; /* It sleeps until so many are empty; or 0. */
    atomic_bool closed;
    struct doorbell room; /* Wakes it. */

    /* Never change. */
    unsigned n_sides;
    struct side *sides;

    /* The reader's own. */
    size_t n_sent;
    struct stretch *open;       /* Being filled; or NULL. */
    struct handoff_list **last; /* Of that stretch, by worker; or NULL. */
    size_t n_taken_back;        /* Of those sent. */
    size_t n_idle;
    struct stretch *idle[HANDOFF_STRETCHES]; /* A stack. */

    /* The reader writes, workers read; those sent, by their count. */
    struct stretch *ring[HANDOFF_STRETCHES];
    struct stretch stretches[HANDOFF_STRETCHES];
};

static bool handoff_init(struct handoff *, unsigned n_workers, struct error *);
static bool stretch_init(struct stretch *, unsigned n_workers);
static void open_stretch(struct handoff *, size_t size);
static void drop_large_windows(struct handoff *);
static void stretch_drop_window(struct stretch *);
static struct handoff_list *add_list(struct handoff *, unsigned worker);
static void take_back(struct handoff *);
static void await_empty(struct handoff *, size_t n_wanted);
static size_t count_empty(struct handoff *);
static void wake_workers(struct handoff *);

struct handoff *
handoff_new(unsigned n_workers, struct error *error)
{
    struct handoff *handoff =
        aligned_alloc(alignof(struct handoff), sizeof *handoff);

    if (!handoff) {
        error_set(error, ERROR_MEMORY, NULL, "out of memory for a handoff");
        return NULL;
    }
    memset(handoff, 0, sizeof *handoff);
    doorbell_init(&handoff->room);
    if (!handoff_init(handoff, n_workers, error)) {
        handoff_free(handoff);
        return NULL;
    }
    return handoff;
}

static bool
handoff_init(struct handoff *handoff, unsigned n_workers, struct error *error)
{
    bool good;

    handoff->sides =
        aligned_alloc(CACHE_LINE_BYTES, n_workers * sizeof *handoff->sides);
    handoff->last = calloc(n_workers, sizeof(struct handoff_list *));
    good = handoff->sides && handoff->last;
    for (size_t i = 0; good && i < HANDOFF_STRETCHES; i++) {
        good = stretch_init(&handoff->stretches[i], n_workers);
        handoff->idle[handoff->n_idle++] = &handoff->stretches[i];
    }
    if (!good) {
        return error_set(error, ERROR_MEMORY, NULL,
                         "out of memory for a handoff");
    }
    for (; handoff->n_sides < n_workers; handoff->n_sides++) {
        atomic_init(&handoff->sides[handoff->n_sides].done, 0);
        doorbell_init(&handoff->sides[handoff->n_sides].work);
    }
    return true;
}

static bool
stretch_init(struct stretch *stretch, unsigned n_workers)
{
    size_t n_lists = FULL_LISTS + n_workers;

    stretch->first = calloc(n_workers, sizeof(struct handoff_list *));
    stretch->lists = aligned_alloc(alignof(struct handoff_list),
                                   n_lists * sizeof *stretch->lists);
    return stretch->first && stretch->lists;
}

void
handoff_free(struct handoff *handoff)
{
    if (!handoff) {
        return;
    }
    for (size_t i = 0; i < HANDOFF_STRETCHES; i++) {
        struct stretch *stretch = &handoff->stretches[i];

        policy_unref(stretch->policy);
        free(stretch->first);
        free(stretch->lists);
        free(stretch->window);
    }
    for (unsigned i = 0; i < handoff->n_sides; i++) {
        doorbell_done(&handoff->sides[i].work);
    }
    doorbell_done(&handoff->room);
    free(handoff->sides);
    free(handoff->last);
    free(handoff);
}

uint8_t *
handoff_window(struct handoff *handoff, size_t size)
{
    struct stretch *stretch;

    if (!handoff->open) {
        open_stretch(handoff, size);
    }
    stretch = handoff->open;
    if (stretch->capacity < size) {
        assert(stretch->capacity == 0); /* What is in it is needed. */
        stretch->window = malloc(size);
        stretch->capacity = stretch->window ? size : 0;
    }
    return stretch->window;
}

void
handoff_add(struct handoff *handoff, unsigned worker, const struct frame *frame,
            struct wall_time clock)
{
    struct handoff_list *list = handoff->last[worker];

    if (!list || list->n_frames == HANDOFF_LIST_FRAMES) {
        list = add_list(handoff, worker);
    }
    list->clocks[list->n_frames] = clock;
    list->frames[list->n_frames] = *frame;
    list->n_frames++;
}

bool
handoff_is_last(struct handoff *handoff)
{
    return count_empty(handoff) < 2;
}

bool
handoff_is_empty(struct handoff *handoff)
{
    return !handoff->open || handoff->open->n_lists == 0;
}

void
handoff_send(struct handoff *handoff, bool ends_round, struct wall_time clock,
             struct policy *policy)
{
    struct stretch *stretch = handoff->open;

    stretch->ends_round = ends_round;
    stretch->clock = clock;
    stretch->policy = policy;
    handoff->ring[handoff->n_sent % HANDOFF_STRETCHES] = stretch;
    handoff->open = NULL;
    handoff->n_sent++;
    atomic_store_explicit(&handoff->sent, handoff->n_sent,
                          memory_order_release);
    if (ends_round || handoff->n_sent % HANDOFF_WAKE == 0) {
        wake_workers(handoff);
    }
}

void
handoff_close(struct handoff *handoff)
{
    atomic_store_explicit(&handoff->closed, true, memory_order_release);
    wake_workers(handoff);
}

size_t
handoff_backlog(const struct handoff *handoff, unsigned worker)
{
    const struct side *side = &handoff->sides[worker];

    return atomic_load_explicit(&handoff->sent, memory_order_acquire) -
           atomic_load_explicit(&side->done, memory_order_relaxed);
}

bool
handoff_wait(struct handoff *handoff, unsigned worker)
{
    bool closed = atomic_load_explicit(&handoff->closed, memory_order_acquire);

    if (handoff_backlog(handoff, worker)) {
        return true;
    }
    if (!closed) {
        doorbell_wait(&handoff->sides[worker].work, sleep_ns);
    }
    return !closed;
}

void
handoff_wake(struct handoff *handoff, unsigned worker)
{
    doorbell_ring(&handoff->sides[worker].work);
}

void
handoff_receive(struct handoff *handoff, unsigned worker,
                struct handoff_share *share)
{
    struct side *side = &handoff->sides[worker];
    size_t done = atomic_load_explicit(&side->done, memory_order_relaxed);
    const struct stretch *stretch = handoff->ring[done % HANDOFF_STRETCHES];

    assert(handoff_backlog(handoff, worker) > 0);
    *share = (struct handoff_share){
        .frames = stretch->first[worker],
        .ends_round = stretch->ends_round,
        .clock = stretch->clock,
        .policy = stretch->policy,
    };
}

void
handoff_done(struct handoff *handoff, unsigned worker)
{
    struct side *side = &handoff->sides[worker];
    size_t wanted;

    atomic_fetch_add(&side->done, 1);
    wanted = atomic_load(&handoff->wanted);
    if (wanted && count_empty(handoff) >= wanted) {
        doorbell_ring(&handoff->room);
    }
}

static void
open_stretch(struct handoff *handoff, size_t size)
{
    struct stretch *stretch;

    if (size > SOURCE_WINDOW_BYTES) {
        await_empty(handoff, HANDOFF_STRETCHES);
    } else if (count_empty(handoff) == 0) {
        await_empty(handoff, HANDOFF_STRETCHES - HANDOFF_ROUND);
    }
    take_back(handoff);
    if (size > SOURCE_WINDOW_BYTES) {
        drop_large_windows(handoff);
    }
    stretch = handoff->idle[--handoff->n_idle];
    if (stretch->capacity != size) {
        stretch_drop_window(stretch);
    }
    policy_unref(stretch->policy);
    stretch->policy = NULL;
    stretch->n_lists = 0;
    for (unsigned i = 0; i < handoff->n_sides; i++) {
        stretch->first[i] = handoff->last[i] = NULL;
    }
    handoff->open = stretch;
}

/* Those that are empty again, but for the last one sent: the record that comes
 * next may begin there. */
static void
take_back(struct handoff *handoff)
{
    size_t n_behind = HANDOFF_STRETCHES - count_empty(handoff);

    while (handoff->n_taken_back < handoff->n_sent - n_behind &&
           handoff->n_taken_back + 1 < handoff->n_sent) {
        handoff->idle[handoff->n_idle++] =
            handoff->ring[handoff->n_taken_back++ % HANDOFF_STRETCHES];
    }
}

static void
drop_large_windows(struct handoff *handoff)
{
    for (size_t i = 0; i < handoff->n_idle; i++) {
        if (handoff->idle[i]->capacity > SOURCE_WINDOW_BYTES) {
            stretch_drop_window(handoff->idle[i]);
        }
    }
}

static void
stretch_drop_window(struct stretch *stretch)
{
    free(stretch->window);
    stretch->window = NULL;
    stretch->capacity = 0;
}

static struct handoff_list *
add_list(struct handoff *handoff, unsigned worker)
{
    struct stretch *stretch = handoff->open;
    struct handoff_list *list = &stretch->lists[stretch->n_lists++];

    assert(stretch->n_lists <= FULL_LISTS + handoff->n_sides);
    list->n_frames = 0;
    list->next = NULL;
    if (handoff->last[worker]) {
        handoff->last[worker]->next = list;
    } else {
        stretch->first[worker] = list;
    }
    handoff->last[worker] = list;
    return list;
}

/* Reader.  The workers may be asleep over less than a round. */
static void
await_empty(struct handoff *handoff, size_t n_wanted)
{
    wake_workers(handoff);
    atomic_store(&handoff->wanted, n_wanted);
    while (count_empty(handoff) < n_wanted) {
        doorbell_wait(&handoff->room, sleep_ns);
    }
    atomic_store(&handoff->wanted, 0);
}

/* Any thread; 'sent' does not move while the reader waits. */
static size_t
count_empty(struct handoff *handoff)
{
    size_t sent = atomic_load(&handoff->sent);
    size_t most = 0;

    for (unsigned i = 0; i < handoff->n_sides; i++) {
        size_t behind = sent - atomic_load(&handoff->sides[i].done);

        most = behind > most ? behind : most;
    }
    return HANDOFF_STRETCHES - most;
}

static void
wake_workers(struct handoff *handoff)
{
    for (unsigned i = 0; i < handoff->n_sides; i++) {
        doorbell_ring(&handoff->sides[i].work);
    }
}

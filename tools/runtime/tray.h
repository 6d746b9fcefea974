/* What a worker passes on to the desk: flows the policy objects to, and what
 * detectors want to see of flows.
 *
 * Each worker has a tray and fills it with copies, which stay good after the
 * flow is gone.  What happened in one round of the run (handoff.h) is passed on
 * together, so that the desk can put the workers' items in one order, the same
 * on any number of workers.  Memory is TRAY_BATCHES batches a worker; a worker
 * waits while the desk is that far behind. */

#ifndef TOOLS_RUNTIME_TRAY_H
#define TOOLS_RUNTIME_TRAY_H

#include "dissect/application.h"
#include "flows/flow_record.h"
#include "rules/detect/detect.h"
#include "rules/judge/judge.h"
#include "rules/violation.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct exchange;
struct tray_batch;

enum {
    TRAY_BATCH_BYTES = 64 << 10,         /* Of items, */
    TRAY_ITEMS = TRAY_BATCH_BYTES / 128, /* at most so many. */
    TRAY_BATCHES = 4
};

/* Things that are due at a packet's time come before it. */
enum tray_phase {
    TRAY_DUE,    /* A timeout passed. */
    TRAY_PACKET, /* A packet came. */
    TRAY_LAST    /* The run ended. */
};

/* Where an item stands in the order of the run. */
struct tray_place {
    struct wall_time when;
    enum tray_phase phase;
    /* Packets: file and frame number, and 0.  Else: when the flow had its last
     * packet, and its id. */
    uint64_t major, minor;
};

enum tray_kind {
    TRAY_OBJECTION,
    TRAY_SIGHTING
};

/* What all items have in common, and begin with. */
struct tray_item {
    struct tray_place place;
    enum tray_kind kind;
};

struct tray_objection {
    struct tray_item item;
    struct violation_hit hit;
    /* The flow as it was, for the event. */
    struct flow_record record;
    struct verdict verdict;
    struct application application;          /* With details of its own. */
    const struct application_engine *engine; /* NULL: not inspected. */
    segment_id src_segment, dst_segment;
    const char *file, *interface;
};

struct tray_sighting {
    struct tray_item item;
    struct sighting sighting;
};

/* Items take the room they need: most are sightings, a quarter as large as
 * objections, and all of a batch goes from one core's cache to another's. */
struct tray_batch {
    size_t n;
    size_t used; /* Of 'room'. */
    bool ends_round;
    struct wall_time clock;              /* Of the run, where the round ends. */
    struct policy *policy;               /* That of all items; a reference. */
    struct tray_item *order[TRAY_ITEMS]; /* Of the run, once it is sent. */
    alignas(struct tray_objection) char room[TRAY_BATCH_BYTES];
};

/* Takes a sorted batch over, on the worker's own thread. */
typedef void tray_handler(void *context, struct tray_batch *);

/* On a cache line of its own. */
struct tray {
    alignas(64) struct exchange *exchange; /* To the desk's thread; or NULL, */
    tray_handler *handler;                 /* and this takes batches. */
    /* Told that a batch went before the round ended: the desk, and so soon the
     * worker, waits until all end it.  NULL, or set before the first item. */
    void (*hurry)(void *context);
    void *context;            /* Of both. */
    struct tray_batch *batch; /* Being filled; NULL before the first. */
    struct tray_batch *own;   /* The only one without an exchange. */
    const struct policy *policy;
};

/* Either side of a thread: 'handler' NULL makes an exchange. */
bool tray_init(struct tray *, tray_handler *handler, void *context,
               struct error *);
void tray_done(struct tray *);

/* Worker.  Items added from here on are judged by 'policy'; borrowed until the
 * next call.  Only between rounds. */
void tray_set_policy(struct tray *, const struct policy *policy);

/* Worker: room for one more item, to be filled in but for 'item'.  Those of one
 * place stay in the order of these calls. */
struct tray_objection *tray_add_objection(struct tray *,
                                          const struct tray_place *);
struct tray_sighting *tray_add_sighting(struct tray *,
                                        const struct tray_place *);

/* Desk: an item as what its kind says it is. */
static inline const struct tray_objection *
tray_objection_of(const struct tray_item *item)
{
    return (const struct tray_objection *)(const void *)item;
}

static inline const struct tray_sighting *
tray_sighting_of(const struct tray_item *item)
{
    return (const struct tray_sighting *)(const void *)item;
}

/* Worker: passes on what is there, at every end of a round.  The desk cannot go
 * past a round that one of its trays has not ended. */
void tray_end_round(struct tray *, struct wall_time clock);

/* Worker: no more come. */
void tray_close(struct tray *);

/* Desk: makes a batch empty again, for exchange_give_back(). */
void tray_batch_clear(struct tray_batch *);

/* Negative if 'a' comes first; 0 only for items of one worker. */
int tray_place_compare(const struct tray_place *a, const struct tray_place *b);

#endif

/* Batches that circulate between two threads.
 *
 * A fixed pool: the giver takes an empty batch, fills it and sends it; the
 * taker receives it and gives it back.  One thread on each side.  The pool
 * bounds both memory and how far the giver can run ahead; an exchange with
 * nothing to take blocks. */

#ifndef TOOLS_RUNTIME_EXCHANGE_H
#define TOOLS_RUNTIME_EXCHANGE_H

#include <stddef.h>

struct error;
struct exchange; /* Opaque. */

/* 'n' zeroed batches of 'bytes' each. */
struct exchange *exchange_new(size_t n, size_t bytes, struct error *);
void exchange_free(struct exchange *); /* Accepts NULL; both threads are done.
                                        */

/* Giver: an empty batch; blocks until the taker gives one back. */
void *exchange_take_empty(struct exchange *);

/* Giver: 'batch' belongs to the taker now; NULL says that no more come. */
void exchange_send(struct exchange *, void *batch);

/* Taker: the next batch, or NULL at the end; blocks. */
void *exchange_receive(struct exchange *);
void exchange_give_back(struct exchange *, void *batch);

#endif

/* From the numbers nDPI uses in this run to those the policy uses.
 *
 * Both sides know applications by name; this table is made once a worker and
 * policy, so that judging compares small integers.  Immutable after
 * symbols_new(). */

#ifndef TOOLS_RUNTIME_SYMBOLS_H
#define TOOLS_RUNTIME_SYMBOLS_H

#include "dissect/application.h"
#include "rules/judge/judge.h"

struct error;
struct policy;
struct symbols; /* Opaque. */

struct symbols *symbols_new(const struct policy *,
                            const struct application_engine *, struct error *);
void symbols_free(struct symbols *); /* Accepts NULL. */

/* Fills in all that 'question' holds of the application; texts are borrowed
 * from 'application'. */
void symbols_ask(const struct symbols *, const struct application *application,
                 struct question *question);

#endif

/* How far a group of readers is in a stream. */

#ifndef TOOLS_RECONCILE_STREAM_GROUP_H
#define TOOLS_RECONCILE_STREAM_GROUP_H

#include "tools/reconcile/stream_pages.h"

/* All entries up to '*frontier' were acknowledged.  Where there is no such
 * group it is the greatest id: nobody is known to be behind.  False if the
 * server could not be asked. */
bool stream_group_frontier(struct stream_server *, const char *key,
                           const char *group, struct redis_id *frontier,
                           struct error *);

#endif

/* What the process may do, reduced to what watching a network takes: the
 * identity of a user of its own, and of all capabilities CAP_NET_RAW, with
 * which interfaces are opened, also those that come back.
 *
 * To be called before there is a second thread, because capabilities are each
 * thread's own, and before files are opened: what the user may open at the
 * start it may open again later.  There is no way back. */

#ifndef TOOLS_PROCESS_PRIVILEGES_H
#define TOOLS_PROCESS_PRIVILEGES_H

#include <stdbool.h>

struct error;

/* Becomes 'user', with the groups that it is a member of; NULL stays who it is.
 * Only root can become another.  Capabilities are given up unless it stays
 * root. On failure the process is not to go on. */
bool privileges_drop(const char *user, struct error *);

/* No more of them by executing files, no core dump, no debugger of the same
 * user, no look at the environment: what came over the network, and passwords,
 * are in memory. */
bool privileges_seal(struct error *);

#endif

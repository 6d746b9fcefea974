/* The program, with a spool that ends it.
 *
 * SEGMON_SPOOL_FAILPOINT says where, and at which time it comes by there:
 * "written:3".  It ends as by kill -9: nothing is closed, nothing is flushed.
 */

#include "tools/spool/spool_failpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int
spool_failpoint(const char *name)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static unsigned long n_times;
    const char *asked = getenv("SEGMON_SPOOL_FAILPOINT");
    size_t size = strlen(name);

    if (!asked || strncmp(asked, name, size) != 0 || asked[size] != ':') {
        return 0;
    }
    pthread_mutex_lock(&mutex);
    if (++n_times == strtoul(asked + size + 1, NULL, 10)) {
        raise(SIGKILL);
    }
    pthread_mutex_unlock(&mutex);
    return 0;
}

/* The program, with places where it goes wrong when a test wants it to.
 *
 * Linked before the product's own libraries, with --wrap for the functions
 * below, so that the product has no such places itself.  SEGMON_FAILPOINT is a
 * name of the table; the place fails from when SEGMON_FAILPOINT_FILE exists. */

#include "capture/source_live.h"
#include "tools/output/event_queue.h"
#include "tools/runtime/desk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void stick_if_asked(const char *name);
static bool is_asked(const char *name);

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void __real_source_live_check(struct source *, struct mono_time,
                              struct wall_time);
void __wrap_source_live_check(struct source *, struct mono_time,
                              struct wall_time);
bool __real_event_queue_peek(struct event_queue *, struct event_queue_item *);
bool __wrap_event_queue_peek(struct event_queue *, struct event_queue_item *);
bool __real_desk_run_round(struct desk *);
bool __wrap_desk_run_round(struct desk *);

void
__wrap_source_live_check(struct source *source, struct mono_time mono,
                         struct wall_time wall)
{
    stick_if_asked("stick-worker");
    __real_source_live_check(source, mono, wall);
}

bool
__wrap_event_queue_peek(struct event_queue *queue,
                        struct event_queue_item *item)
{
    stick_if_asked("stick-output");
    return __real_event_queue_peek(queue, item);
}

bool
__wrap_desk_run_round(struct desk *desk)
{
    stick_if_asked("stick-desk");
    return __real_desk_run_round(desk);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static void
stick_if_asked(const char *name)
{
    while (is_asked(name)) {
        pause();
    }
}

/* Nothing sets the environment while the program runs. */
static bool
is_asked(const char *name)
{
    const char *asked = getenv("SEGMON_FAILPOINT");
    const char *file = getenv("SEGMON_FAILPOINT_FILE");

    return asked && strcmp(asked, name) == 0 && file && access(file, F_OK) == 0;
}

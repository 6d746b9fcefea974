/* All frames of a capture, in memory: for programs that send them.
 *
 * The caller owns the list and may change the bytes.  As large as the capture.
 */

#ifndef TESTS_SUPPORT_FRAME_LIST_H
#define TESTS_SUPPORT_FRAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct error;

struct frame_list {
    struct iovec *frames;
    size_t n, capacity;
};

/* Of any kind that the program itself reads.  On failure, too, the list is to
 * be given to frame_list_done(). */
bool frame_list_load(struct frame_list *, const char *path, struct error *);

void frame_list_done(struct frame_list *);

#endif

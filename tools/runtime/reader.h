/* Reads capture files and hands on what dissection makes of each frame.
 *
 * Used by one thread at a time: which one may change between two calls. */

#ifndef TOOLS_RUNTIME_READER_H
#define TOOLS_RUNTIME_READER_H

#include "capture/source.h"
#include "tools/runtime/capture_names.h"
#include "tools/runtime/pipeline.h"

/* Takes the packets of one batch.  'packets' are borrowed, 'frames' too; but
 * what those point to stays as long as the windows it was read into. */
typedef void reader_batch_handler(void *context, const struct frame *frames,
                                  const struct packet *packets,
                                  size_t n_packets);

struct reader_options {
    const struct pipeline_options *pipeline; /* Borrowed, as is all else. */
    struct capture_names *names;
    struct source_windows windows; /* 'next' NULL: the source's own. */
    reader_batch_handler *handler;
    void *context;
};

enum {
    READER_BATCH = 64 /* Frames read, dissected and handed on together. */
};

/* Private to reader.c. */
struct reader {
    struct reader_options options;
    struct pipeline_result *result;
    struct source *source;   /* Of the file last opened; NULL between two. */
    bool is_regular;         /* It is a file that is all there. */
    uint64_t bytes_before;   /* Counted when it was opened. */
    uint16_t interface;      /* Of the last frame, as its file numbers it; */
    uint16_t interface_name; /* and as the run does. */
    struct frame frames[READER_BATCH];
    struct packet packets[READER_BATCH];
};

/* Options and 'result', where everything is counted, are borrowed for as long
 * as the reader is used. */
void reader_init(struct reader *, const struct reader_options *,
                 struct pipeline_result *result);

/* Goes on a little: opens the next file, or hands one batch on, or closes a
 * file read to its end.  False when there is nothing more to read: then, and
 * only then, nothing is left to undo. */
bool reader_next(struct reader *);

/* Whether that may wait for somebody else: when it opens a file, and reads one
 * that is not regular. */
bool reader_may_wait(const struct reader *);

#endif

/* Reads capture files and hands on what dissection makes of each frame.
 *
 * Belongs to one thread. */

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

/* Reads every file of the pipeline in turn, counting into 'result'. */
void reader_run(const struct reader_options *, struct pipeline_result *result);

#endif

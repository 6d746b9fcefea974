/* Reads capture files and hands on what dissection makes of each frame.
 *
 * Belongs to one thread. */

#ifndef TOOLS_RUNTIME_READER_H
#define TOOLS_RUNTIME_READER_H

#include "tools/runtime/capture_names.h"
#include "tools/runtime/pipeline.h"

/* Takes the packets of one batch; 'frames' and 'packets' are borrowed.  'idle':
 * the source has no more just now. */
typedef void reader_batch_handler(void *context, const struct frame *frames,
                                  const struct packet *packets,
                                  size_t n_packets, bool idle);

enum {
    READER_BATCH = 64 /* Frames read, dissected and handed on together. */
};

/* Reads every file of 'options' in turn, counting into 'result'. */
void reader_run(const struct pipeline_options *options,
                struct capture_names *names, reader_batch_handler *handler,
                void *context, struct pipeline_result *result);

#endif

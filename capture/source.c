/* The calls of source.h, passed on to the kind of source that was opened. */

#include "capture/source_class.h"

void
source_close(struct source *source)
{
    if (source) {
        source->class->close(source);
    }
}

enum source_status
source_read(struct source *source, struct frame *frames, size_t max_frames,
            size_t *n_frames, struct error *error)
{
    return source->class->read(source, frames, max_frames, n_frames, error);
}

const char *
source_interface_name(const struct source *source, uint16_t interface)
{
    return source->class->interface_name(source, interface);
}

void
source_get_stats(const struct source *source, struct source_stats *stats)
{
    source->class->get_stats(source, stats);
}

/* What a kind of source provides; source.c calls it for everyone else.
 *
 * Inside capture/ only.  A source embeds 'struct source' as its first member
 * and sets 'class'. */

#ifndef CAPTURE_SOURCE_CLASS_H
#define CAPTURE_SOURCE_CLASS_H

#include "capture/source.h"

struct source_class {
    enum source_status (*read)(struct source *, struct frame *frames,
                               size_t max_frames, size_t *n_frames,
                               struct error *error);
    const char *(*interface_name)(const struct source *, uint16_t interface);
    void (*get_stats)(const struct source *, struct source_stats *stats);
    void (*close)(struct source *);
};

struct source {
    const struct source_class *class;
};

#endif

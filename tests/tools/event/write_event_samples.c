/* write_event_samples FILE: the events of event_samples.h, one a line. */

#include "tests/tools/event/event_samples.h"
#include "tools/event/json.h"

#include <stdio.h>

struct writer {
    FILE *file;
    struct event_samples *samples;
    uint64_t sequence;
};

static void
write_event(void *context, const char *name, enum event_kind kind,
            const struct json *body)
{
    struct writer *writer = context;
    char id[EVENT_ID_SIZE];
    struct json head;

    (void)name;
    (void)kind;
    json_init(&head, EVENT_MAX_BYTES);
    event_id_format(&writer->samples->source, ++writer->sequence, id);
    event_head_encode(&head, id, writer->sequence,
                      (struct wall_time){INT64_C(1773144007120331000)});
    fwrite(head.data, 1, head.size, writer->file);
    fwrite(body->data, 1, body->size, writer->file);
    fputc('\n', writer->file);
    json_done(&head);
}

int
main(int argc, char **argv)
{
    struct event_samples samples;
    struct writer writer = {.samples = &samples};

    if (argc != 2 || !event_samples_init(&samples)) {
        return 1;
    }
    writer.file = fopen(argv[1], "w");
    if (!writer.file) {
        return 1;
    }
    event_samples_each(&samples, write_event, &writer);
    event_samples_done(&samples);
    return fclose(writer.file) == 0 ? 0 : 1;
}

/* A conversation that is shown to a real nDPI, packet by packet. */

#ifndef TESTS_DISSECT_INSPECTED_H
#define TESTS_DISSECT_INSPECTED_H

#include "tests/support/conversation.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct application_engine *engine;
    struct conversation conversation;
};

static inline int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;

    assert_non_null(f);
    f->engine = application_engine_new(NULL, &error);
    assert_non_null(f->engine);
    *state = f;
    return 0;
}

static inline int
tear_down(void **state)
{
    struct fixture *f = *state;

    application_engine_free(f->engine);
    free(f);
    return 0;
}

static inline bool
say(struct fixture *f, struct inspection *inspection, bool from_initiator,
    const void *bytes, size_t size)
{
    struct conversation *c = &f->conversation;

    conversation_send(c, from_initiator, bytes, size);
    return inspection_packet(f->engine, inspection, &c->packet, &c->frame,
                             from_initiator);
}

static inline bool
say_text(struct fixture *f, struct inspection *inspection, bool from_initiator,
         const char *text)
{
    return say(f, inspection, from_initiator, text, strlen(text));
}

static inline const char *
name_of(const struct fixture *f, uint16_t id)
{
    return application_name(f->engine, id);
}

#endif

/* nDPI behind application.h, with conversations of whatever comes.
 *
 * Input: protocol, server port (2 bytes), options, then payloads, each two
 * bytes of length with the high bit for the direction, then that many bytes.
 * The engine lives as long as the process, as in the program. */

#include "tests/support/conversation.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "dissect/cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OPTION_IPV6 = 1,
    OPTION_HANDSHAKE = 2,
    OPTION_CUT = 4 /* The capture cut the packets. */
};

static struct application_engine *engine;
static struct conversation conversation;

static void
talk(struct inspection *inspection, struct cursor *c, uint8_t options)
{
    struct conversation *k = &conversation;
    struct application result;
    uint16_t head;

    while (cursor_be16(c, &head)) {
        bool from_initiator = (head & 0x8000) != 0;
        size_t length = head & 0x7fff;
        struct bytes payload = {NULL, 0};

        if (length > cursor_left(c)) {
            length = cursor_left(c);
        }
        (void)cursor_take(c, length, &payload);
        conversation_send(k, from_initiator, payload.data, payload.size);
        if ((options & OPTION_CUT) != 0 && length > 4) {
            k->frame.captured -= 3;
            k->packet.payload_captured -= 3;
            k->packet.flags |= PACKET_TRUNCATED;
        }
        inspection_packet(engine, inspection, &k->packet, &k->frame,
                          from_initiator);
        inspection_peek(engine, inspection, &result);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over((struct bytes){data, size});
    struct inspection *inspection;
    struct application result;
    uint8_t protocol, options;
    struct error error;
    uint16_t port;

    if (engine == NULL) {
        engine = application_engine_new(NULL, &error);
    }
    if (!cursor_u8(&c, &protocol) || !cursor_be16(&c, &port) ||
        !cursor_u8(&c, &options)) {
        return 0;
    }
    inspection = inspection_new(engine, NULL);
    if (inspection == NULL) {
        abort();
    }
    conversation_init(&conversation, protocol, port);
    conversation.ip_version = (options & OPTION_IPV6) != 0 ? 6 : 4;
    if ((options & OPTION_HANDSHAKE) != 0) {
        inspection_saw_handshake(inspection);
    }
    talk(inspection, &c, options);
    inspection_finish(engine, inspection, &result);
    if (result.state == APPLICATION_KNOWN &&
        result.confidence < APPLICATION_BY_CACHE) {
        abort();
    }
    application_done(&result);
    return 0;
}

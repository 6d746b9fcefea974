/* The fields of a ServerHello, one after the other, however the bytes come:
 * 'step' is the field that is next, 'skip' what lies before it, 'field' as much
 * of it as is there. */

#include "dissect/tls_hello_body.h"

enum {
    MIN_BODY = 2 + 32 + 1 + 3, /* Without extensions. */
    RANDOM_SIZE = 32,
    MAX_SESSION_ID = 32,
    EXTENSION_SUPPORTED_VERSIONS = 43
};

enum step {
    STEP_VERSION,
    STEP_SESSION_ID,
    STEP_EXTENSIONS,
    STEP_EXTENSION,
    STEP_SELECTED_VERSION,
    STEP_REST
};

static void take_field(struct tls_hello *hello, struct tls_hello_stream *s);
static void decide(struct tls_hello *hello, uint16_t version);

bool
tls_hello_body_begin(struct tls_hello_stream *s, uint32_t size)
{
    if (size < MIN_BODY || size > TLS_HELLO_MAX_BODY) {
        return false;
    }
    s->message_left = size;
    s->step = STEP_VERSION;
    s->skip = 0;
    s->n_field = 0;
    return true;
}

void
tls_hello_body_take(struct tls_hello *hello, struct tls_hello_stream *s,
                    struct bytes part)
{
    static const uint8_t wanted[] = {
        [STEP_VERSION] = 2,          [STEP_SESSION_ID] = 1,
        [STEP_EXTENSIONS] = 2,       [STEP_EXTENSION] = 4,
        [STEP_SELECTED_VERSION] = 2,
    };
    struct cursor c = cursor_over(part);
    uint8_t lost = s->n_lost;

    s->message_left -= (uint32_t)part.size;
    while (s->n_lost == lost && !hello->over) {
        struct bytes skipped;
        size_t size = cursor_left(&c);

        size = size < s->skip ? size : s->skip;
        (void)cursor_take(&c, size, &skipped);
        s->skip = (uint16_t)(s->skip - size);
        if (s->skip > 0 || s->step == STEP_REST ||
            !tls_gather(&c, s->field, &s->n_field, wanted[s->step])) {
            break;
        }
        take_field(hello, s);
    }
    if (s->n_lost != lost || s->message_left > 0 || hello->over) {
        return;
    }
    if (s->skip == 0 && s->n_field == 0 &&
        (s->step == STEP_REST || s->step == STEP_EXTENSIONS)) {
        decide(hello, s->version);
    } else {
        tls_hello_body_lose(s); /* It ended inside a field. */
    }
}

void
tls_hello_body_lose(struct tls_hello_stream *s)
{
    s->in_record = false;
    s->message_left = 0;
    s->n_lost++;
    s->over |= s->n_lost >= TLS_HELLO_MAX_LOST;
}

static bool
is_version(uint16_t version)
{
    switch (version) {
    case TLS_VERSION_SSL3:
    case TLS_VERSION_1_0:
    case TLS_VERSION_1_1:
    case TLS_VERSION_1_2:
    case TLS_VERSION_1_3:
    case DTLS_VERSION_OLD:
    case DTLS_VERSION_1_0:
    case DTLS_VERSION_1_2:
    case DTLS_VERSION_1_3: return true;
    default:
        /* Drafts of TLS 1.3: IETF's and Facebook's. */
        return version >> 8 == 0x7f || version >> 8 == 0xfb;
    }
}

static void
decide(struct tls_hello *hello, uint16_t version)
{
    if (version >> 8 == 0x7f || version >> 8 == 0xfb) {
        version = TLS_VERSION_1_3;
    }
    hello->version = version;
    hello->over = true;
}

static void
begin_extension(struct tls_hello_stream *s)
{
    uint16_t size = tls_be16(s->field + 2);

    if (s->extensions_left < 4 + size) {
        tls_hello_body_lose(s);
        return;
    }
    s->extensions_left = (uint16_t)(s->extensions_left - 4 - size);
    if (tls_be16(s->field) == EXTENSION_SUPPORTED_VERSIONS && size == 2) {
        s->step = STEP_SELECTED_VERSION;
        return;
    }
    s->skip = size;
    s->step = s->extensions_left > 0 ? STEP_EXTENSION : STEP_REST;
}

/* Acts on the field that 's->step' asked for. */
static void
take_field(struct tls_hello *hello, struct tls_hello_stream *s)
{
    switch ((enum step)s->step) {
    case STEP_VERSION:
        s->version = tls_be16(s->field);
        if (!is_version(s->version)) {
            tls_hello_body_lose(s);
        } else if (s->version >> 8 == 0x7f) {
            decide(hello, s->version); /* Drafts to 21: another layout. */
        }
        s->skip = RANDOM_SIZE;
        s->step = STEP_SESSION_ID;
        break;
    case STEP_SESSION_ID:
        if (s->field[0] > MAX_SESSION_ID) {
            tls_hello_body_lose(s);
        }
        s->skip = (uint16_t)(s->field[0] + 3); /* And cipher, compression. */
        s->step = STEP_EXTENSIONS;
        break;
    case STEP_EXTENSIONS:
        s->extensions_left = tls_be16(s->field);
        s->step = s->extensions_left > 0 ? STEP_EXTENSION : STEP_REST;
        break;
    case STEP_EXTENSION: begin_extension(s); break;
    case STEP_SELECTED_VERSION:
        if (is_version(tls_be16(s->field))) {
            decide(hello, tls_be16(s->field));
        } else {
            tls_hello_body_lose(s);
        }
        break;
    case STEP_REST: break;
    }
}

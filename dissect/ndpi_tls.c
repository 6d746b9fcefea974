/* Two functions of nDPI's are replaced as in ndpi_hotfix.c.
 *
 * processClientServerHello() is shown an abridged ClientHello: one without the
 * session, the ciphers and those extensions that nothing is made of but the
 * fingerprint (and a guess at the browser, which is not asked for).  What it
 * makes of the rest it makes as before: of the server's name, the protocols and
 * the parameters of QUIC, and of extensions that are uncommon.  The fingerprint
 * is made here:
 *
 *     JA3 = MD5("version,ciphers,extensions,groups,point formats")
 *
 * in decimal numbers between hyphens, without those of GREASE (RFC 8701).  That
 * goes for hellos whose lengths all agree.  nDPI reads others in ways of its
 * own, past the end of an extension for one: so those it sees as they are.
 *
 * ndpi_search_tls_tcp_memory() adds a packet to what a conversation said so
 * far.  Nothing is gathered before a packet that begins like a record; what
 * comes before one would only be taken for records, and hide those after it.
 *
 * The packet is in nDPI's module (ndpi_inside.h). */

#include "dissect/ndpi_tls.h"

#include "dissect/ndpi_inside.h"

#if NDPI_INSIDE

#include "dissect/cursor.h"
#include "dissect/tls_hello_body.h"

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <stdint.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default"), used))

enum {
    QUIC_VERSION_1 = 1,
    RECORD_MAJOR_VERSION = 3,
    READ_AS_CLIENT = 2,  /* What nDPI returns of a ClientHello. */
    MAX_JA3 = 1000,      /* Bytes of its text; nDPI cuts it at 1023. */
    MAX_ABRIDGED = 1024, /* Longer ones are shown as they are. */
    MESSAGE_HEADER = 4,
    START = 2 + 32 /* The version and the random number. */
};

/* Extensions: IANA's TLS ExtensionType Values. */
enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_GROUPS = 10,
    EXTENSION_POINT_FORMATS = 11,
    EXTENSION_PROTOCOLS = 16, /* ALPN. */
    EXTENSION_TLMSP = 53,     /* This and the next are odd in TLS. */
    EXTENSION_CONNECTION_ID = 54,
    EXTENSION_QUIC = 57,
    LAST_COMMON_EXTENSION = 59, /* Those after it are odd to nDPI, or not. */
    EXTENSION_QUIC_DRAFT = 65445,
    EXTENSION_ENCRYPTED_NAME = 65486
};

typedef void gather_function(struct ndpi_detection_module_struct *,
                             struct ndpi_flow_struct *);
typedef int hello_function(struct ndpi_detection_module_struct *,
                           struct ndpi_flow_struct *, uint32_t);

/* Not in nDPI's headers; the names are the library's. */
gather_function ndpi_search_tls_tcp_memory;
hello_function
    processClientServerHello; /* NOLINT(readability-identifier-naming) */

/* What dlsym() finds. */
union original {
    void *object;
    gather_function *gather;
    hello_function *hello;
};

static gather_function *gather_original;
static hello_function *hello_original;

/* RFC 8446, section 4.1.2. */
struct client_hello {
    struct bytes start, ciphers, extensions;
    struct bytes groups, point_formats; /* Extensions; 'data' may be NULL. */
};

/* The text of a fingerprint. */
struct ja3 {
    size_t size;
    bool is_full;
    char text[MAX_JA3];
};

struct abridged {
    size_t size;
    uint8_t byte[MAX_ABRIDGED];
};

static bool
is_grease(unsigned number)
{
    return number >> 8 == (number & 0xff) && (number & 0xf) == 0xa;
}

static void
put_letter(struct ja3 *ja3, char letter)
{
    ja3->is_full |= ja3->size == MAX_JA3;
    if (!ja3->is_full) {
        ja3->text[ja3->size++] = letter;
    }
}

/* Number of 16 bits, and what parts it from the one before. */
static void
put_number(struct ja3 *ja3, unsigned number)
{
    unsigned digits =
        1U + (number > 9) + (number > 99) + (number > 999) + (number > 9999);
    bool is_first = ja3->size == 0 || ja3->text[ja3->size - 1] == ',';
    char *at;

    ja3->is_full |= digits + 1 > MAX_JA3 - ja3->size;
    if (ja3->is_full) {
        return;
    }
    if (!is_first) {
        ja3->text[ja3->size++] = '-';
    }
    ja3->size += digits;
    at = ja3->text + ja3->size;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
}

static void
put_numbers(struct ja3 *ja3, struct bytes numbers)
{
    for (size_t at = 0; at + 2 <= numbers.size; at += 2) {
        unsigned number = bytes_be16(numbers, at);

        if (!is_grease(number)) {
            put_number(ja3, number);
        }
    }
}

static void
put_be16(struct abridged *to, size_t at, size_t number)
{
    to->byte[at] = (uint8_t)(number >> 8);
    to->byte[at + 1] = (uint8_t)number;
}

/* Returns false if there is no room. */
static bool
add_extension(struct abridged *to, unsigned id, struct bytes body)
{
    if (body.size + 4 > MAX_ABRIDGED - to->size) {
        return false;
    }
    put_be16(to, to->size, id);
    put_be16(to, to->size + 2, body.size);
    memcpy(to->byte + to->size + 4, body.data, body.size);
    to->size += 4 + body.size;
    return true;
}

/* Only once, at least 'least' bytes. */
static bool
keep_once(struct bytes *kept, struct bytes body, size_t least)
{
    if (kept->data != NULL || body.size < least) {
        return false;
    }
    *kept = body;
    return true;
}

/* Whether nDPI, which believes the length inside, stays inside of 'body'. */
static bool
holds(struct bytes body, size_t length_at)
{
    return body.size >= length_at + 2 &&
           bytes_be16(body, length_at) <= body.size - length_at - 2;
}

/* Returns false if nDPI has to see the hello as it is. */
static bool
abridge_extension(struct abridged *to, struct client_hello *hello, unsigned id,
                  struct bytes body, uint32_t quic_version)
{
    switch (id) {
    case EXTENSION_GROUPS:
        return body.size % 2 == 0 && keep_once(&hello->groups, body, 2);
    case EXTENSION_POINT_FORMATS:
        return keep_once(&hello->point_formats, body, 1);
    case EXTENSION_SERVER_NAME:
        return holds(body, 3) && add_extension(to, id, body);
    case EXTENSION_PROTOCOLS:
        return holds(body, 0) && add_extension(to, id, body);
    case EXTENSION_QUIC:
    case EXTENSION_QUIC_DRAFT:
        /* No length inside since draft 27. */
        return (quic_version == QUIC_VERSION_1 || holds(body, 0)) &&
               add_extension(to, id, body);
    case EXTENSION_ENCRYPTED_NAME: return false;
    default:
        return (id <= LAST_COMMON_EXTENSION && id != EXTENSION_TLMSP &&
                id != EXTENSION_CONNECTION_ID) ||
               add_extension(to, id, bytes_part(body, 0, 0));
    }
}

/* Returns false if its lengths do not agree. */
static bool
read_hello(struct bytes message, struct client_hello *hello)
{
    struct cursor c = cursor_over(message);
    uint8_t type, n;
    uint32_t size;
    uint16_t n_bytes;

    return cursor_u8(&c, &type) && type == TLS_CLIENT_HELLO &&
           cursor_be24(&c, &size) && size == cursor_left(&c) &&
           cursor_take(&c, START, &hello->start) && cursor_u8(&c, &n) &&
           cursor_skip(&c, n) && /* The session. */
           cursor_be16(&c, &n_bytes) && n_bytes % 2 == 0 &&
           cursor_take(&c, n_bytes, &hello->ciphers) && cursor_u8(&c, &n) &&
           cursor_skip(&c, n) && /* Compressions. */
           cursor_be16(&c, &n_bytes) && n_bytes == cursor_left(&c) &&
           cursor_take(&c, n_bytes, &hello->extensions);
}

/* Everything up to the extensions: no session, no cipher, no compression. */
static void
begin_abridged(struct abridged *to, const struct client_hello *hello)
{
    memset(to->byte, 0, MESSAGE_HEADER + START + 6);
    to->byte[0] = TLS_CLIENT_HELLO;
    memcpy(to->byte + MESSAGE_HEADER, hello->start.data, START);
    to->size = MESSAGE_HEADER + START + 6;
}

static void
end_abridged(struct abridged *to)
{
    put_be16(to, 2, to->size - MESSAGE_HEADER);
    put_be16(to, MESSAGE_HEADER + START + 4,
             to->size - (MESSAGE_HEADER + START + 6));
}

/* Returns false if nDPI has to see the message as it is. */
static bool
abridge(struct bytes message, uint32_t quic_version, struct abridged *to,
        struct ja3 *ja3)
{
    struct client_hello hello = {0};
    struct cursor c;
    uint16_t id, size;
    struct bytes body;

    if (!read_hello(message, &hello)) {
        return false;
    }
    ja3->size = 0;
    ja3->is_full = false;
    put_number(ja3, bytes_be16(hello.start, 0));
    put_letter(ja3, ',');
    put_numbers(ja3, hello.ciphers);
    put_letter(ja3, ',');
    begin_abridged(to, &hello);
    c = cursor_over(hello.extensions);
    while (cursor_left(&c) > 0) {
        if (!cursor_be16(&c, &id) || !cursor_be16(&c, &size) ||
            !cursor_take(&c, size, &body) ||
            !abridge_extension(to, &hello, id, body, quic_version)) {
            return false;
        }
        if (!is_grease(id)) {
            put_number(ja3, id);
        }
    }
    end_abridged(to);
    put_letter(ja3, ',');
    if (hello.groups.data != NULL) {
        put_numbers(ja3, bytes_part(hello.groups, 2, hello.groups.size - 2));
    }
    put_letter(ja3, ',');
    for (size_t i = 1; i < hello.point_formats.size; i++) {
        put_number(ja3, bytes_u8(hello.point_formats, i));
    }
    return !ja3->is_full;
}

static void
set_fingerprint(struct ndpi_flow_struct *flow, const struct ja3 *ja3)
{
    static const char digits[] = "0123456789abcdef";
    char *text = flow->protos.tls_quic.ja3_client;
    uint8_t md5[16];

    ndpi_md5((const u_char *)ja3->text, ja3->size, md5);
    for (size_t i = 0; i < sizeof md5; i++) {
        *text++ = digits[md5[i] >> 4];
        *text++ = digits[md5[i] & 15];
    }
    *text = '\0';
}

/* DTLS has a cookie more; it is rare, and left alone. */
static bool
is_abridged(const struct ndpi_detection_module_struct *module,
            uint32_t quic_version)
{
    return module->packet.payload_packet_len > 0 &&
           module->packet.payload[0] == TLS_CLIENT_HELLO &&
           (module->packet.udp == NULL || quic_version != 0) &&
           module->enable_ja3_plus == 0 &&
           module->malicious_ja3_automa.ac_automa == NULL;
}

EXPORTED int
/* NOLINTNEXTLINE(readability-identifier-naming): the library's name. */
processClientServerHello(struct ndpi_detection_module_struct *module,
                         struct ndpi_flow_struct *flow, uint32_t quic_version)
{
    struct ndpi_packet_struct *packet = &module->packet;
    struct bytes whole = {packet->payload, packet->payload_packet_len};
    struct abridged abridged;
    struct ja3 ja3;
    int result;

    if (!is_abridged(module, quic_version) ||
        !abridge(whole, quic_version, &abridged, &ja3)) {
        return hello_original(module, flow, quic_version);
    }
    packet->payload = abridged.byte;
    packet->payload_packet_len = (u_int16_t)abridged.size;
    result = hello_original(module, flow, quic_version);
    packet->payload = whole.data;
    packet->payload_packet_len = (u_int16_t)whole.size;
    if (result == READ_AS_CLIENT) {
        set_fingerprint(flow, &ja3);
    }
    return result;
}

/* RFC 8446, section 5.1. */
static bool
begins_record(struct bytes payload)
{
    return bytes_u8(payload, 0) >= TLS_RECORD_CHANGE_CIPHER &&
           bytes_u8(payload, 0) <= TLS_RECORD_DATA &&
           (payload.size == 1 || bytes_u8(payload, 1) == RECORD_MAJOR_VERSION);
}

EXPORTED void
ndpi_search_tls_tcp_memory(struct ndpi_detection_module_struct *module,
                           struct ndpi_flow_struct *flow)
{
    const struct ndpi_packet_struct *packet = &module->packet;
    struct bytes payload = {packet->payload, packet->payload_packet_len};

    if (flow->l4.tcp.tls.message.buffer != NULL ||
        !ndpi_inside_has_payload(packet) || begins_record(payload)) {
        gather_original(module, flow);
    }
}

bool
ndpi_tls_install(void)
{
    gather_original =
        (union original){.object =
                             dlsym(RTLD_NEXT, "ndpi_search_tls_tcp_memory")}
            .gather;
    hello_original =
        (union original){.object = dlsym(RTLD_NEXT, "processClientServerHello")}
            .hello;
    return gather_original != NULL && hello_original != NULL;
}

#else

bool
ndpi_tls_install(void)
{
    return true;
}

#endif

/* TLS and DTLS messages, made field by field. */

#ifndef TESTS_SUPPORT_TLS_MESSAGES_H
#define TESTS_SUPPORT_TLS_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct tls_message {
    size_t size;
    uint8_t byte[16000];
};

static inline void
message_add(struct tls_message *m, const void *bytes, size_t size)
{
    memcpy(m->byte + m->size, bytes, size);
    m->size += size;
}

/* Adds 'value' as 'size' big-endian bytes. */
static inline void
message_number(struct tls_message *m, size_t size, uint32_t value)
{
    while (size-- > 0) {
        m->byte[m->size++] = (uint8_t)(value >> 8 * size);
    }
}

/* A ServerHello from its type on, with its length.  'selected' is what
 * supported_versions says, or 0 for a ServerHello without it; 'others' bytes of
 * another extension come before. */
static inline void
message_server_hello(struct tls_message *m, uint16_t version, uint16_t selected,
                     size_t others)
{
    size_t extensions = (others > 0 ? 4 + others : 0) + (selected ? 6 : 0);
    size_t body = 2 + 32 + 1 + 32 + 3 + (extensions ? 2 + extensions : 0);

    message_number(m, 1, 2);
    message_number(m, 3, (uint32_t)body);
    message_number(m, 2, version);
    memset(m->byte + m->size, 0xa5, 32);
    m->size += 32;
    message_number(m, 1, 32);
    memset(m->byte + m->size, 0x5a, 32);
    m->size += 32;
    message_number(m, 2, 0x1301);
    message_number(m, 1, 0);
    if (extensions > 0) {
        message_number(m, 2, (uint32_t)extensions);
    }
    if (others > 0) {
        message_number(m, 2, 51);
        message_number(m, 2, (uint32_t)others);
        memset(m->byte + m->size, 0x16, others);
        m->size += others;
    }
    if (selected != 0) {
        message_number(m, 2, 43);
        message_number(m, 2, 2);
        message_number(m, 2, selected);
    }
}

static inline void
message_client_hello(struct tls_message *m, uint16_t version)
{
    message_number(m, 1, 1);
    message_number(m, 3, 2 + 32 + 1 + 2 + 2 + 2);
    message_number(m, 2, version);
    memset(m->byte + m->size, 0x3c, 32);
    m->size += 32;
    message_number(m, 1, 0);
    message_number(m, 2, 2);
    message_number(m, 2, 0xc02f);
    message_number(m, 1, 1);
    message_number(m, 1, 0);
}

static inline void
message_record(struct tls_message *m, uint8_t type, uint16_t version,
               const void *bytes, size_t size)
{
    message_number(m, 1, type);
    message_number(m, 2, version);
    message_number(m, 2, (uint32_t)size);
    message_add(m, bytes, size);
}

/* A DTLS record with bytes [at, at + size) of a handshake message whose type
 * and length 'whole' begins with. */
static inline void
message_dtls(struct tls_message *m, uint16_t version,
             const struct tls_message *whole, size_t at, size_t size)
{
    message_number(m, 1, 22);
    message_number(m, 2, version);
    message_number(m, 4, 0);
    message_number(m, 4, 1);
    message_number(m, 2, (uint32_t)(12 + size));
    message_add(m, whole->byte, 4);
    message_number(m, 2, 1);
    message_number(m, 3, (uint32_t)at);
    message_number(m, 3, (uint32_t)size);
    message_add(m, whole->byte + 4 + at, size);
}

#endif

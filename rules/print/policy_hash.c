/* Two fingerprints: of the bytes that were read, and of what they mean, which
 * is the canonical form that policy_print() writes. */

#include "rules/policy_impl.h"
#include "rules/print/policy_print.h"

#include <nettle/sha2.h>

static bool digest(void *context, const char *bytes, size_t n);
static void write_hex(struct sha256_ctx *, char text[65]);

void
policy_hash_source(struct policy *policy, const char *const *bytes,
                   const size_t *sizes, size_t n)
{
    struct sha256_ctx context;

    sha256_init(&context);
    for (size_t i = 0; i < n; i++) {
        sha256_update(&context, sizes[i], (const uint8_t *)bytes[i]);
    }
    write_hex(&context, policy->source_sha256);
}

bool
policy_hash_canonical(struct policy *policy)
{
    struct sha256_ctx context;
    bool good;

    sha256_init(&context);
    good = policy_print(policy, digest, &context);
    write_hex(&context, policy->sha256);
    return good;
}

void
hash_hex(const char *bytes, size_t n, char hex[65])
{
    struct sha256_ctx context;

    sha256_init(&context);
    sha256_update(&context, n, (const uint8_t *)bytes);
    write_hex(&context, hex);
}

static bool
digest(void *context, const char *bytes, size_t n)
{
    sha256_update(context, n, (const uint8_t *)bytes);
    return true;
}

static void
write_hex(struct sha256_ctx *context, char text[65])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];

    sha256_digest(context, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * sizeof bytes] = '\0';
}

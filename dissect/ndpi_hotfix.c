/* nDPI 4.2, which Debian 12 and 13 ship, dies on two kinds of certificate:
 *
 *   - DTLS over IPv4, with a subject that nDPI knows a product by (such as
 *     OU=FortiGate): processCertificate() remembers the server under its TCP
 *     port, and there is no TCP header.  Two datagrams are enough.  Fixed
 *     upstream by commit 6c1accd2b.
 *   - TLS, with 2048 bytes or more of distinguished names: the length passed
 *     to ndpi_is_printable_string() runs past the array on the stack, and that
 *     function writes.  Fixed upstream by commit ff38d4b98.
 *
 * The library is linked dynamically and not with -Bsymbolic, so its calls to
 * its own public functions go through its procedure linkage table, and the
 * dynamic linker looks in the executable first.  This file defines both
 * functions with the same names and default visibility; the static linker,
 * seeing that a shared library refers to them, exports them from the
 * executable without being asked.  ndpi_hotfix_install() is called by
 * application.c, which also is what pulls this file out of its static library,
 * and checks that the trick works in the program at hand.
 *
 * Another version, or another build of the library, gets no replacement. */

#include "dissect/ndpi_hotfix.h"

#include "dissect/ndpi_shim.h"

#include <dlfcn.h> /* RTLD_NEXT needs _GNU_SOURCE, from CMakeLists.txt. */
#include <string.h>

#define NDPI_HOTFIX_NEEDED (NDPI_SHIM_VERSION == 402)

#if NDPI_HOTFIX_NEEDED

#define EXPORTED __attribute__((visibility("default"), used))

typedef int certificate_function(struct ndpi_detection_module_struct *,
                                 struct ndpi_flow_struct *);

/* Not in nDPI's headers; the names are the library's. */
certificate_function
    processCertificate; /* NOLINT(readability-identifier-naming) */

static certificate_function *replaced_process_certificate;

enum {
    /* Of the array in nDPI that overflows; every other string that is passed
     * in is shorter, and wholly inside its array. */
    DISTINGUISHED_NAMES_SIZE = 2048
};

EXPORTED int
ndpi_is_printable_string(char *const str, size_t len)
{
    int printable = 1;

    if (len >= DISTINGUISHED_NAMES_SIZE) {
        len = strnlen(str, DISTINGUISHED_NAMES_SIZE - 1);
    }
    for (size_t i = 0; i < len; i++) {
        if (str[i] < ' ' || str[i] > '~') {
            str[i] = '?';
            printable = 0;
        }
    }
    return printable;
}

/* The crash is behind a test that the conversation has no second protocol yet.
 * Over UDP one is pretended while the certificate is read, so that its names,
 * dates and fingerprint are still learnt. */
EXPORTED int
/* NOLINTNEXTLINE(readability-identifier-naming): the library's name. */
processCertificate(struct ndpi_detection_module_struct *module,
                   struct ndpi_flow_struct *flow)
{
    u_int16_t *stack = flow->detected_protocol_stack;
    u_int16_t name = stack[0];
    int result;

    if (replaced_process_certificate == NULL) {
        return -1;
    }
    if (flow->l4_proto == IPPROTO_TCP || flow->is_ipv6 != 0 ||
        stack[1] != NDPI_PROTOCOL_UNKNOWN) {
        return replaced_process_certificate(module, flow);
    }
    stack[1] = NDPI_PROTOCOL_DTLS;
    result = replaced_process_certificate(module, flow);
    if (stack[0] == name && stack[1] == NDPI_PROTOCOL_DTLS) {
        stack[1] = NDPI_PROTOCOL_UNKNOWN;
    }
    return result;
}

/* What 'name' is to the library: its own procedure linkage table is filled in
 * by the same search, over the whole program from the executable on. */
static bool
replaces(const char *name, const void *ours)
{
    return dlsym(RTLD_DEFAULT, name) == ours;
}

bool
ndpi_hotfix_needed(void)
{
    return true;
}

bool
ndpi_hotfix_install(void)
{
    union {
        void *object;
        certificate_function *function;
    } theirs, ours;
    union {
        int (*function)(char *, size_t);
        void *object;
    } printable;

    theirs.object = dlsym(RTLD_NEXT, "processCertificate");
    ours.function = processCertificate;
    printable.function = ndpi_is_printable_string;
    if (theirs.object == NULL || theirs.object == ours.object ||
        !replaces("processCertificate", ours.object) ||
        !replaces("ndpi_is_printable_string", printable.object)) {
        return false;
    }
    replaced_process_certificate = theirs.function;
    return true;
}

#else

bool
ndpi_hotfix_needed(void)
{
    return false;
}

bool
ndpi_hotfix_install(void)
{
    return true;
}

#endif

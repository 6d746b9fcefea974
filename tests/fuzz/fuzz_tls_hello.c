/* The ServerHello reader, fed whatever comes, in pieces.
 *
 * Input: a byte of options, then pieces, each a byte of length with the high
 * bit for the direction, then that many bytes. */

#include "dissect/tls_hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OPTION_DATAGRAMS = 1, /* Else segments. */
    OPTION_GAPS = 2       /* Every fourth segment does not follow. */
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_over((struct bytes){data, size});
    uint32_t sequence[2] = {0xfffffff0, 7};
    struct tls_hello hello;
    struct bytes piece;
    uint8_t options, head;
    unsigned n = 0;

    tls_hello_init(&hello);
    if (!cursor_u8(&c, &options)) {
        return 0;
    }
    while (cursor_u8(&c, &head)) {
        bool from_initiator = (head & 0x80) != 0;
        size_t length = head & 0x7f;

        if (length > cursor_left(&c)) {
            length = cursor_left(&c);
        }
        (void)cursor_take(&c, length, &piece);
        if ((options & OPTION_DATAGRAMS) != 0) {
            tls_hello_datagram(&hello, from_initiator, piece);
            continue;
        }
        if ((options & OPTION_GAPS) != 0 && ++n % 4 == 0) {
            sequence[from_initiator] += head;
        }
        tls_hello_segment(&hello, from_initiator, sequence[from_initiator],
                          piece, options >> 7);
        sequence[from_initiator] += (uint32_t)length;
    }
    if (hello.version != 0 && !hello.over) {
        abort();
    }
    return 0;
}

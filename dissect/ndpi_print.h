/* A faster __snprintf_chk(): what nDPI calls for every number of a TLS
 * fingerprint.  Nobody else needs to call it. */

#ifndef DISSECT_NDPI_PRINT_H
#define DISSECT_NDPI_PRINT_H

#include <stddef.h>

/* As snprintf(); 'flag' is ignored, and 'room' is how large 'text' is known to
 * be: the program is aborted if that is less than 'size'.  Any thread. */
int ndpi_print(char *text, size_t size, int flag, size_t room,
               const char *format, ...) __asm__("__snprintf_chk")
    __attribute__((format(printf, 5, 6), visibility("default")));

#endif

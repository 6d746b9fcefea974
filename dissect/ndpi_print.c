/* nDPI makes JA3 fingerprints number by number: some 150 calls of snprintf()
 * for a TLS handshake, at a thousand instructions each, nearly all of which
 * prepare a stream for "%s%u".  That was half of what nDPI cost.
 *
 * nDPI is built with _FORTIFY_SOURCE, so the function it calls is
 * __snprintf_chk() of the C library; being linked dynamically, it takes the
 * executable's if there is one (as in ndpi_hotfix.c).  This is one.  It knows
 * the two formats that come by the hundred, then %s and plain or zero-filled
 * %u, %x and %X; all else is left to the C library, so that whoever else in the
 * process calls it gets the same text as before.
 * dissect/CMakeLists.txt has the linker take this file along. */

#include "dissect/ndpi_print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_DIGITS = 10, /* Of a 32-bit number. */
    ENOUGH = 8       /* For either of the two formats of fingerprints. */
};

static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

/* Where text goes; what does not fit is counted only. */
struct paper {
    char *text;
    size_t size, n;
};

static inline void
put(struct paper *paper, char letter)
{
    if (paper->n < paper->size) {
        paper->text[paper->n] = letter;
    }
    paper->n++;
}

/* Inline: division by a known base is none. */
static inline void
put_number(struct paper *paper, unsigned number, unsigned base,
           const char *digits, unsigned least)
{
    char text[MAX_DIGITS];
    char *end = text + MAX_DIGITS, *at = end;

    do {
        *--at = digits[number % base];
        number /= base;
    } while (number > 0 || at > end - least);
    do {
        put(paper, *at++);
    } while (at < end);
}

/* Prints what '*format' points to, past its '%', and moves it on.  Returns
 * false if that is not for us. */
static bool
put_argument(struct paper *paper, const char **format, va_list *arguments)
{
    unsigned least = 0;
    const char *text;

    if ((*format)[0] == '0' && (*format)[1] >= '1' && (*format)[1] <= '9') {
        least = (unsigned)((*format)[1] - '0');
        *format += 2;
    }
    switch (*(*format)++) {
    case 'u':
        put_number(paper, va_arg(*arguments, unsigned), 10, lower, least);
        return true;
    case 'x':
        put_number(paper, va_arg(*arguments, unsigned), 16, lower, least);
        return true;
    case 'X':
        put_number(paper, va_arg(*arguments, unsigned), 16, upper, least);
        return true;
    case 's':
        text = va_arg(*arguments, const char *);
        if (text == NULL || least > 0) {
            return false;
        }
        while (*text != '\0') {
            put(paper, *text++);
        }
        return true;
    default: return false;
    }
}

/* Returns false when it met something that is not for us. */
static bool
print(struct paper *paper, const char *format, va_list *arguments)
{
    char letter;

    while ((letter = *format++) != '\0') {
        if (letter != '%') {
            put(paper, letter);
        } else if (!put_argument(paper, &format, arguments)) {
            return false;
        }
    }
    return true;
}

/* "%02x" or "%02X". */
static inline bool
is_byte(const char *format)
{
    return format[0] == '%' && format[1] == '0' && format[2] == '2' &&
           (format[3] == 'x' || format[3] == 'X') && format[4] == '\0';
}

/* "%s%u". */
static inline bool
is_next(const char *format)
{
    return format[0] == '%' && format[1] == 's' && format[2] == '%' &&
           format[3] == 'u' && format[4] == '\0';
}

static int __attribute__((format(printf, 3, 0)))
print_any(char *text, size_t size, const char *format, va_list *arguments)
{
    struct paper paper = {text, size > 0 ? size - 1 : 0, 0};
    va_list again;
    int n;

    va_copy(again, *arguments);
    if (print(&paper, format, arguments)) {
        if (size > 0) {
            text[paper.n < paper.size ? paper.n : paper.size] = '\0';
        }
        n = (int)paper.n;
    } else {
        n = vsnprintf(text, size, format, again);
    }
    va_end(again);
    return n;
}

/* A byte in hex where there is room. */
static inline int
print_byte(char *text, unsigned byte, const char *digits)
{
    text[0] = digits[byte >> 4];
    text[1] = digits[byte & 15];
    text[2] = '\0';
    return 2;
}

/* A letter, or none, and a number of 16 bits where there is room. */
static inline int
print_next(char *text, char letter, unsigned number)
{
    int n = (letter != '\0') + 1 + (number > 9) + (number > 99) +
            (number > 999) + (number > 9999);
    char *at = text + n;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (letter != '\0') {
        text[0] = letter;
    }
    return n;
}

int
ndpi_print(char *text, size_t size, int flag, size_t room, const char *format,
           ...)
{
    va_list arguments;
    int n = -1;

    (void)flag;
    if (room < size) {
        abort();
    }
    va_start(arguments, format);
    if (size >= ENOUGH && is_byte(format)) {
        unsigned byte = va_arg(arguments, unsigned);

        if (byte <= UINT8_MAX) {
            n = print_byte(text, byte, format[3] == 'x' ? lower : upper);
        }
    } else if (size >= ENOUGH && is_next(format)) {
        const char *letter = va_arg(arguments, const char *);
        unsigned number = va_arg(arguments, unsigned);

        if (letter != NULL && (letter[0] == '\0' || letter[1] == '\0') &&
            number <= UINT16_MAX) {
            n = print_next(text, letter[0], number);
        }
    }
    va_end(arguments);
    if (n < 0) {
        va_start(arguments, format);
        n = print_any(text, size, format, &arguments);
        va_end(arguments);
    }
    return n;
}

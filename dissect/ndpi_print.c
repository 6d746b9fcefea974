/* nDPI makes JA3 fingerprints number by number: some 150 calls of snprintf()
 * for a TLS handshake, at a thousand instructions each, nearly all of which
 * prepare a stream for "%s%u".  That was half of what nDPI cost.
 *
 * nDPI is built with _FORTIFY_SOURCE, so the function it calls is
 * __snprintf_chk() of the C library; being linked dynamically, it takes the
 * executable's if there is one (as in ndpi_hotfix.c).  This is one.  Whoever
 * else in the process calls it gets the same text as before: formats with more
 * than %s and plain or zero-filled %u, %x and %X are left to the C library.
 * dissect/CMakeLists.txt has the linker take this file along. */

#include "dissect/ndpi_print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_DIGITS = 10 /* Of a 32-bit number. */
};

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
    unsigned at = MAX_DIGITS;

    do {
        text[--at] = digits[number % base];
        number /= base;
    } while (number > 0);
    while (MAX_DIGITS - at < least) {
        text[--at] = '0';
    }
    while (at < MAX_DIGITS) {
        put(paper, text[at++]);
    }
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
        put_number(paper, va_arg(*arguments, unsigned), 10, "0123456789",
                   least);
        return true;
    case 'x':
        put_number(paper, va_arg(*arguments, unsigned), 16, "0123456789abcdef",
                   least);
        return true;
    case 'X':
        put_number(paper, va_arg(*arguments, unsigned), 16, "0123456789ABCDEF",
                   least);
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

int
ndpi_print(char *text, size_t size, int flag, size_t room, const char *format,
           ...)
{
    struct paper paper = {text, size > 0 ? size - 1 : 0, 0};
    va_list arguments;
    bool done;
    int n;

    (void)flag;
    if (room < size) {
        abort();
    }
    va_start(arguments, format);
    done = print(&paper, format, &arguments);
    va_end(arguments);
    if (done) {
        if (size > 0) {
            text[paper.n < paper.size ? paper.n : paper.size] = '\0';
        }
        return (int)paper.n;
    }
    va_start(arguments, format);
    n = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return n;
}

/* Words are written plain where every reader of YAML takes them for text, and
 * in double quotes elsewhere: 'no', '1.2' and '22:00' are other things to some
 * of them, and '::1' is a mistake to all. */

#include "rules/print/print_text.h"

#include "rules/print/yaml_char.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct print *, const char *bytes, size_t n);
static bool word_is_plain(const char *text);
static int word_order(const void *, const void *);

void
print_raw(struct print *print, const char *format, ...)
{
    char text[PRINT_MAX_ITEM];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        print->failed = true;
        return;
    }
    put(print, text, (size_t)n);
}

void
print_text(struct print *print, const char *text)
{
    put(print, text, strlen(text));
}

void
print_quoted(struct print *print, const char *text)
{
    put(print, "\"", 1);
    while (*text) {
        char quoted[YAML_CHAR_SIZE];

        text += yaml_char_quote(text, quoted);
        put(print, quoted, strlen(quoted));
    }
    put(print, "\"", 1);
}

void
print_word(struct print *print, const char *text)
{
    if (word_is_plain(text)) {
        put(print, text, strlen(text));
    } else {
        print_quoted(print, text);
    }
}

void
print_entry(struct print *print, unsigned indent, const char *key,
            const char *text)
{
    if (text[0]) {
        print_raw(print, "%*s%s: ", (int)indent, "", key);
        print_quoted(print, text);
        print_raw(print, "\n");
    }
}

void
words_add(struct print *print, struct words *words, const char *format, ...)
{
    char text[PRINT_MAX_ITEM];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        print->failed = true;
        return;
    }
    words_add_text(print, words, arena_text(&print->scratch, text, (size_t)n));
}

void
words_add_text(struct print *print, struct words *words, const char *text)
{
    const char **slot = NULL;

    if (text) {
        slot = arena_list_add(&print->scratch, &words->list, sizeof(char *));
    }
    if (slot) {
        *slot = text;
    } else {
        print->failed = true;
    }
}

void
print_flush(struct print *print)
{
    if (print->n_buffered && !print->failed) {
        print->failed =
            !print->sink(print->context, print->buffer, print->n_buffered);
    }
    print->n_buffered = 0;
}

void
print_forget(struct print *print)
{
    arena_done(&print->scratch);
    print->scratch = (struct arena){.bytes = 0};
}

void
words_sort(struct words *words)
{
    const char **list = words->list.items;
    size_t n = 0, sorted = 1;

    while (sorted < words->list.n &&
           strcmp(list[sorted - 1], list[sorted]) < 0) {
        sorted++;
    }
    if (sorted < words->list.n) {
        qsort(list, words->list.n, sizeof(char *), word_order);
    }
    for (size_t i = 0; i < words->list.n; i++) {
        if (n == 0 || strcmp(list[n - 1], list[i]) != 0) {
            list[n++] = list[i];
        }
    }
    words->list.n = n;
}

size_t
words_find(const struct words *words, const char *text)
{
    const char *const *list = words->list.items;
    size_t low = 0, high = words->list.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(list[middle], text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void
print_words(struct print *print, unsigned indent, const char *key,
            struct words *words)
{
    const char *const *list;

    words_sort(words);
    list = words->list.items;
    if (!words->list.n) {
        return;
    }
    print_raw(print, "%*s%s: [", (int)indent, "", key);
    for (size_t i = 0; i < words->list.n; i++) {
        print_text(print, i ? ", " : "");
        print_word(print, list[i]);
    }
    print_raw(print, "]\n");
}

static void
put(struct print *print, const char *bytes, size_t n)
{
    while (n && !print->failed) {
        size_t room = PRINT_BUFFER - print->n_buffered;
        size_t part = n < room ? n : room;

        memcpy(print->buffer + print->n_buffered, bytes, part);
        print->n_buffered += part;
        bytes += part;
        n -= part;
        if (print->n_buffered == PRINT_BUFFER) {
            print_flush(print);
        }
    }
}

static bool
word_is_plain(const char *text)
{
    static const char *const others[] = {"null", "true", "false", "yes", "no",
                                         "on",   "off",  "y",     "n"};
    bool number = text[0] >= '0' && text[0] <= '9', slash = false;
    size_t n = 0;

    for (; text[n]; n++) {
        char c = text[n];

        slash |= c == '/';
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (n > 0 && (c == '.' || c == '_' || c == '/' || c == '-')))) {
            return false;
        }
    }
    for (size_t i = 0;
         n <= strlen("false") && i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(others[i], text) == 0) {
            return false;
        }
    }
    return n > 0 && (slash || !number);
}

static int
word_order(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

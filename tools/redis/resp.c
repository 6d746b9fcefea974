/* RESP 2; see resp.h. */

#include "tools/redis/resp.h"

#include "tools/event/json.h"

void
resp_command(struct json *out, size_t n_arguments)
{
    json_raw(out, "*", 1);
    json_write_u64(out, n_arguments);
    json_raw(out, "\r\n", 2);
}

void
resp_argument(struct json *out, const char *bytes, size_t size)
{
    json_raw(out, "$", 1);
    json_write_u64(out, size);
    json_raw(out, "\r\n", 2);
    json_raw(out, bytes, size);
    json_raw(out, "\r\n", 2);
}

void
resp_string(struct json *out, const char *text)
{
    resp_argument(out, text, strlen(text));
}

void
resp_words(struct json *out, const char *const *words)
{
    size_t n = 0;

    while (words[n]) {
        n++;
    }
    resp_command(out, n);
    for (size_t i = 0; i < n; i++) {
        resp_string(out, words[i]);
    }
}

/* Commands in Redis's protocol (RESP 2), written into a byte buffer.
 *
 * The buffer is that of a struct json, whose bounds and 'failed' apply.  Any
 * bytes may be an argument: lengths go in front, so nothing needs escaping. */

#ifndef TOOLS_REDIS_RESP_H
#define TOOLS_REDIS_RESP_H

#include <stddef.h>

struct json;

void resp_command(struct json *, size_t n_arguments);
void resp_argument(struct json *, const char *bytes, size_t size);
void resp_string(struct json *, const char *text);

/* A whole command, of words that end with NULL. */
void resp_words(struct json *, const char *const *words);
#define REDIS_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif

/* Ids of stream entries; see redis_id.h. */

#include "tools/redis/redis_id.h"

#include "tools/event/json.h"

#include <stdlib.h>

static_assert(REDIS_ID_SIZE == 2 * JSON_MAX_NUMBER + 1, "two numbers and '-'");

int
redis_id_compare(struct redis_id a, struct redis_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.seq < b.seq ? -1 : a.seq > b.seq;
}

bool
redis_id_parse(const char *text, struct redis_id *id)
{
    char *end;

    id->ms = strtoull(text, &end, 10);
    if (end == text || *end != '-') {
        return false;
    }
    text = end + 1;
    id->seq = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

size_t
redis_id_put(struct redis_id id, char text[REDIS_ID_SIZE])
{
    char *at = json_digits(text, id.ms);

    *at++ = '-';
    return (size_t)(json_digits(at, id.seq) - text);
}

struct redis_id
redis_id_next(struct redis_id last, int64_t ms)
{
    if (ms > 0 && (uint64_t)ms > last.ms) {
        return (struct redis_id){(uint64_t)ms, 0};
    }
    if (last.seq == UINT64_MAX) {
        return (struct redis_id){last.ms + 1, 0};
    }
    return (struct redis_id){last.ms, last.seq + 1};
}

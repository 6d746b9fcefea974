/* See redis_answer.h. */

#include "tools/redis/redis_answer.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *text;
    enum redis_answer answer;
} known[] = {
    {"ERR The ID specified in XADD is equal", REDIS_NOT_ABOVE},
    {"ERR max number of clients", REDIS_TRY_LATER},
    {"ASK ", REDIS_TRY_LATER}, /* See redis_place.h for these two. */
    {"MOVED ", REDIS_MOVED},
    {"BUSY ", REDIS_TRY_LATER},
    {"CLUSTERDOWN ", REDIS_TRY_LATER},
    {"EXECABORT ", REDIS_TRY_LATER},
    {"LOADING ", REDIS_TRY_LATER},
    {"MISCONF ", REDIS_TRY_LATER},
    {"NOREPLICAS ", REDIS_TRY_LATER},
    {"OOM ", REDIS_TRY_LATER},
    {"TRYAGAIN ", REDIS_TRY_LATER},
    {"MASTERDOWN ", REDIS_MOVED},
    {"READONLY ", REDIS_MOVED},
    {"UNBLOCKED ", REDIS_MOVED}, /* It became a replica. */
    {"NOAUTH ", REDIS_DENIED},
    {"NOPERM ", REDIS_DENIED},
    {"WRONGPASS ", REDIS_DENIED},
    {"DENIED ", REDIS_DENIED}, /* Its protected mode. */
    {"ERR AUTH ", REDIS_DENIED},
    {"ERR Client sent AUTH", REDIS_DENIED},
    {"ERR invalid password", REDIS_DENIED}, /* Before version 6. */
};

enum redis_answer
redis_answer_of(const char *error_text)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(error_text, known[i].text, strlen(known[i].text)) == 0) {
            return known[i].answer;
        }
    }
    return REDIS_REFUSED;
}

enum redis_answer
redis_answer_in(const char *text)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strstr(text, known[i].text)) {
            return known[i].answer;
        }
    }
    return REDIS_TRY_LATER;
}

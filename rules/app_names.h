/* The names of applications, categories and risks, as the linked nDPI knows
 * them: the only file of rules/ that asks dissect/application.h for them.
 *
 * The engine may be NULL, where nobody can say which names exist: then every
 * name is accepted as it is. */

#ifndef RULES_APP_NAMES_H
#define RULES_APP_NAMES_H

#include "rules/names.h"

#include <stdint.h>

struct application_engine;

enum {
    APP_NAME_SIZE = 64
};

enum app_name_answer {
    APP_NAME_KNOWN,
    APP_NAME_ALIAS,       /* Another nDPI version calls it so. */
    APP_NAME_UNSUPPORTED, /* Only other versions of nDPI have it. */
    APP_NAME_UNKNOWN
};

/* Reads "TLS" or "TLS.Google" into the library's own spelling.  Without a
 * master, 'master' is "". */
enum app_name_answer app_name_find(const struct application_engine *,
                                   const char *text, char master[APP_NAME_SIZE],
                                   char name[APP_NAME_SIZE]);
void app_name_suggest(const struct application_engine *,
                      struct name_suggestion *);

/* False if the library has no such category; 'name' gets its spelling. */
bool app_category_find(const struct application_engine *, const char *text,
                       char name[APP_NAME_SIZE]);
void app_category_suggest(const struct application_engine *,
                          struct name_suggestion *);

bool app_risk_find(const char *text, unsigned *bit);
void app_risk_suggest(struct name_suggestion *);

/* True for applications that are TLS, DTLS or QUIC, or always run on them. */
bool app_name_is_tls(const char *name);

#endif

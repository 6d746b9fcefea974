/* nDPI's numbers to the policy's; see symbols.h. */

#include "tools/runtime/symbols.h"

#include "capture/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

struct name_symbol {
    uint16_t symbol;
    bool tls; /* TLS, or a protocol that runs inside it. */
};

struct symbols {
    size_t n_names, n_categories;
    struct name_symbol *names; /* By application id. */
    uint16_t *categories;      /* By category id. */
};

static bool name_is_tls(const char *name);
static uint16_t name_symbol(const struct symbols *, uint16_t id);

struct symbols *
symbols_new(const struct policy *policy,
            const struct application_engine *engine, struct error *error)
{
    struct symbols *symbols = calloc(1, sizeof *symbols);

    if (symbols) {
        symbols->n_names = application_count(engine);
        symbols->n_categories = application_category_count(engine);
        symbols->names = calloc(symbols->n_names, sizeof *symbols->names);
        symbols->categories =
            calloc(symbols->n_categories, sizeof *symbols->categories);
    }
    if (!symbols || !symbols->names || !symbols->categories) {
        symbols_free(symbols);
        error_set(error, ERROR_MEMORY, NULL, "out of memory for names");
        return NULL;
    }
    for (size_t i = 1; i < symbols->n_names; i++) {
        const char *name = application_name(engine, (uint16_t)i);

        symbols->names[i].symbol = policy_app_symbol(policy, name);
        symbols->names[i].tls = name_is_tls(name);
    }
    for (size_t i = 0; i < symbols->n_categories; i++) {
        symbols->categories[i] = policy_category_symbol(
            policy, application_category_name(engine, (uint16_t)i));
    }
    return symbols;
}

void
symbols_free(struct symbols *symbols)
{
    if (symbols) {
        free(symbols->names);
        free(symbols->categories);
        free(symbols);
    }
}

void
symbols_ask(const struct symbols *symbols,
            const struct application *application, struct question *question)
{
    const struct application_details *details = application->details;

    switch ((enum application_state)application->state) {
    case APPLICATION_NONE: question->app = QUESTION_APP_NONE; break;
    case APPLICATION_PENDING: question->app = QUESTION_APP_PENDING; break;
    case APPLICATION_UNKNOWN: question->app = QUESTION_APP_UNKNOWN; break;
    case APPLICATION_KNOWN: question->app = QUESTION_APP_KNOWN; break;
    }
    question->master_symbol = name_symbol(symbols, application->master);
    question->name_symbol = name_symbol(symbols, application->name);
    question->guess_known =
        application->guess_master || application->guess_name;
    question->guess_master_symbol =
        name_symbol(symbols, application->guess_master);
    question->guess_name_symbol = name_symbol(symbols, application->guess_name);
    if (application->category < symbols->n_categories) {
        question->category_symbol = symbols->categories[application->category];
    }
    question->tls_version = application->tls_version;
    question->is_tls = application->tls_version != 0;
    if (application->master < symbols->n_names &&
        application->name < symbols->n_names) {
        question->is_tls |= symbols->names[application->master].tls ||
                            symbols->names[application->name].tls;
    }
    question->risks = application->risks;
    question->host = details && details->host ? details->host : "";
    question->sni = question->is_tls ? question->host : "";
}

static uint16_t
name_symbol(const struct symbols *symbols, uint16_t id)
{
    return id < symbols->n_names ? symbols->names[id].symbol : 0;
}

static bool
name_is_tls(const char *name)
{
    static const char *const names[] = {"TLS",  "DTLS",  "QUIC", "SMTPS",
                                        "POPS", "IMAPS", "FTPS", "DoH_DoT"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The engine and its names.  What is done with a conversation is in
 * inspection.c. */

#include "dissect/application.h"

#include "capture/error.h"
#include "dissect/application_impl.h"
#include "dissect/ndpi_dispatch.h"
#include "dissect/ndpi_hosts.h"
#include "dissect/ndpi_hotfix.h"
#include "dissect/ndpi_memory.h"
#include "dissect/ndpi_names.h"
#include "dissect/ndpi_shim.h"
#include "dissect/ndpi_text.h"
#include "dissect/ndpi_tls.h"

#include <stdlib.h>
#include <string.h>

static bool engine_init(struct application_engine *engine, struct error *error);
static bool make_module(struct application_engine *engine);
static void set_traits(struct application_engine *engine);

struct application_engine *
application_engine_new(const struct application_options *options,
                       struct error *error)
{
    struct application_engine *engine = calloc(1, sizeof *engine);

    if (engine == NULL) {
        error_set(error, ERROR_MEMORY, "", "out of memory");
        return NULL;
    }
    engine->max_bytes = APPLICATION_DEFAULT_BYTES;
    if (options != NULL && options->max_bytes > 0) {
        engine->max_bytes = options->max_bytes > APPLICATION_LEAST_BYTES
                                ? options->max_bytes
                                : APPLICATION_LEAST_BYTES;
    }
    if (!engine_init(engine, error)) {
        application_engine_free(engine);
        return NULL;
    }
    return engine;
}

void
application_engine_free(struct application_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    inspection_free_all(engine);
    ndpi_memory_use(engine->arena);
    if (engine->module != NULL) {
        ndpi_exit_detection_module(engine->module);
    }
    ndpi_memory_use(NULL);
    ndpi_arena_free(engine->arena);
    ndpi_dispatch_free(engine->dispatch);
    ndpi_hosts_free(engine->hosts);
    free(engine->traits);
    free(engine);
}

void
application_engine_counters(const struct application_engine *engine,
                            struct application_counters *counters)
{
    *counters = engine->counters;
}

const char *
application_library_version(void)
{
    return ndpi_revision();
}

static bool
engine_init(struct application_engine *engine, struct error *error)
{
    if (!ndpi_shim_headers_match()) {
        return error_set(error, ERROR_UNSUPPORTED, "",
                         "nDPI %s is linked, but segmon was built with another "
                         "version's headers",
                         ndpi_revision());
    }
    if (!ndpi_hotfix_install() || !ndpi_hosts_install() ||
        !ndpi_dispatch_install() || !ndpi_text_install() ||
        !ndpi_tls_install()) {
        return error_set(error, ERROR_UNSUPPORTED, "",
                         "the replacements for functions of nDPI %s, some of "
                         "which have known crashes, do not take effect in "
                         "this program",
                         ndpi_revision());
    }
    engine->hosts = ndpi_hosts_new();
    if (engine->hosts == NULL) {
        return error_set(error, ERROR_MEMORY, "", "out of memory");
    }
    if (!make_module(engine)) {
        return error_set(error, ERROR_MEMORY, "", "nDPI cannot be set up");
    }
    engine->n_protocols = ndpi_shim_protocol_count(engine->module);
    engine->traits = calloc(engine->n_protocols + 1, 1);
    if (engine->traits == NULL) {
        return error_set(error, ERROR_MEMORY, "", "out of memory");
    }
    set_traits(engine);
    for (unsigned i = 0; i < NDPI_CONFIDENCE_MAX; i++) {
        engine->confidence[i] = (uint8_t)ndpi_confidence_from_name(
            ndpi_confidence_get_name((ndpi_confidence_t)i));
    }
    engine->dispatch = ndpi_dispatch_new(engine->module);
    return true;
}

static bool
make_module(struct application_engine *engine)
{
    bool made;

    ndpi_memory_install();
    engine->arena = ndpi_arena_new();
    ndpi_memory_use(engine->arena);
    ndpi_hosts_learn(engine->hosts);
    engine->module = ndpi_shim_module_new();
    made = engine->module != NULL && ndpi_shim_module_finalize(engine->module);
    ndpi_hosts_learn(NULL);
    ndpi_memory_use(NULL);
    ndpi_arena_close(engine->arena);
    return made;
}

static void
set_traits(struct application_engine *engine)
{
    const char *name;
    uint8_t traits;
    uint16_t id;

    for (size_t n = 0; (traits = ndpi_traits(n, &name)) != 0; n++) {
        if (application_find(engine, name, &id)) {
            engine->traits[id] = traits;
        }
    }
}

size_t
application_count(const struct application_engine *engine)
{
    return engine->n_protocols;
}

const char *
application_name(const struct application_engine *engine, uint16_t id)
{
    const char *name = ndpi_get_proto_name(engine->module, id);

    return name != NULL ? name : "Unknown";
}

size_t
application_category_count(const struct application_engine *engine)
{
    (void)engine;
    return NDPI_PROTOCOL_NUM_CATEGORIES;
}

const char *
application_category_name(const struct application_engine *engine,
                          uint16_t category)
{
    const char *name;

    /* Beyond, nDPI formats into a buffer that all threads share. */
    if (category >= NDPI_PROTOCOL_NUM_CATEGORIES) {
        category = NDPI_PROTOCOL_CATEGORY_UNSPECIFIED;
    }
    name = ndpi_category_get_name(engine->module,
                                  (ndpi_protocol_category_t)category);
    return name != NULL ? name : "";
}

size_t
application_risk_count(void)
{
    return ndpi_risk_count();
}

const char *
application_risk_name(unsigned risk)
{
    return ndpi_risk_name(risk);
}

const char *
application_confidence_name(enum application_confidence confidence)
{
    switch (confidence) {
    case APPLICATION_BY_PORT: return "port";
    case APPLICATION_BY_ADDRESS: return "address";
    case APPLICATION_BY_CACHE: return "cache";
    case APPLICATION_BY_CONTENT: return "dpi";
    case APPLICATION_BY_NOTHING: break;
    }
    return "none";
}

static bool
find_exactly(const struct application_engine *engine, const char *name,
             uint16_t *id)
{
    for (size_t i = 0; i < engine->n_protocols; i++) {
        if (strcasecmp(application_name(engine, (uint16_t)i), name) == 0) {
            *id = (uint16_t)i;
            return true;
        }
    }
    return false;
}

bool
application_find(const struct application_engine *engine, const char *name,
                 uint16_t *id)
{
    const char *alias = name;

    for (size_t n = 0; alias != NULL; n++) {
        if (find_exactly(engine, alias, id)) {
            return true;
        }
        alias = ndpi_alias(name, n);
    }
    return false;
}

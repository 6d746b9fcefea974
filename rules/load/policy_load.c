/* Loading: read the bundle, then definitions before what refers to them.
 *
 *     files -> head -> segments -> groups, sets, services, ... -> rules -> rest
 *           -> compile -> hash -> lint
 *
 * Every step goes on after mistakes, so that one run reports them all. */

#include "rules/load/policy_load.h"

#include "rules/load/whole_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct policy *load_policy(struct loader *, struct load_source *main);
static bool load_source(struct loader *, const struct load_source *, int depth);
static void load_includes(struct loader *, const struct yaml_node *, int depth);
static bool include_pattern(const char *folder, const char *text,
                            char pattern[PATH_MAX]);
static void load_include_glob(struct loader *, const struct yaml_node *,
                              const char *pattern, int depth);
static void load_include_file(struct loader *, const struct yaml_node *,
                              const char *path, int depth);
static bool include_is_inside(const struct loader *, const char *path);
static bool include_is_relative(const char *path);
static bool read_source(struct loader *, struct load_source *, const char *path,
                        const struct yaml_node *from);
static char *folder_of(const char *path);
static void load_content(struct loader *);
static bool load_finish(struct loader *);
static void say_out_of_memory(struct problems *, const char *path);
static void memory_error(struct loader *, const char *path);
static void file_error(struct loader *, const struct yaml_node *from,
                       const char *path, const char *code, const char *text);

struct policy *
policy_load(const char *path, const struct application_engine *engine,
            struct problems *problems)
{
    struct loader loader = {.problems = problems, .engine = engine};
    struct load_source source = {.path = NULL};
    char *folder = folder_of(path),
         *real = folder ? realpath(folder, NULL) : NULL;
    struct policy *policy = NULL;

    loader.folder = real;
    if (!folder || (!real && errno == ENOMEM)) {
        say_out_of_memory(problems, path);
    } else if (read_source(&loader, &source, path, NULL)) {
        policy = load_policy(&loader, &source);
    }
    free(real);
    free(folder);
    return policy;
}

struct policy *
policy_load_bytes(const char *name, const char *bytes, size_t size,
                  const struct application_engine *engine,
                  struct problems *problems)
{
    struct problems own;
    struct loader loader = {.problems = problems ? problems : &own,
                            .engine = engine};
    struct load_source source = {.size = size, .borrowed = true};
    union {
        const char *in;
        char *out; /* Borrowed and never written to. */
    } borrowed = {bytes};
    struct policy *policy;

    problems_init(&own);
    source.path = strdup(name);
    source.bytes = borrowed.out;
    if (!source.path) {
        say_out_of_memory(loader.problems, name);
        problems_done(&own);
        return NULL;
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): load_policy() frees it. */
    policy = load_policy(&loader, &source);
    problems_done(&own);
    return policy;
}

/* Takes over what 'main' holds. */
static struct policy *
load_policy(struct loader *loader, struct load_source *main)
{
    size_t errors = loader->problems->n_errors;
    struct policy *policy = policy_new();

    loader->policy = policy;
    if (policy) {
        loader->arena = &policy->arena;
        if (load_source(loader, main, 0)) {
            load_content(loader);
        }
    } else {
        loader->sources[loader->n_sources++] = *main;
        loader->out_of_memory = true;
    }
    if (loader->out_of_memory ||
        (policy && loader->problems->n_errors == errors &&
         !load_finish(loader))) {
        memory_error(loader, main->path);
    }
    for (size_t i = 0; i < loader->n_sources; i++) {
        struct load_source *source = &loader->sources[i];

        problems_quote(loader->problems, source->path, source->bytes,
                       source->size);
        free(source->path);
        if (!source->borrowed) {
            free(source->bytes);
        }
    }
    arena_done(&loader->scratch);
    if (loader->problems->n_errors != errors) {
        policy_unref(policy);
        return NULL;
    }
    return policy;
}

/* Adds a file and, before it, what it includes. */
static bool
load_source(struct loader *loader, const struct load_source *source, int depth)
{
    struct load_fields fields;
    const struct yaml_node *root;

    loader->sources[loader->n_sources++] = *source;
    root = yaml_doc_parse(&loader->scratch, source->path, source->bytes,
                          source->size, loader->problems);
    if (!root) {
        return false;
    }
    if (!load_fields(loader, root, SECTION_TOP, &fields)) {
        return false;
    }
    if (fields.value[IN_TOP_INCLUDE]) {
        load_includes(loader, fields.value[IN_TOP_INCLUDE], depth);
    }
    loader->docs[loader->n_docs++] = fields;
    return true;
}

static void
load_includes(struct loader *loader, const struct yaml_node *list, int depth)
{
    for (size_t i = 0; i < load_count(list); i++) {
        const struct yaml_node *node = load_item(list, i);
        char pattern[PATH_MAX];

        if (!loader->folder) {
            LOAD_ERROR(loader, "E-INCLUDE", node,
                       "only a policy read from a file can include others");
        } else if (!include_is_relative(node->text)) {
            LOAD_ERROR(loader, "E-INCLUDE", node,
                       "'%.100s' leaves the policy's folder; write a path "
                       "relative to it without '..'",
                       node->text);
        } else if (depth == LOAD_MAX_DEPTH) {
            LOAD_ERROR(loader, "E-LIMIT", node,
                       "files include files more than %d deep; do they "
                       "include each other?",
                       LOAD_MAX_DEPTH);
        } else if (!include_pattern(loader->folder, node->text, pattern)) {
            LOAD_ERROR(loader, "E-INCLUDE", node,
                       "the path is longer than any file's");
        } else {
            load_include_glob(loader, node, pattern, depth + 1);
        }
    }
}

/* The folder is meant as it is written, whatever characters it holds.  False if
 * both are too long for a path. */
static bool
include_pattern(const char *folder, const char *text, char pattern[PATH_MAX])
{
    size_t at = 0;
    int length;

    for (; *folder && at + 2 < PATH_MAX; folder++) {
        if (strchr("*?[]\\", *folder)) {
            pattern[at++] = '\\';
        }
        pattern[at++] = *folder;
    }
    length = snprintf(pattern + at, PATH_MAX - at, "/%s", text);
    return !*folder && length > 0 && (size_t)length < PATH_MAX - at;
}

/* In the order of their names. */
static void
load_include_glob(struct loader *loader, const struct yaml_node *node,
                  const char *pattern, int depth)
{
    glob_t found = {0};
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no tilde, so no environment. */
    int result = glob(pattern, 0, NULL, &found);

    if (result == GLOB_NOMATCH) {
        LOAD_ERROR(loader, "E-INCLUDE", node, "no file matches '%.200s'",
                   node->text);
    } else if (result != 0) {
        LOAD_ERROR(loader, "E-INCLUDE", node, "cannot look for '%.200s'",
                   node->text);
    }
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
        load_include_file(loader, node, found.gl_pathv[i], depth);
    }
    globfree(&found);
}

static void
load_include_file(struct loader *loader, const struct yaml_node *node,
                  const char *path, int depth)
{
    struct load_source source = {.path = NULL};

    for (size_t i = 0; i < loader->n_sources; i++) {
        if (strcmp(loader->sources[i].path, path) == 0) {
            LOAD_ERROR(loader, "E-CYCLE", node,
                       "'%.200s' is included a second time", path);
            return;
        }
    }
    if (loader->n_sources == LOAD_MAX_FILES) {
        LOAD_ERROR(loader, "E-LIMIT", node, "more than %d included files",
                   LOAD_MAX_FILES - 1);
    } else if (!include_is_inside(loader, path)) {
        LOAD_ERROR(loader, "E-INCLUDE", node,
                   "'%.200s' is not inside the policy's folder", path);
    } else if (read_source(loader, &source, path, node)) {
        load_source(loader, &source, depth);
    }
}

static bool
include_is_inside(const struct loader *loader, const char *path)
{
    char *real = realpath(path, NULL);
    size_t length = strlen(loader->folder);
    bool inside = real && strncmp(real, loader->folder, length) == 0 &&
                  (real[length] == '/' || loader->folder[length - 1] == '/');

    free(real);
    return inside;
}

static bool
include_is_relative(const char *path)
{
    if (path[0] == '/' || path[0] == '\0') {
        return false;
    }
    for (const char *part = path; part;) {
        size_t length = strcspn(part, "/");

        if (length == 2 && memcmp(part, "..", 2) == 0) {
            return false;
        }
        part = part[length] ? part + length + 1 : NULL;
    }
    return true;
}

static bool
read_source(struct loader *loader, struct load_source *source, const char *path,
            const struct yaml_node *from)
{
    struct whole_file file = {.bytes = NULL};
    const char *why = whole_file_read(path, YAML_DOC_MAX_BYTES, &file);

    source->path = why ? NULL : strdup(path);
    if (!source->path) {
        free(file.bytes);
        file_error(loader, from, path, "E-FILE",
                   why ? why : "it cannot be read");
        return false;
    }
    source->bytes = file.bytes;
    source->size = file.size;
    return true;
}

static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static void
load_content(struct loader *loader)
{
    load_head(loader);
    load_segments(loader);
    if (loader->out_of_memory) {
        return;
    }
    load_groups(loader);
    load_addresses(loader);
    load_services(loader);
    load_applications(loader);
    load_schedules(loader);
    if (loader->out_of_memory) {
        return;
    }
    load_rules(loader);
    load_rest(loader);
    if (!loader->out_of_memory) {
        load_lint(loader);
    }
}

/* Only policies without errors get here.  False when out of memory. */
static bool
load_finish(struct loader *loader)
{
    struct policy *policy = loader->policy;
    const char *bytes[LOAD_MAX_FILES];
    size_t sizes[LOAD_MAX_FILES];
    struct segment_def *defs =
        load_scratch(loader, policy->n_segments, sizeof *defs);
    bool too_large = false;

    if (!defs) {
        return false;
    }
    for (size_t i = 0; i < policy->n_segments; i++) {
        defs[i] = policy->segments[i].def;
    }
    policy->locator = segments_build(loader->arena, defs, policy->n_segments);
    if (!policy->locator) {
        return false;
    }
    if (!policy_compile(policy, &too_large)) {
        if (too_large) {
            problems_add(loader->problems, PROBLEM_ERROR, "E-LIMIT",
                         loader->sources[0].path, 0, 0,
                         "the compiled policy would need more than %d MiB",
                         POLICY_MAX_COMPILED_BYTES >> 20);
        }
        return too_large;
    }
    for (size_t i = 0; i < loader->n_sources; i++) {
        bytes[i] = loader->sources[i].bytes;
        sizes[i] = loader->sources[i].size;
    }
    policy_hash_source(policy, bytes, sizes, loader->n_sources);
    return policy_hash_canonical(policy);
}

static void
memory_error(struct loader *loader, const char *path)
{
    if (loader->too_large) {
        problems_add(loader->problems, PROBLEM_ERROR, "E-LIMIT", path, 0, 0,
                     "what the policy defines takes more than %d MiB; do sets "
                     "name each other over and over?",
                     LOAD_MAX_BYTES >> 20);
    } else {
        problems_add(loader->problems, PROBLEM_ERROR, "E-MEMORY", path, 0, 0,
                     "out of memory");
    }
}

static void
say_out_of_memory(struct problems *problems, const char *path)
{
    problems_add(problems, PROBLEM_ERROR, "E-MEMORY", path, 0, 0,
                 "out of memory");
}

static void
file_error(struct loader *loader, const struct yaml_node *from,
           const char *path, const char *code, const char *text)
{
    if (from) {
        LOAD_ERROR(loader, code, from, "'%.200s': %s", path, text);
    } else {
        problems_add(loader->problems, PROBLEM_ERROR, code, path, 0, 0, "%s",
                     text);
    }
}

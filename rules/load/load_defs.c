/* Named definitions.  All files of the bundle share one set of names per kind,
 * and names may be used before they are defined. */

#include "rules/load/policy_load.h"

#include <stdio.h>
#include <string.h>

static void load_def(struct loader *, struct load_defs *,
                     const struct yaml_entry *, const char *what);

void
load_defs_collect(struct loader *loader, struct load_defs *defs, int top_key,
                  const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < loader->n_docs; i++) {
        const struct yaml_node *map = loader->docs[i].value[top_key];

        n += map ? map->n : 0;
    }
    defs->defs = load_scratch(loader, n, sizeof *defs->defs);
    if (!defs->defs) {
        return;
    }
    for (size_t i = 0; i < loader->n_docs; i++) {
        const struct yaml_node *map = loader->docs[i].value[top_key];

        for (size_t k = 0; map && k < map->n; k++) {
            load_def(loader, defs, &map->entries[k], what);
        }
    }
}

struct load_def *
load_def_find(struct load_defs *defs, const char *name)
{
    uint32_t at;

    return name_map_get(&defs->names, name, &at) ? &defs->defs[at] : NULL;
}

void
load_defs_refuse(struct loader *loader, struct load_defs *defs,
                 const char *word)
{
    const struct load_def *def = load_def_find(defs, word);

    if (def) {
        LOAD_ERROR(loader, "E-NAME", def->key,
                   "'%s' has a meaning already, which a name would hide", word);
    }
}

void
load_defs_suggest(const struct load_defs *defs,
                  struct name_suggestion *suggestion)
{
    for (size_t i = 0;
         i < defs->n && suggestion->effort < suggestion->max_effort; i++) {
        name_suggestion_offer(suggestion, defs->defs[i].name);
    }
}

void
load_suggestion(const struct loader *loader, struct name_suggestion *suggestion,
                const char *word)
{
    name_suggestion_init(suggestion, word);
    suggestion->effort = loader->suggestion_effort;
    if (!problems_wants(loader->problems, PROBLEM_ERROR)) {
        suggestion->max_effort = 0;
    }
}

const char *
load_suggestion_text(struct loader *loader,
                     const struct name_suggestion *suggestion,
                     char text[NAME_SUGGESTION_SIZE])
{
    loader->suggestion_effort = suggestion->effort;
    return name_suggestion_text(suggestion, text);
}

void
load_unknown_name(struct loader *loader, const struct yaml_node *node,
                  const char *what, const struct name_suggestion *suggestion)
{
    char near[NAME_SUGGESTION_SIZE];

    LOAD_ERROR(loader, "E-REF", node, "there is no %s '%.60s'%s", what,
               node->text, load_suggestion_text(loader, suggestion, near));
}

static void
load_def(struct loader *loader, struct load_defs *defs,
         const struct yaml_entry *entry, const char *what)
{
    const struct yaml_node *key = entry->key;
    struct load_def *old = load_def_find(defs, key->text);

    if (!defs->defs) {
        return;
    }
    if (!name_is_valid(key->text)) {
        LOAD_ERROR(loader, "E-NAME", key,
                   "'%.60s' is no name for %s: begin with a small letter, go "
                   "on with a-z, 0-9, '-' and '_', at most 48 of them",
                   key->text, what);
    } else if (old) {
        LOAD_ERROR(loader, "E-DUPKEY", key,
                   "%s '%s' is defined a second time; the first is in %s:%u",
                   what, key->text, old->key->file, old->key->line);
    } else {
        defs->defs[defs->n] = (struct load_def){
            .name = key->text, .key = key, .value = entry->value};
        loader->out_of_memory |= !name_map_add(&loader->scratch, &defs->names,
                                               key->text, (uint32_t)defs->n++);
    }
}

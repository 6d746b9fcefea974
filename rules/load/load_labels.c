/* Segments by their labels.
 *
 * All labels of all segments are sorted once, when the first group asks, so
 * that a group costs no more than what it finds. */

#include "rules/load/policy_load.h"

#include <stdlib.h>
#include <string.h>

static bool labels_are_words(struct loader *, const struct yaml_node *);
static bool index_labels(struct loader *);
static void add_labelled(const struct loader *, const char *name,
                         const char *value, uint64_t *set);
static int label_order(const void *, const void *);

/* All of 'labels'; a list of values is any of them. */
void
load_labelled(struct loader *loader, const struct yaml_node *labels,
              uint64_t *set)
{
    size_t n_words = loader->policy->n_set_words;
    uint64_t *all = load_new_set(loader), *one = load_new_set(loader);

    if (!labels->n || !all || !one || !labels_are_words(loader, labels) ||
        !index_labels(loader)) {
        return;
    }
    for (size_t i = 0; i < labels->n; i++) {
        const struct yaml_entry *entry = &labels->entries[i];

        memset(one, 0, n_words * sizeof *one);
        for (size_t k = 0; k < load_count(entry->value); k++) {
            add_labelled(loader, entry->key->text,
                         load_item(entry->value, k)->text, one);
        }
        for (size_t w = 0; w < n_words; w++) {
            all[w] = i == 0 ? one[w] : all[w] & one[w];
        }
    }
    for (size_t w = 0; w < n_words; w++) {
        set[w] |= all[w];
    }
}

static bool
labels_are_words(struct loader *loader, const struct yaml_node *labels)
{
    for (size_t i = 0; i < labels->n; i++) {
        const struct yaml_node *value = labels->entries[i].value;
        bool words = value->kind != YAML_DOC_MAP;

        for (size_t k = 0; words && k < load_count(value); k++) {
            words = load_item(value, k)->kind == YAML_DOC_SCALAR;
        }
        if (!words) {
            LOAD_ERROR(loader, "E-TYPE", value,
                       "a label's value is a word or a list of words");
            return false;
        }
    }
    return true;
}

static bool
index_labels(struct loader *loader)
{
    const struct policy *policy = loader->policy;
    size_t n = 0;

    for (size_t i = 0; i < policy->n_segments; i++) {
        n += policy->segments[i].n_labels;
    }
    if (loader->labels) {
        return true;
    }
    loader->labels = load_scratch(loader, n, sizeof *loader->labels);
    for (size_t i = 0; loader->labels && i < policy->n_segments; i++) {
        for (size_t k = 0; k < policy->segments[i].n_labels; k++) {
            loader->labels[loader->n_labels++] =
                (struct load_label){policy->segments[i].labels[k], (uint32_t)i};
        }
    }
    if (loader->labels && loader->n_labels) {
        qsort(loader->labels, loader->n_labels, sizeof *loader->labels,
              label_order);
    }
    return loader->labels;
}

static void
add_labelled(const struct loader *loader, const char *name, const char *value,
             uint64_t *set)
{
    const struct load_label wanted = {.label = {name, value}};
    size_t low = 0, high = loader->n_labels;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (label_order(&loader->labels[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < loader->n_labels &&
           label_order(&loader->labels[low], &wanted) == 0;
         low++) {
        set_add(set, loader->labels[low].segment);
    }
}

static int
label_order(const void *a, const void *b)
{
    const struct load_label *x = a, *y = b;
    int order = strcmp(x->label.name, y->label.name);

    return order ? order : strcmp(x->label.value, y->label.value);
}

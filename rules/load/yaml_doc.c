/* Events rather than libyaml's documents: the depth can be capped while
 * parsing, and merging and duplicate keys are seen where they happen. */

#include "rules/load/yaml_doc.h"

#include "rules/name_map.h"
#include "rules/problems.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* A list or mapping that has begun and not ended. */
struct yaml_frame {
    struct yaml_node *node;
    struct arena_list children; /* const struct yaml_node *; keys, values. */
    const char *anchor;
};

struct yaml_anchor {
    const struct yaml_node *node; /* NULL while it is being read. */
};

enum {
    YAML_SMALL_MAP = 16 /* Entries that are compared one by one. */
};

/* An entry on its way into a mapping. */
struct yaml_candidate {
    struct yaml_entry entry; /* Explicit ones come first, then merged ones. */
    bool merged, dropped;
};

struct yaml_builder {
    struct arena *arena;
    const char *file;
    struct problems *problems;
    struct yaml_frame frames[YAML_DOC_MAX_DEPTH];
    size_t depth;
    struct arena_list anchors; /* struct yaml_anchor */
    struct name_map anchor_names;
    const struct yaml_node *root;
    uint32_t aliased, n_nodes;
    bool document_seen, failed;
};

static bool yaml_build_event(struct yaml_builder *, const yaml_event_t *);
static void yaml_build_scalar(struct yaml_builder *, const yaml_event_t *);
static void yaml_build_alias(struct yaml_builder *, const yaml_event_t *);
static void yaml_build_start(struct yaml_builder *, const yaml_event_t *,
                             enum yaml_doc_kind, const yaml_char_t *tag,
                             const yaml_char_t *anchor);
static void yaml_build_end(struct yaml_builder *);
static void yaml_build_add(struct yaml_builder *, const struct yaml_node *);
static void yaml_build_map(struct yaml_builder *, struct yaml_node *,
                           const struct arena_list *children);
static bool yaml_collect(struct yaml_builder *, struct arena_list *,
                         const struct yaml_entry *, bool merged);
static bool yaml_collect_merge(struct yaml_builder *, struct arena_list *,
                               const struct yaml_node *value);
static bool yaml_drop_doubles(struct yaml_builder *, struct yaml_candidate *,
                              size_t n);
static size_t yaml_first_of_key(const struct name_map *seen,
                                const struct yaml_candidate *, size_t at);
static void yaml_set_anchor(struct yaml_builder *, const char *name,
                            const struct yaml_node *);
static struct yaml_node *yaml_node_new(struct yaml_builder *,
                                       enum yaml_doc_kind, yaml_mark_t);
static void yaml_syntax_error(struct yaml_builder *, const yaml_parser_t *,
                              const char *bytes, size_t size);
static bool yaml_fail(struct yaml_builder *, unsigned line, unsigned column,
                      const char *code, const char *text);

const struct yaml_node *
yaml_doc_parse(struct arena *arena, const char *file, const char *bytes,
               size_t size, struct problems *problems)
{
    struct yaml_builder builder = {
        .arena = arena, .file = file, .problems = problems};
    bool more = true;
    yaml_parser_t parser;

    if (size > YAML_DOC_MAX_BYTES) {
        yaml_fail(&builder, 0, 0, "E-LIMIT", "the file is larger than 1 MiB");
        return NULL;
    }
    if (!yaml_parser_initialize(&parser)) {
        yaml_fail(&builder, 0, 0, "E-MEMORY", "out of memory");
        return NULL;
    }
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3; /* The mark with which some editors begin a text. */
        size -= 3;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    while (more && !builder.failed) {
        yaml_event_t event;

        if (!yaml_parser_parse(&parser, &event)) {
            yaml_syntax_error(&builder, &parser, bytes, size);
            break;
        }
        more = yaml_build_event(&builder, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!builder.failed && !builder.root) {
        yaml_fail(&builder, 1, 1, "E-EMPTY", "the file holds nothing");
    }
    return builder.failed ? NULL : builder.root;
}

const struct yaml_node *
yaml_doc_get(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; map->kind == YAML_DOC_MAP && i < map->n; i++) {
        if (strcmp(map->entries[i].key->text, key) == 0) {
            return map->entries[i].value;
        }
    }
    return NULL;
}

const char *
yaml_doc_library_version(void)
{
    return yaml_get_version_string();
}

const char *
yaml_doc_kind_name(enum yaml_doc_kind kind)
{
    static const char *const names[] = {
        [YAML_DOC_SCALAR] = "a value",
        [YAML_DOC_LIST] = "a list",
        [YAML_DOC_MAP] = "a mapping",
    };

    return names[kind];
}

/* Returns false when there is nothing more to read. */
static bool
yaml_build_event(struct yaml_builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->document_seen) {
            return yaml_fail(builder, (unsigned)event->start_mark.line + 1,
                             (unsigned)event->start_mark.column + 1, "E-YAML",
                             "a second document ('---'); a file holds one");
        }
        builder->document_seen = true;
        break;
    case YAML_SCALAR_EVENT: yaml_build_scalar(builder, event); break;
    case YAML_ALIAS_EVENT: yaml_build_alias(builder, event); break;
    case YAML_SEQUENCE_START_EVENT:
        yaml_build_start(builder, event, YAML_DOC_LIST,
                         event->data.sequence_start.tag,
                         event->data.sequence_start.anchor);
        break;
    case YAML_MAPPING_START_EVENT:
        yaml_build_start(builder, event, YAML_DOC_MAP,
                         event->data.mapping_start.tag,
                         event->data.mapping_start.anchor);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: yaml_build_end(builder); break;
    case YAML_STREAM_END_EVENT: return false;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: break;
    }
    return true;
}

static void
yaml_build_scalar(struct yaml_builder *builder, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct yaml_node *node =
        yaml_node_new(builder, YAML_DOC_SCALAR, event->start_mark);

    if (!node) {
        return;
    }
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_text(builder->arena, value, length);
    if (!node->text) {
        yaml_fail(builder, 0, 0, "E-MEMORY", "out of memory");
        return;
    }
    if (memchr(value, '\0', length)) {
        yaml_fail(builder, node->line, node->column, "E-YAML",
                  "a NUL character");
        return;
    }
    if (event->data.scalar.tag) {
        problems_add(builder->problems, PROBLEM_ERROR, "E-TAG", builder->file,
                     node->line, node->column,
                     "tags such as '%.40s' are not used here; to say \"not\", "
                     "use a key such as from_except, and quote a value that "
                     "begins with '!'",
                     (const char *)event->data.scalar.tag);
    }
    if (event->data.scalar.anchor) {
        yaml_set_anchor(builder, (const char *)event->data.scalar.anchor, node);
    }
    yaml_build_add(builder, node);
}

static void
yaml_build_alias(struct yaml_builder *builder, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    unsigned line = (unsigned)event->start_mark.line + 1;
    unsigned column = (unsigned)event->start_mark.column + 1;
    const struct yaml_anchor *anchors = builder->anchors.items;
    const struct yaml_node *node = NULL;
    uint32_t at;
    bool found = anchors && name_map_get(&builder->anchor_names, name, &at);

    if (found) {
        node = anchors[at].node;
    }
    if (!found) {
        problems_add(builder->problems, PROBLEM_ERROR, "E-YAML", builder->file,
                     line, column,
                     "no anchor '&%.60s' stands before this; quote a value "
                     "that begins with '*'",
                     name);
        builder->failed = true;
    } else if (!node) {
        yaml_fail(builder, line, column, "E-CYCLE",
                  "an alias inside the very thing it names");
    } else if (node->weight > YAML_DOC_MAX_ALIASED - builder->aliased) {
        yaml_fail(builder, line, column, "E-LIMIT",
                  "aliases stand for more than 100000 nodes");
    } else {
        builder->aliased += node->weight;
        yaml_build_add(builder, node);
    }
}

static void
yaml_build_start(struct yaml_builder *builder, const yaml_event_t *event,
                 enum yaml_doc_kind kind, const yaml_char_t *tag,
                 const yaml_char_t *anchor)
{
    struct yaml_node *node = yaml_node_new(builder, kind, event->start_mark);
    struct yaml_frame *frame;

    if (!node) {
        return;
    }
    if (builder->depth == YAML_DOC_MAX_DEPTH) {
        yaml_fail(builder, node->line, node->column, "E-LIMIT",
                  "nested more than 64 deep");
        return;
    }
    if (tag) {
        problems_add(builder->problems, PROBLEM_ERROR, "E-TAG", builder->file,
                     node->line, node->column,
                     "tags such as '%.40s' are not used here",
                     (const char *)tag);
    }
    frame = &builder->frames[builder->depth++];
    *frame = (struct yaml_frame){.node = node};
    if (anchor) {
        frame->anchor = arena_text(builder->arena, (const char *)anchor,
                                   strlen((const char *)anchor));
        yaml_set_anchor(builder, (const char *)anchor, NULL);
    }
}

static void
yaml_build_end(struct yaml_builder *builder)
{
    struct yaml_frame *frame = &builder->frames[--builder->depth];
    struct yaml_node *node = frame->node;

    if (!node) {
        return;
    }
    if (node->kind == YAML_DOC_MAP) {
        yaml_build_map(builder, node, &frame->children);
    } else {
        node->items = frame->children.items;
        node->n = frame->children.n;
        for (size_t i = 0; i < node->n; i++) {
            node->weight += node->items[i]->weight;
        }
    }
    if (builder->failed) {
        return;
    }
    if (frame->anchor) {
        yaml_set_anchor(builder, frame->anchor, node);
    }
    yaml_build_add(builder, node);
}

/* To the list or mapping that is open, or as the root. */
static void
yaml_build_add(struct yaml_builder *builder, const struct yaml_node *node)
{
    struct yaml_frame *frame;
    const struct yaml_node **slot;

    if (!builder->depth) {
        builder->root = node;
        return;
    }
    frame = &builder->frames[builder->depth - 1];
    if (frame->node && frame->node->kind == YAML_DOC_MAP &&
        frame->children.n % 2 == 0 && node->kind != YAML_DOC_SCALAR) {
        yaml_fail(builder, node->line, node->column, "E-YAML",
                  "a key must be a word, not a list or mapping");
        return;
    }
    slot = arena_list_add(builder->arena, &frame->children,
                          sizeof(const struct yaml_node *));
    if (!slot) {
        yaml_fail(builder, 0, 0, "E-MEMORY", "out of memory");
        return;
    }
    *slot = node;
}

static void
yaml_build_map(struct yaml_builder *builder, struct yaml_node *node,
               const struct arena_list *children)
{
    const struct yaml_node *const *child = children->items;
    struct arena_list list = {0};
    struct yaml_candidate *candidates;
    struct yaml_entry *entries;
    bool good = true;

    for (size_t i = 0; i + 1 < children->n && good; i += 2) {
        struct yaml_entry entry = {child[i], child[i + 1]};

        if (entry.key->quoted || strcmp(entry.key->text, "<<") != 0) {
            good = yaml_collect(builder, &list, &entry, false);
        }
    }
    for (size_t i = 0; i + 1 < children->n && good; i += 2) {
        if (!child[i]->quoted && strcmp(child[i]->text, "<<") == 0) {
            good = yaml_collect_merge(builder, &list, child[i + 1]);
        }
    }
    candidates = list.items;
    entries = arena_array(builder->arena, list.n, sizeof *entries);
    if (!good || !entries || !yaml_drop_doubles(builder, candidates, list.n)) {
        yaml_fail(builder, 0, 0, "E-MEMORY", "out of memory");
        return;
    }
    for (size_t i = 0; i < list.n; i++) {
        if (!candidates[i].dropped) {
            entries[node->n++] = candidates[i].entry;
            node->weight += 1 + candidates[i].entry.value->weight;
        }
    }
    node->entries = entries;
}

static bool
yaml_collect(struct yaml_builder *builder, struct arena_list *list,
             const struct yaml_entry *entry, bool merged)
{
    struct yaml_candidate *candidate =
        arena_list_add(builder->arena, list, sizeof *candidate);

    if (!candidate) {
        return false;
    }
    candidate->entry = *entry;
    candidate->merged = merged;
    return true;
}

/* '<<' names a mapping or a list of mappings; earlier ones win. */
static bool
yaml_collect_merge(struct yaml_builder *builder, struct arena_list *list,
                   const struct yaml_node *value)
{
    size_t n = value->kind == YAML_DOC_LIST ? value->n : 1;
    bool good = true;

    for (size_t i = 0; good && i < n; i++) {
        const struct yaml_node *map =
            value->kind == YAML_DOC_LIST ? value->items[i] : value;

        if (map->kind != YAML_DOC_MAP) {
            problems_add(builder->problems, PROBLEM_ERROR, "E-TYPE",
                         builder->file, map->line, map->column,
                         "'<<' merges mappings; this is %s",
                         yaml_doc_kind_name(map->kind));
        }
        for (size_t k = 0; good && map->entries && k < map->n; k++) {
            good = yaml_collect(builder, list, &map->entries[k], true);
        }
    }
    return good;
}

/* Of entries with one key the first stays: an explicit one rather than a merged
 * one.  False when out of memory. */
static bool
yaml_drop_doubles(struct yaml_builder *builder,
                  struct yaml_candidate *candidates, size_t n)
{
    struct name_map seen = {0};

    for (size_t i = 0; i < n; i++) {
        const struct yaml_node *key = candidates[i].entry.key;
        size_t first = yaml_first_of_key(&seen, candidates, i);

        candidates[i].dropped = first < i;
        if (first == i && n > YAML_SMALL_MAP &&
            !name_map_add(builder->arena, &seen, key->text, (uint32_t)i)) {
            return false;
        }
        if (first == i || candidates[i].merged) {
            continue;
        }
        if (problems_wants(builder->problems, PROBLEM_ERROR)) {
            problems_add(builder->problems, PROBLEM_ERROR, "E-DUPKEY",
                         builder->file, key->line, key->column,
                         "key '%.60s' is here a second time; the first is in "
                         "line %u",
                         key->text, candidates[first].entry.key->line);
        } else {
            problems_skip(builder->problems, PROBLEM_ERROR);
        }
    }
    return true;
}

/* 'at' itself if no entry before it has its key. */
static size_t
yaml_first_of_key(const struct name_map *seen,
                  const struct yaml_candidate *candidates, size_t at)
{
    const char *text = candidates[at].entry.key->text;
    uint32_t known;

    if (seen->n) {
        return name_map_get(seen, text, &known) ? known : at;
    }
    for (size_t i = 0; i < at; i++) {
        if (strcmp(candidates[i].entry.key->text, text) == 0) {
            return i;
        }
    }
    return at;
}

static void
yaml_set_anchor(struct yaml_builder *builder, const char *name,
                const struct yaml_node *node)
{
    struct yaml_anchor *anchors = builder->anchors.items, *anchor;
    uint32_t at;

    if (anchors && name_map_get(&builder->anchor_names, name, &at)) {
        anchors[at].node = node; /* The last one of a name counts. */
        return;
    }
    at = (uint32_t)builder->anchors.n;
    anchor = arena_list_add(builder->arena, &builder->anchors, sizeof *anchor);
    name = arena_text(builder->arena, name, strlen(name));
    if (!anchor || !name ||
        !name_map_add(builder->arena, &builder->anchor_names, name, at)) {
        yaml_fail(builder, 0, 0, "E-MEMORY", "out of memory");
        return;
    }
    anchor->node = node;
}

static struct yaml_node *
yaml_node_new(struct yaml_builder *builder, enum yaml_doc_kind kind,
              yaml_mark_t mark)
{
    struct yaml_node *node = arena_alloc(builder->arena, sizeof *node);

    if (builder->n_nodes++ == YAML_DOC_MAX_NODES) {
        while (builder->depth) { /* What was read is looked at for doubles. */
            yaml_build_end(builder);
        }
        yaml_fail(builder, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
                  "E-LIMIT", "the file holds more than 200000 values");
        return NULL;
    }
    if (!node) {
        yaml_fail(builder, 0, 0, "E-MEMORY", "out of memory");
        return NULL;
    }
    *node = (struct yaml_node){.kind = kind,
                               .line = (unsigned)mark.line + 1,
                               .column = (unsigned)mark.column + 1,
                               .file = builder->file,
                               .weight = 1};
    return node;
}

/* libyaml has no marks for bytes it cannot decode, only an offset. */
static void
yaml_syntax_error(struct yaml_builder *builder, const yaml_parser_t *parser,
                  const char *bytes, size_t size)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    unsigned column = (unsigned)parser->problem_mark.column + 1;
    const char *hint = "";

    if (parser->error == YAML_READER_ERROR) {
        size_t offset =
            parser->problem_offset < size ? parser->problem_offset : size;

        line = column = 1;
        for (size_t i = 0; i < offset; i++) {
            line += bytes[i] == '\n';
            column = bytes[i] == '\n' ? 1 : column + 1;
        }
    } else if (parser->problem && strstr(parser->problem, "expected ',' or")) {
        hint = "; quote what holds ':' or begins with '*', '!' or '&', such as "
               "\"::1\"";
    }
    problems_add(builder->problems, PROBLEM_ERROR, "E-YAML", builder->file,
                 line, column, "%s%s%s%s",
                 parser->problem ? parser->problem : "out of memory",
                 parser->context ? " " : "",
                 parser->context ? parser->context : "", hint);
    builder->failed = true;
}

static bool
yaml_fail(struct yaml_builder *builder, unsigned line, unsigned column,
          const char *code, const char *text)
{
    if (!builder->failed) {
        problems_add(builder->problems, PROBLEM_ERROR, code, builder->file,
                     line, column, "%s", text);
    }
    builder->failed = true;
    return false;
}
